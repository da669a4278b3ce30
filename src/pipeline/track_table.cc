#include "pipeline/track_table.h"

#include <algorithm>

namespace rollcall::pipeline {

using artifacts::ColumnType;

TrackSummary Summarise(const Track& track) {
  TrackSummary summary{.id = track.id,
                       .shot = track.shot,
                       .start = track.points.front().pts,
                       .end = track.points.back().pts,
                       .count = static_cast<std::int64_t>(track.points.size()),
                       .embedding_count = track.embedding_count,
                       .embedding = track.embedding};
  const TrackPoint* best = nullptr;
  float score_sum = 0;
  for (const TrackPoint& point : track.points) {
    score_sum += point.score;
    // An embedded face was cropped for certain, so that its still can be taken from the pack.
    const bool is_better =
        best == nullptr || (point.has_embedding && !best->has_embedding) ||
        (point.has_embedding == best->has_embedding && point.quality > best->quality);
    if (is_better) best = &point;
  }
  summary.mean_confidence = score_sum / static_cast<float>(track.points.size());
  summary.quality = best->quality;
  summary.best_frame_id = best->frame_id;
  summary.best_index = best->index;
  return summary;
}

base::Result<void> WriteTracks(const std::filesystem::path& path,
                               const std::vector<TrackSummary>& tracks) {
  ROLLCALL_TRY_ASSIGN(const auto writer, artifacts::ParquetWriter::Create(
                                             path, {{"track_id", ColumnType::kInt64},
                                                    {"shot_id", ColumnType::kInt64},
                                                    {"start_ms", ColumnType::kInt64},
                                                    {"end_ms", ColumnType::kInt64},
                                                    {"start_us", ColumnType::kInt64},
                                                    {"end_us", ColumnType::kInt64},
                                                    {"count", ColumnType::kInt64},
                                                    {"mean_confidence", ColumnType::kFloat},
                                                    {"quality", ColumnType::kFloat},
                                                    {"best_frame_id", ColumnType::kInt64},
                                                    {"best_det_idx", ColumnType::kInt32},
                                                    {"embedding_count", ColumnType::kInt64},
                                                    {"embedding", ColumnType::kFloatList}}));
  for (const TrackSummary& track : tracks) {
    writer->Int64(track.id);
    writer->Int64(track.shot);
    writer->Int64(domain::ToMillis(track.start));
    writer->Int64(domain::ToMillis(track.end));
    writer->Int64(track.start.count());
    writer->Int64(track.end.count());
    writer->Int64(track.count);
    writer->Float(track.mean_confidence);
    writer->Float(track.quality);
    writer->Int64(track.best_frame_id);
    writer->Int32(track.best_index);
    writer->Int64(track.embedding_count);
    if (track.embedding.empty()) {
      writer->Null();
    } else {
      writer->FloatList(track.embedding);
    }
    ROLLCALL_TRY(writer->EndRow());
  }
  return writer->Finish();
}

base::Result<std::vector<TrackSummary>> ReadTracks(const std::filesystem::path& path) {
  std::vector<TrackSummary> tracks;
  ROLLCALL_TRY(artifacts::ReadParquet(
      path,
      {{"track_id", ColumnType::kInt64},
       {"shot_id", ColumnType::kInt64},
       {"start_us", ColumnType::kInt64},
       {"end_us", ColumnType::kInt64},
       {"count", ColumnType::kInt64},
       {"mean_confidence", ColumnType::kFloat},
       {"quality", ColumnType::kFloat},
       {"best_frame_id", ColumnType::kInt64},
       {"best_det_idx", ColumnType::kInt32},
       {"embedding_count", ColumnType::kInt64},
       {"embedding", ColumnType::kFloatList}},
      [&](const artifacts::ParquetRow& row) -> base::Result<void> {
        tracks.push_back({.id = row.Int(0),
                          .shot = row.Int(1),
                          .start = domain::MediaTime{row.Int(2)},
                          .end = domain::MediaTime{row.Int(3)},
                          .count = row.Int(4),
                          .mean_confidence = static_cast<float>(row.Double(5)),
                          .quality = static_cast<float>(row.Double(6)),
                          .best_frame_id = row.Int(7),
                          .best_index = static_cast<std::int32_t>(row.Int(8)),
                          .embedding_count = row.Int(9),
                          .embedding = row.IsNull(10) ? domain::Embedding{} : row.FloatList(10)});
        return {};
      }));
  return tracks;
}

}  // namespace rollcall::pipeline
