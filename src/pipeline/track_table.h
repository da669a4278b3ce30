#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "artifacts/parquet.h"
#include "base/result.h"
#include "pipeline/tracker.h"

namespace rollcall::pipeline {

// What later stages need of a track: its points are in embeddings.parquet.
struct TrackSummary {
  std::int64_t id = 0;
  std::int64_t shot = 0;
  domain::MediaTime start{};  // Of its first and last detection.
  domain::MediaTime end{};
  domain::MediaTime until{};  // When the picture of the last one goes.
  std::int64_t count = 0;     // Detections.
  float mean_confidence = 0;
  float quality = 0;  // Of its best detection.
  std::int64_t best_frame_id = 0;
  std::int32_t best_index = 0;
  std::int64_t embedding_count = 0;
  bool needs_tiles = false;       // So small that samples without tiles mostly miss it.
  domain::Embedding embedding{};  // Empty without any.
};

TrackSummary Summarise(const Track& track);

// harvest/<key>/tracks.parquet: track_id, shot_id, start_ms, end_ms, start_us, end_us,
// until_us, count, mean_confidence, quality, best_frame_id, best_det_idx, embedding_count,
// needs_tiles, embedding (null without).
// In order of track_id.
class TrackTableWriter {
 public:
  static base::Result<std::unique_ptr<TrackTableWriter>> Create(const std::filesystem::path& path);
  base::Result<void> Add(const TrackSummary& track);
  base::Result<void> Finish() { return writer_->Finish(); }

 private:
  explicit TrackTableWriter(std::unique_ptr<artifacts::ParquetWriter> writer)
      : writer_(std::move(writer)) {}

  std::unique_ptr<artifacts::ParquetWriter> writer_;
};

// Streams the tracks in file order. An error of `track` ends the reading and is returned.
base::Result<void> ForEachTrack(const std::filesystem::path& path, WithEmbeddings with,
                                const std::function<base::Result<void>(TrackSummary track)>& track);

}  // namespace rollcall::pipeline
