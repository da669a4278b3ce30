#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "artifacts/parquet.h"
#include "base/result.h"
#include "domain/face.h"

namespace rollcall::pipeline {

// harvest/<key>/embeddings.parquet: one row per detection, in order of (frame_id, det_idx).
// Columns: episode_id, frame_id, ts_ms, pts_us, det_idx, bbox_x1, bbox_y1, bbox_x2, bbox_y2 (px of
// the displayed picture), confidence, face_size (px, shorter side), embedding (float list, L2; null
// without one), no_embedding (why), track_id (null before the track stage and outside any track),
// quality, raw_norm, landmark_score, landmarks (x, y of five points, px; null without).
class DetectionTableWriter {
 public:
  static base::Result<std::unique_ptr<DetectionTableWriter>> Create(
      const std::filesystem::path& path, std::string episode_id);
  base::Result<void> Add(const domain::Detection& detection, std::optional<std::int64_t> track_id);
  base::Result<void> Finish() { return writer_->Finish(); }
  std::int64_t rows() const { return rows_; }

 private:
  DetectionTableWriter(std::unique_ptr<artifacts::ParquetWriter> writer, std::string episode_id)
      : writer_(std::move(writer)), episode_id_(std::move(episode_id)) {}

  std::unique_ptr<artifacts::ParquetWriter> writer_;
  std::string episode_id_;
  std::int64_t rows_ = 0;
};

struct DetectionRow {
  domain::Detection detection;
  std::optional<std::int64_t> track_id;
};

enum class WithEmbeddings { kYes, kNo };

// The rows in file order, one at a time.
class DetectionReader {
 public:
  static base::Result<DetectionReader> Open(const std::filesystem::path& path, WithEmbeddings with);
  // nullopt behind the last.
  base::Result<std::optional<DetectionRow>> Next();
  std::int64_t row_count() const { return reader_->row_count(); }

 private:
  DetectionReader(std::unique_ptr<artifacts::ParquetReader> reader, WithEmbeddings with)
      : reader_(std::move(reader)), with_(with) {}

  std::unique_ptr<artifacts::ParquetReader> reader_;
  WithEmbeddings with_;
};

// harvest/<key>/samples.parquet: one row per frame that was really looked at: frame_id, ts_ms,
// pts_us, until_us, cut_score, cut (a shot begins between the sample before and this one), tiles.
struct Sample {
  std::int64_t frame_id = 0;
  domain::MediaTime pts{};
  domain::MediaTime until{};  // When the next frame of the video, looked at or not, is shown.
  float cut_score = 0;
  bool is_cut = false;
  bool with_tiles = false;  // Small faces were looked for too.
};

class SampleTableWriter {
 public:
  static base::Result<std::unique_ptr<SampleTableWriter>> Create(const std::filesystem::path& path);
  base::Result<void> Add(const Sample& sample);
  base::Result<void> Finish() { return writer_->Finish(); }
  std::int64_t rows() const { return rows_; }

 private:
  explicit SampleTableWriter(std::unique_ptr<artifacts::ParquetWriter> writer)
      : writer_(std::move(writer)) {}

  std::unique_ptr<artifacts::ParquetWriter> writer_;
  std::int64_t rows_ = 0;
};

class SampleReader {
 public:
  static base::Result<SampleReader> Open(const std::filesystem::path& path);
  // nullopt behind the last.
  base::Result<std::optional<Sample>> Next();
  std::int64_t row_count() const { return reader_->row_count(); }

 private:
  explicit SampleReader(std::unique_ptr<artifacts::ParquetReader> reader)
      : reader_(std::move(reader)) {}

  std::unique_ptr<artifacts::ParquetReader> reader_;
};

}  // namespace rollcall::pipeline
