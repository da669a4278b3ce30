#pragma once

#include <chrono>
#include <cstdint>

namespace rollcall::domain {

// A presentation timestamp or a span of the stream, in microseconds. Zero is the first frame's
// own timestamp shifted to 0: the timeline of an episode starts at its first video frame.
using MediaTime = std::chrono::duration<std::int64_t, std::micro>;

constexpr std::int64_t ToMillis(MediaTime time) { return (time.count() + 500) / 1000; }

}  // namespace rollcall::domain
