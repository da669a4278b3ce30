#include "domain/segment_span.h"

#include <fmt/format.h>

namespace rollcall::domain {
namespace {

std::string TimeText(MediaTime time) {
  const std::int64_t ms = ToMillis(time);
  const std::string text =
      fmt::format("{:02}:{:02}:{:02}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60);
  return ms % 1000 == 0 ? text : fmt::format("{}.{:03}", text, ms % 1000);
}

}  // namespace

std::string TimeRangeText(MediaTime from, MediaTime to) {
  return TimeText(from) + "–" + TimeText(to);
}

}  // namespace rollcall::domain
