#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/mutex.h"

namespace rollcall::base {

// UTC wall clock, for people. Jumps with the machine's clock.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// Time since boot, including suspend (CLOCK_BOOTTIME). Deadlines and leases use only this.
using BootTime = std::chrono::nanoseconds;

// Both clocks, read together.
struct Instant {
  WallTime wall{};
  BootTime boot{};
};

// Where time comes from; tests inject a FakeClock. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() = 0;
};

class SystemClock final : public Clock {
 public:
  Instant Now() override;
};

// Stands still until advanced. Thread-safe.
class FakeClock final : public Clock {
 public:
  Instant Now() override;
  // Moves both clocks.
  void Advance(std::chrono::nanoseconds by);
  // Moves the wall clock alone, as an operator or NTP does.
  void JumpWall(std::chrono::milliseconds by);

 private:
  Mutex mutex_;
  Instant now_ ROLLCALL_GUARDED_BY(mutex_){WallTime{std::chrono::milliseconds{1'700'000'000'000}},
                                           std::chrono::hours{1}};
};

// "2026-11-22T01:45:56.123Z"
std::string IsoTime(WallTime time);
std::string IsoTimeOrEmpty(const std::optional<WallTime>& time);

// The kernel's id of this boot: times of CLOCK_BOOTTIME mean something within one boot only.
std::string BootId();

}  // namespace rollcall::base
