#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "domain/face.h"
#include "pipeline/detection_table.h"

namespace rollcall::pipeline::testing {

// A unit vector of 16 numbers that belongs to `person`; `noise` turns it away from the person's own
// direction, differently for each `shot`.
inline domain::Embedding VectorOf(int person, float noise = 0, int shot = 0) {
  domain::Embedding vector(16, 0.0F);
  vector[static_cast<std::size_t>(person)] = 1;
  vector[static_cast<std::size_t>(8 + (person + shot) % 8)] = noise;
  const float norm = std::sqrt(1 + noise * noise);
  for (float& x : vector) x /= norm;
  return vector;
}

// A face of 100 px with its left edge at `x`, at `ms`.
inline domain::Detection FaceAt(std::int64_t ms, float x, domain::Embedding embedding = {},
                                float score = 0.9F) {
  return {.frame_id = ms / 40,
          .pts = std::chrono::milliseconds{ms},
          .box = {x, 100, x + 100, 200},
          .score = score,
          .landmark_score = 0.9F,
          .quality = 0.8F,
          .embedding = std::move(embedding)};
}

// Of a video with so many frames that a picture is gone as soon as it is there.
inline Sample SampleAt(std::int64_t ms, bool is_cut = false) {
  const domain::MediaTime pts = std::chrono::milliseconds{ms};
  return {.frame_id = ms / 40, .pts = pts, .until = pts, .is_cut = is_cut};
}

}  // namespace rollcall::pipeline::testing
