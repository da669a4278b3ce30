#pragma once

#include <cstdint>
#include <string>

#include "domain/media_time.h"

namespace rollcall::domain {

// Which segment, and what part of the video it is: [pts_from, pts_to).
struct SegmentSpan {
  std::int64_t number = 0;
  MediaTime pts_from{};
  MediaTime pts_to{};
  friend bool operator==(const SegmentSpan&, const SegmentSpan&) = default;
};

// "00:01:20–00:01:30", with milliseconds where there are some: "00:01:20.500–00:01:30". Hours may
// have more than two digits.
std::string TimeRangeText(MediaTime from, MediaTime to);

}  // namespace rollcall::domain
