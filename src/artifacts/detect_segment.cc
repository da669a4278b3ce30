#include <algorithm>
#include <utility>

#include "artifacts/binary_codec.h"
#include "artifacts/faces_pack.h"
#include "artifacts/faces_pack_format.h"
#include "base/check.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

using domain::Detection;
using domain::FaceCrop;
using SampledFrame = DetectSegment::SampledFrame;

// "RCDS" and the version; another version is refused, and its segment is made again.
constexpr std::string_view kMagic{"RCDS\x02\x00\x00\x00", 8};
// Longer than any embedder's output.
constexpr std::uint32_t kEmbeddingLengthMax = 4096;
// The least bytes of an entry: what a count is held against before memory is taken for it.
constexpr std::size_t kFrameBytes = 30;
constexpr std::size_t kDetectionBytesMin = 58;
constexpr std::size_t kCropBytesMin = 4 + faces_pack_format::kRecordBytesWithoutJpeg;

void PutFrame(BinaryWriter& writer, const SampledFrame& frame) {
  writer.Put(frame.frame_id);
  writer.Put(std::int64_t{frame.pts.count()});
  writer.Put(std::int64_t{frame.until.count()});
  writer.Put(frame.cut_score);
  writer.Put(static_cast<std::uint8_t>(frame.is_cut));
  writer.Put(static_cast<std::uint8_t>(frame.with_tiles));
}

void PutDetection(BinaryWriter& writer, const Detection& detection) {
  ROLLCALL_CHECK(detection.embedding.size() <= kEmbeddingLengthMax, "an embedding this long");
  writer.Put(detection.frame_id);
  writer.Put(std::int64_t{detection.pts.count()});
  writer.Put(detection.index);
  for (const float value :
       {detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2, detection.score,
        detection.landmark_score, detection.quality, detection.raw_norm}) {
    writer.Put(value);
  }
  writer.Put(static_cast<std::uint8_t>(detection.no_embedding));
  writer.Put(static_cast<std::uint8_t>(detection.landmarks.has_value()));
  if (detection.landmarks.has_value()) {
    for (const domain::PixelPoint& point : *detection.landmarks) {
      writer.Put(point.x);
      writer.Put(point.y);
    }
  }
  writer.Put(static_cast<std::uint32_t>(detection.embedding.size()));
  writer.PutBytes({reinterpret_cast<const char*>(detection.embedding.data()),
                   detection.embedding.size() * sizeof(float)});
}

void PutCrop(BinaryWriter& writer, const FaceCrop& crop) {
  const std::string record = faces_pack_format::EncodeRecord(crop);
  writer.Put(static_cast<std::uint32_t>(record.size()));
  writer.PutBytes(record);
}

bool TakeFlag(BinaryReader& reader, bool& flag) {
  const auto byte = reader.Take<std::uint8_t>();
  flag = byte != 0;
  return byte <= 1;
}

bool TakeFrame(BinaryReader& reader, SampledFrame& frame) {
  frame.frame_id = reader.Take<std::int64_t>();
  frame.pts = domain::MediaTime(reader.Take<std::int64_t>());
  frame.until = domain::MediaTime(reader.Take<std::int64_t>());
  frame.cut_score = reader.Take<float>();
  return TakeFlag(reader, frame.is_cut) && TakeFlag(reader, frame.with_tiles);
}

bool TakeEmbedding(BinaryReader& reader, Detection& detection) {
  const auto length = reader.Take<std::uint32_t>();
  if (length > kEmbeddingLengthMax) return false;
  const std::string_view bytes = reader.TakeBytes(length * sizeof(float));
  if (!reader.ok()) return false;
  detection.embedding.resize(length);
  if (length > 0) std::memcpy(detection.embedding.data(), bytes.data(), bytes.size());
  return true;
}

bool TakeDetection(BinaryReader& reader, Detection& detection) {
  detection.frame_id = reader.Take<std::int64_t>();
  detection.pts = domain::MediaTime(reader.Take<std::int64_t>());
  detection.index = reader.Take<std::int32_t>();
  for (float* value :
       {&detection.box.x1, &detection.box.y1, &detection.box.x2, &detection.box.y2,
        &detection.score, &detection.landmark_score, &detection.quality, &detection.raw_norm}) {
    *value = reader.Take<float>();
  }
  const auto no_embedding = reader.Take<std::uint8_t>();
  if (no_embedding > static_cast<std::uint8_t>(domain::NoEmbedding::kNotConfirmed)) return false;
  detection.no_embedding = static_cast<domain::NoEmbedding>(no_embedding);
  bool has_landmarks = false;
  if (!TakeFlag(reader, has_landmarks)) return false;
  if (has_landmarks) {
    for (domain::PixelPoint& point : detection.landmarks.emplace()) {
      point.x = reader.Take<float>();
      point.y = reader.Take<float>();
    }
  }
  return TakeEmbedding(reader, detection);
}

bool TakeCrop(BinaryReader& reader, FaceCrop& crop) {
  const auto size = reader.Take<std::uint32_t>();
  auto decoded = faces_pack_format::DecodeRecord(reader.TakeBytes(size), "a segment");
  if (!decoded.ok()) return false;
  crop = std::move(decoded).value();
  return true;
}

// A list as PutList writes it; false if it is malformed or the bytes end.
template <typename T>
bool TakeList(BinaryReader& reader, std::size_t entry_bytes_min, bool (*take)(BinaryReader&, T&),
              std::vector<T>& list) {
  const auto count = reader.Take<std::uint64_t>();
  if (count > reader.rest_size() / entry_bytes_min) return false;
  list.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!take(reader, list.emplace_back()) || !reader.ok()) return false;
  }
  return true;
}

template <typename T>
void PutList(BinaryWriter& writer, void (*put)(BinaryWriter&, const T&),
             const std::vector<T>& list) {
  writer.Put(std::uint64_t{list.size()});
  for (const T& entry : list) put(writer, entry);
}

}  // namespace

std::string EncodeDetectSegment(const DetectSegment& segment) {
  std::string bytes(kMagic);
  BinaryWriter writer(bytes);
  writer.Put(segment.failed_reads);
  PutList(writer, PutFrame, segment.frames);
  PutList(writer, PutDetection, segment.detections);
  PutList(writer, PutCrop, segment.crops);
  return bytes;
}

base::Result<DetectSegment> DecodeDetectSegment(std::string_view bytes) {
  BinaryReader reader(bytes);
  DetectSegment segment;
  const bool has_magic = reader.TakeBytes(kMagic.size()) == kMagic;
  segment.failed_reads = reader.Take<std::int64_t>();
  const bool is_whole = has_magic && TakeList(reader, kFrameBytes, TakeFrame, segment.frames) &&
                        TakeList(reader, kDetectionBytesMin, TakeDetection, segment.detections) &&
                        TakeList(reader, kCropBytesMin, TakeCrop, segment.crops) &&
                        reader.is_exhausted();
  if (!is_whole) {
    return domain::MakeError(domain::reason::kArtifactCorrupt, "a segment of detect is malformed");
  }
  return segment;
}

}  // namespace rollcall::artifacts
