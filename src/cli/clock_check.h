#pragma once

#include <chrono>
#include <string>

namespace rollcall::cli {

// The machine's clocks at one moment.
struct ClockReading {
  std::chrono::nanoseconds wall{};       // Since 1970: times for people.
  std::chrono::nanoseconds boot{};       // Since the start of the machine, sleep included.
  std::chrono::nanoseconds monotonic{};  // The same without sleep.

  static ClockReading Now();
};

// What is wrong with the clocks, in a sentence; empty if nothing is. `earlier` and `later` are two
// readings a moment apart; `newest_recorded` is the newest time in the store, as ISO text, or
// empty. Leases and retries go by the boot clock: one that does not run evenly is an error of the
// machine. A wall clock that is wrong only makes the times that people see wrong.
std::string ClockTrouble(const ClockReading& earlier, const ClockReading& later,
                         const std::string& newest_recorded);

}  // namespace rollcall::cli
