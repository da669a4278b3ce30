#pragma once

#include <cstdint>
#include <random>

#include "compose/spec.h"
#include "domain/media_time.h"

namespace rollcall::compose {

// When each frame of an episode begins: at a constant rate without drift, or by drawn durations.
class FrameClock {
 public:
  explicit FrameClock(const VideoSpec& video);

  domain::MediaTime now() const { return now_; }
  std::int64_t frame_index() const { return index_; }
  // To the next frame.
  void Advance();

 private:
  double frames_per_second_;
  std::optional<std::array<int, 2>> frame_ms_;
  std::mt19937_64 engine_;
  std::int64_t index_ = 0;
  domain::MediaTime now_{};
};

}  // namespace rollcall::compose
