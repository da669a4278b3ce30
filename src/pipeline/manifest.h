#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/packet_index.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {

// harvest/<key>/manifest.parquet: one row per frame of the video, in presentation order:
// episode_id, frame_id, ts_ms, pts_us, until_us (when the next frame takes its place), keyframe,
// gradual (a keyframe whose own picture is not whole), disposable, decode_order, sampled.
struct Manifest {
  media::PacketIndex index;
  std::vector<std::int64_t> plan;  // Sampled frame_ids, ascending.
};

base::Result<void> WriteManifest(const std::filesystem::path& path, const std::string& episode_id,
                                 const Manifest& manifest, const OnRow& on_row = {});
// The index's zero and its warnings are not in the file.
base::Result<Manifest> ReadManifest(const std::filesystem::path& path, const OnRow& on_row = {});

}  // namespace rollcall::pipeline
