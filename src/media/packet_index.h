#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "domain/media_time.h"

namespace rollcall::media {

// One coded video picture, as the container has it, without decoding.
struct PacketEntry {
  domain::MediaTime pts{};  // On the file's timeline, as a player shows it (docs/time.md).
  bool is_keyframe = false;
  // A keyframe from which decoding may begin, whose own picture is not whole (intra refresh).
  bool is_gradual = false;
  bool is_disposable = false;  // No other picture refers to it (H.264, HEVC, MPEG B pictures …).
  // Its place among the video's packets in the file, hidden ones counted. Readers of containers
  // other than MP4 and Matroska find their frames by it: keep it with the rest.
  std::uint32_t decode_order = 0;
};

struct PacketIndex {
  std::vector<PacketEntry> packets;   // In presentation order; index = frame_id.
  domain::MediaTime end{};            // Of the last frame, on the file's timeline.
  domain::MediaTime zero{};           // Of that timeline, on the container's own clock.
  std::vector<std::string> warnings;  // "the file ends in the middle: …", for the report.

  domain::MediaTime start() const { return packets.empty() ? end : packets.front().pts; }
  domain::MediaTime length() const { return end - start(); }
  // When the next frame takes the place of this one; the end for the last.
  domain::MediaTime ShownUntil(std::int64_t frame_id) const {
    const auto next = static_cast<std::size_t>(frame_id) + 1;
    return next < packets.size() ? packets[next].pts : end;
  }
};

// Demuxes the whole file. Truncated or corrupt: as far as it goes, with a warning. Packets without
// a timestamp get one from their neighbours; equal ones are made distinct (later dropped).
// `on_bytes` is told of all that is read. Errors as Probe.
base::Result<PacketIndex> IndexPackets(const std::filesystem::path& path,
                                       base::OnBytes on_bytes = {});

}  // namespace rollcall::media
