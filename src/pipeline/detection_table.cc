#include "pipeline/detection_table.h"

#include <algorithm>
#include <array>
#include <vector>

namespace rollcall::pipeline {
namespace {

using artifacts::Column;
using artifacts::ColumnType;
using domain::Detection;
using domain::NoEmbedding;

NoEmbedding NoEmbeddingFromName(const std::string& name) {
  for (const NoEmbedding reason :
       {NoEmbedding::kNotSampled, NoEmbedding::kNoLandmarks, NoEmbedding::kTooSmall,
        NoEmbedding::kLowQuality, NoEmbedding::kNotConfirmed}) {
    if (name == domain::NoEmbeddingName(reason)) return reason;
  }
  return NoEmbedding::kNone;
}

std::array<float, 10> Flat(const domain::Landmarks5& points) {
  std::array<float, 10> flat{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    flat[2 * i] = points[i].x;
    flat[2 * i + 1] = points[i].y;
  }
  return flat;
}

std::optional<domain::Landmarks5> Unflat(const std::vector<float>& flat) {
  if (flat.size() != 10) return std::nullopt;
  domain::Landmarks5 points{};
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = {flat[2 * i], flat[2 * i + 1]};
  return points;
}

DetectionRow RowFrom(const artifacts::ParquetRow& row, WithEmbeddings with) {
  const auto number = [&](int column) { return static_cast<float>(row.Double(column)); };
  DetectionRow result;
  Detection& detection = result.detection;
  detection.frame_id = row.Int(0);
  detection.pts = domain::MediaTime{row.Int(1)};
  detection.index = static_cast<std::int32_t>(row.Int(2));
  detection.box = {number(3), number(4), number(5), number(6)};
  detection.score = number(7);
  detection.no_embedding = NoEmbeddingFromName(row.Text(8));
  if (!row.IsNull(9)) result.track_id = row.Int(9);
  detection.quality = number(10);
  detection.raw_norm = number(11);
  detection.landmark_score = number(12);
  if (!row.IsNull(13)) detection.landmarks = Unflat(row.FloatList(13));
  if (with == WithEmbeddings::kYes && !row.IsNull(14)) detection.embedding = row.FloatList(14);
  return result;
}

}  // namespace

base::Result<std::unique_ptr<DetectionTableWriter>> DetectionTableWriter::Create(
    const std::filesystem::path& path, std::string episode_id) {
  ROLLCALL_TRY_ASSIGN(
      auto writer, artifacts::ParquetWriter::Create(path, {{"episode_id", ColumnType::kText},
                                                           {"frame_id", ColumnType::kInt64},
                                                           {"ts_ms", ColumnType::kInt64},
                                                           {"pts_us", ColumnType::kInt64},
                                                           {"det_idx", ColumnType::kInt32},
                                                           {"bbox_x1", ColumnType::kFloat},
                                                           {"bbox_y1", ColumnType::kFloat},
                                                           {"bbox_x2", ColumnType::kFloat},
                                                           {"bbox_y2", ColumnType::kFloat},
                                                           {"confidence", ColumnType::kFloat},
                                                           {"face_size", ColumnType::kFloat},
                                                           {"embedding", ColumnType::kFloatList},
                                                           {"no_embedding", ColumnType::kText},
                                                           {"track_id", ColumnType::kInt64},
                                                           {"quality", ColumnType::kFloat},
                                                           {"raw_norm", ColumnType::kFloat},
                                                           {"landmark_score", ColumnType::kFloat},
                                                           {"landmarks", ColumnType::kFloatList}}));
  return std::unique_ptr<DetectionTableWriter>(
      new DetectionTableWriter(std::move(writer), std::move(episode_id)));
}

base::Result<void> DetectionTableWriter::Add(const Detection& detection,
                                             std::optional<std::int64_t> track_id) {
  writer_->Text(episode_id_);
  writer_->Int64(detection.frame_id);
  writer_->Int64(domain::ToMillis(detection.pts));
  writer_->Int64(detection.pts.count());
  writer_->Int32(detection.index);
  writer_->Float(detection.box.x1);
  writer_->Float(detection.box.y1);
  writer_->Float(detection.box.x2);
  writer_->Float(detection.box.y2);
  writer_->Float(detection.score);
  writer_->Float(std::min(detection.box.width(), detection.box.height()));
  if (detection.embedding.empty()) {
    writer_->Null();
  } else {
    writer_->FloatList(detection.embedding);
  }
  writer_->Text(domain::NoEmbeddingName(detection.no_embedding));
  if (track_id) {
    writer_->Int64(*track_id);
  } else {
    writer_->Null();
  }
  writer_->Float(detection.quality);
  writer_->Float(detection.raw_norm);
  writer_->Float(detection.landmark_score);
  if (detection.landmarks) {
    writer_->FloatList(Flat(*detection.landmarks));
  } else {
    writer_->Null();
  }
  ++rows_;
  return writer_->EndRow();
}

base::Result<DetectionReader> DetectionReader::Open(const std::filesystem::path& path,
                                                    WithEmbeddings with) {
  std::vector<Column> columns{
      {"frame_id", ColumnType::kInt64},       {"pts_us", ColumnType::kInt64},
      {"det_idx", ColumnType::kInt32},        {"bbox_x1", ColumnType::kFloat},
      {"bbox_y1", ColumnType::kFloat},        {"bbox_x2", ColumnType::kFloat},
      {"bbox_y2", ColumnType::kFloat},        {"confidence", ColumnType::kFloat},
      {"no_embedding", ColumnType::kText},    {"track_id", ColumnType::kInt64},
      {"quality", ColumnType::kFloat},        {"raw_norm", ColumnType::kFloat},
      {"landmark_score", ColumnType::kFloat}, {"landmarks", ColumnType::kFloatList}};
  if (with == WithEmbeddings::kYes) columns.push_back({"embedding", ColumnType::kFloatList});
  ROLLCALL_TRY_ASSIGN(auto reader, artifacts::ParquetReader::Open(path, columns));
  return DetectionReader(std::move(reader), with);
}

base::Result<std::optional<DetectionRow>> DetectionReader::Next() {
  ROLLCALL_TRY_ASSIGN(const artifacts::ParquetRow* row, reader_->Next());
  if (row == nullptr) return std::optional<DetectionRow>{};
  return std::optional<DetectionRow>{RowFrom(*row, with_)};
}

base::Result<std::unique_ptr<SampleTableWriter>> SampleTableWriter::Create(
    const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(auto writer,
                      artifacts::ParquetWriter::Create(path, {{"frame_id", ColumnType::kInt64},
                                                              {"ts_ms", ColumnType::kInt64},
                                                              {"pts_us", ColumnType::kInt64},
                                                              {"until_us", ColumnType::kInt64},
                                                              {"cut_score", ColumnType::kFloat},
                                                              {"cut", ColumnType::kBool},
                                                              {"tiles", ColumnType::kBool}}));
  return std::unique_ptr<SampleTableWriter>(new SampleTableWriter(std::move(writer)));
}

base::Result<void> SampleTableWriter::Add(const Sample& sample) {
  writer_->Int64(sample.frame_id);
  writer_->Int64(domain::ToMillis(sample.pts));
  writer_->Int64(sample.pts.count());
  writer_->Int64(sample.until.count());
  writer_->Float(sample.cut_score);
  writer_->Bool(sample.is_cut);
  writer_->Bool(sample.with_tiles);
  ++rows_;
  return writer_->EndRow();
}

base::Result<SampleReader> SampleReader::Open(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(auto reader,
                      artifacts::ParquetReader::Open(path, {{"frame_id", ColumnType::kInt64},
                                                            {"pts_us", ColumnType::kInt64},
                                                            {"cut_score", ColumnType::kFloat},
                                                            {"cut", ColumnType::kBool},
                                                            {"until_us", ColumnType::kInt64},
                                                            {"tiles", ColumnType::kBool}}));
  return SampleReader(std::move(reader));
}

base::Result<std::optional<Sample>> SampleReader::Next() {
  ROLLCALL_TRY_ASSIGN(const artifacts::ParquetRow* row, reader_->Next());
  if (row == nullptr) return std::optional<Sample>{};
  return std::optional<Sample>{{.frame_id = row->Int(0),
                                .pts = domain::MediaTime{row->Int(1)},
                                .until = domain::MediaTime{row->Int(4)},
                                .cut_score = static_cast<float>(row->Double(2)),
                                .is_cut = row->Bool(3),
                                .with_tiles = row->Bool(5)}};
}

}  // namespace rollcall::pipeline
