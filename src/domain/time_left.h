#pragma once

#include <chrono>

namespace rollcall::domain {

// How long the rest will take: half of the time no longer than p50, nine times in ten no longer
// than p90.
struct TimeLeft {
  std::chrono::duration<double> p50{};
  std::chrono::duration<double> p90{};
};

}  // namespace rollcall::domain
