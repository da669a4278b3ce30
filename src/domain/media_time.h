#pragma once

#include <chrono>
#include <cstdint>

namespace rollcall::domain {

// A presentation timestamp or a span of the stream, in microseconds. Zero is the file's own
// (docs/time.md), not the first picture.
using MediaTime = std::chrono::duration<std::int64_t, std::micro>;

constexpr std::int64_t ToMillis(MediaTime time) { return (time.count() + 500) / 1000; }

}  // namespace rollcall::domain
