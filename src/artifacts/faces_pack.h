#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "domain/face.h"
#include "domain/image.h"

namespace rollcall::artifacts {

// faces.pack: un-warped face crops (box × 1.4, at most 160 px, JPEG) with their landmarks, in order
// of (frame_id, index), with an index at the end so that one crop is read without the rest.
// The format stands in docs/faces-pack.md. All integers little-endian; every length is bounded.
// Unless Finish succeeds, the file is removed. Not thread-safe.
class FacesPackWriter {
 public:
  static base::Result<std::unique_ptr<FacesPackWriter>> Create(const std::filesystem::path& path);
  virtual ~FacesPackWriter() = default;
  // Ascending (frame_id, index) and at most 1 MiB of JPEG, or kInvalidArgument.
  virtual base::Result<void> Add(const domain::FaceCrop& crop) = 0;
  virtual base::Result<void> Finish() = 0;
};

// Where a crop lies, without its JPEG.
struct FacesPackEntry {
  std::int64_t frame_id = 0;
  std::int32_t index = 0;
  std::uint64_t offset_bytes = 0;
};

// Holds the index in memory (24 bytes a crop), reads crops as they are asked for. Not thread-safe.
class FacesPackReader {
 public:
  // kNotFound, kDataLoss / ERR_ARTIFACT_CORRUPT for anything that is not a whole pack. `on_bytes`
  // is told of all that is ever read.
  static base::Result<std::unique_ptr<FacesPackReader>> Open(const std::filesystem::path& path,
                                                             base::OnBytes on_bytes = {});
  virtual ~FacesPackReader() = default;
  virtual const std::vector<FacesPackEntry>& entries() const = 0;
  // `entry` is one of entries(). kDataLoss / ERR_ARTIFACT_CORRUPT for a damaged record.
  virtual base::Result<domain::FaceCrop> Read(const FacesPackEntry& entry) = 0;
};

// One detect segment in memory: its detections and crops, and the cuts seen. Encode and Decode are
// inverse; Decode refuses anything malformed with kDataLoss (fuzzed).
struct DetectSegment {
  std::vector<domain::Detection> detections;
  std::vector<domain::FaceCrop> crops;
  struct SampledFrame {
    std::int64_t frame_id = 0;
    domain::MediaTime pts{};
    domain::MediaTime until{};  // When the next frame of the video, sampled or not, is shown.
    float cut_score = 0;  // Against the sampled frame before: 0 same … 1 entirely different.
    bool is_cut = false;
    bool with_tiles = false;  // Small faces were looked for.
  };
  std::vector<SampledFrame> frames;
  std::int64_t failed_reads = 0;
};
std::string EncodeDetectSegment(const DetectSegment& segment);
base::Result<DetectSegment> DecodeDetectSegment(std::string_view bytes);

// JPEG by libjpeg-turbo, deterministic. `quality` 1…100; colour at half resolution below 90. RGB or
// BGR or grey.
base::Result<std::string> EncodeJpeg(const domain::Image& image, int quality);
// As kRgb24; an EXIF orientation is not applied. kDataLoss / ERR_ARTIFACT_CORRUPT for what is not a
// whole JPEG or has more than 64 megapixels.
base::Result<domain::Image> DecodeJpeg(std::string_view bytes);

}  // namespace rollcall::artifacts
