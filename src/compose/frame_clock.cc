#include "compose/frame_clock.h"

#include <cmath>

namespace rollcall::compose {

FrameClock::FrameClock(const VideoSpec& video)
    : frames_per_second_(video.frames_per_second), frame_ms_(video.frame_ms), engine_(video.seed) {}

void FrameClock::Advance() {
  ++index_;
  if (!frame_ms_) {
    now_ = domain::MediaTime{std::llround(static_cast<double>(index_) * 1e6 / frames_per_second_)};
    return;
  }
  // Not a standard distribution: those differ between libraries.
  const auto [least, most] = *frame_ms_;
  const auto choices = static_cast<std::uint64_t>(most - least + 1);
  now_ += std::chrono::milliseconds(least + static_cast<int>(engine_() % choices));
}

}  // namespace rollcall::compose
