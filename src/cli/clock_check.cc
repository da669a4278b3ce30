#include "cli/clock_check.h"

#include <fmt/format.h>
#include <time.h>

#include "base/clock.h"

namespace rollcall::cli {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// What reading three clocks one after the other may cost on a busy machine.
constexpr nanoseconds kReadingSlack = std::chrono::milliseconds{50};
// Clocks that are set by the network may be corrected by so much.
constexpr seconds kRecordedSlack{60};
constexpr seconds kLongAgo{1'735'689'600};  // 2025-01-01: before this program was written.

nanoseconds Read(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

double ToSeconds(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

std::string Iso(nanoseconds wall) {
  return base::IsoTime(base::WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(wall)});
}

}  // namespace

ClockReading ClockReading::Now() {
  return {.wall = Read(CLOCK_REALTIME),
          .boot = Read(CLOCK_BOOTTIME),
          .monotonic = Read(CLOCK_MONOTONIC)};
}

std::string ClockTrouble(const ClockReading& earlier, const ClockReading& later,
                         const std::string& newest_recorded) {
  const nanoseconds wall = later.wall - earlier.wall;
  const nanoseconds boot = later.boot - earlier.boot;
  if (boot < nanoseconds{0} || later.monotonic < earlier.monotonic) {
    return "the boot clock runs backwards";
  }
  if (later.monotonic > later.boot + kReadingSlack) {
    return fmt::format("the boot clock is {:.1f} s behind the monotonic one",
                       ToSeconds(later.monotonic - later.boot));
  }
  if (std::chrono::abs(wall - boot) > kReadingSlack) {
    return fmt::format("the wall clock moved by {:.2f} s while {:.2f} s passed", ToSeconds(wall),
                       ToSeconds(boot));
  }
  if (later.wall < kLongAgo) return fmt::format("the wall clock says {}", Iso(later.wall));
  if (!newest_recorded.empty() && newest_recorded > Iso(later.wall + kRecordedSlack)) {
    return fmt::format("the wall clock says {}, but a job was recorded at {}", Iso(later.wall),
                       newest_recorded);
  }
  return {};
}

}  // namespace rollcall::cli
