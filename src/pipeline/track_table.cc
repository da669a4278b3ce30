#include "pipeline/track_table.h"

#include <utility>
#include <vector>

namespace rollcall::pipeline {

using artifacts::ColumnType;

TrackSummary Summarise(const Track& track) {
  return {.id = track.id,
          .shot = track.shot,
          .start = track.start,
          .end = track.end,
          .until = track.until,
          .count = track.count,
          .mean_confidence = track.score_sum / static_cast<float>(track.count),
          .quality = track.best.quality,
          .best_frame_id = track.best.frame_id,
          .best_index = track.best.index,
          .embedding_count = track.embedding_count,
          .needs_tiles = track.needs_tiles(),
          .embedding = track.embedding};
}

base::Result<std::unique_ptr<TrackTableWriter>> TrackTableWriter::Create(
    const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(
      auto writer, artifacts::ParquetWriter::Create(path, {{"track_id", ColumnType::kInt64},
                                                           {"shot_id", ColumnType::kInt64},
                                                           {"start_ms", ColumnType::kInt64},
                                                           {"end_ms", ColumnType::kInt64},
                                                           {"start_us", ColumnType::kInt64},
                                                           {"end_us", ColumnType::kInt64},
                                                           {"until_us", ColumnType::kInt64},
                                                           {"count", ColumnType::kInt64},
                                                           {"mean_confidence", ColumnType::kFloat},
                                                           {"quality", ColumnType::kFloat},
                                                           {"best_frame_id", ColumnType::kInt64},
                                                           {"best_det_idx", ColumnType::kInt32},
                                                           {"embedding_count", ColumnType::kInt64},
                                                           {"needs_tiles", ColumnType::kBool},
                                                           {"embedding", ColumnType::kFloatList}}));
  return std::unique_ptr<TrackTableWriter>(new TrackTableWriter(std::move(writer)));
}

base::Result<void> TrackTableWriter::Add(const TrackSummary& track) {
  writer_->Int64(track.id);
  writer_->Int64(track.shot);
  writer_->Int64(domain::ToMillis(track.start));
  writer_->Int64(domain::ToMillis(track.end));
  writer_->Int64(track.start.count());
  writer_->Int64(track.end.count());
  writer_->Int64(track.until.count());
  writer_->Int64(track.count);
  writer_->Float(track.mean_confidence);
  writer_->Float(track.quality);
  writer_->Int64(track.best_frame_id);
  writer_->Int32(track.best_index);
  writer_->Int64(track.embedding_count);
  writer_->Bool(track.needs_tiles);
  if (track.embedding.empty()) {
    writer_->Null();
  } else {
    writer_->FloatList(track.embedding);
  }
  return writer_->EndRow();
}

base::Result<void> ForEachTrack(
    const std::filesystem::path& path, WithEmbeddings with,
    const std::function<base::Result<void>(TrackSummary track)>& track) {
  std::vector<artifacts::Column> columns{
      {"track_id", ColumnType::kInt64},     {"shot_id", ColumnType::kInt64},
      {"start_us", ColumnType::kInt64},     {"end_us", ColumnType::kInt64},
      {"count", ColumnType::kInt64},        {"mean_confidence", ColumnType::kFloat},
      {"quality", ColumnType::kFloat},      {"best_frame_id", ColumnType::kInt64},
      {"best_det_idx", ColumnType::kInt32}, {"embedding_count", ColumnType::kInt64},
      {"until_us", ColumnType::kInt64},     {"needs_tiles", ColumnType::kBool}};
  if (with == WithEmbeddings::kYes) columns.push_back({"embedding", ColumnType::kFloatList});
  return artifacts::ReadParquet(path, columns, [&](const artifacts::ParquetRow& row) {
    TrackSummary summary{.id = row.Int(0),
                         .shot = row.Int(1),
                         .start = domain::MediaTime{row.Int(2)},
                         .end = domain::MediaTime{row.Int(3)},
                         .until = domain::MediaTime{row.Int(10)},
                         .count = row.Int(4),
                         .mean_confidence = static_cast<float>(row.Double(5)),
                         .quality = static_cast<float>(row.Double(6)),
                         .best_frame_id = row.Int(7),
                         .best_index = static_cast<std::int32_t>(row.Int(8)),
                         .embedding_count = row.Int(9),
                         .needs_tiles = row.Bool(11)};
    if (with == WithEmbeddings::kYes && !row.IsNull(12)) summary.embedding = row.FloatList(12);
    return track(std::move(summary));
  });
}

}  // namespace rollcall::pipeline
