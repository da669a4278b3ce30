#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/geometry.h"
#include "domain/media_time.h"

namespace rollcall::domain {

// L2-normalised; its length is the model's (512 for the default pack).
using Embedding = std::vector<float>;

// Cosine of two L2-normalised vectors of one length.
float Cosine(const Embedding& a, const Embedding& b);

// Why a detected face has no embedding.
enum class NoEmbedding : std::uint8_t {
  kNone = 0,     // It has one.
  kNotSampled,   // Nothing to add at this effort: an earlier or later frame of it has one.
  kNoLandmarks,  // No trustworthy points.
  kTooSmall,
  kLowQuality,    // The raw norm says: a bad crop.
  kNotConfirmed,  // The detector does not find it again when it looks at its surroundings.
};
const char* NoEmbeddingName(NoEmbedding reason);

// How a picture has to be turned, clockwise, for what it shows to stand upright.
enum class Turn : std::uint8_t { kNone, kQuarter, kHalf, kThreeQuarters };

// One face in one frame.
struct Detection {
  std::int64_t frame_id = 0;  // Index in presentation order among all frames of the video.
  MediaTime pts{};
  std::int32_t index = 0;  // Among the faces of its frame, best score first.
  PixelBox box{};
  float score = 0;  // Detector's, 0…1.
  std::optional<Landmarks5> landmarks{};
  float landmark_score = 0;  // 0…1: how plausible the points are as a face.
  float quality = 0;         // 0…1: size, sharpness, frontality, raw norm.
  float raw_norm = 0;        // Of the embedding before L2; 0 without one.
  Embedding embedding{};     // Empty without one.
  NoEmbedding no_embedding = NoEmbedding::kNone;
  Turn turn = Turn::kNone;  // While it is examined: how the picture is turned for it.
};

// An un-warped crop of one detection, JPEG.
struct FaceCrop {
  std::int64_t frame_id = 0;
  MediaTime pts{};
  std::int32_t index = 0;  // The detection's.
  PixelBox region{};       // What part of the picture the JPEG shows.
  Landmarks5 landmarks{};  // In the picture's pixels; all 0 without.
  std::string jpeg{};
};

}  // namespace rollcall::domain
