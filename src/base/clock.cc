#include "base/clock.h"

#include <fmt/format.h>

#include <ctime>
#include <fstream>

namespace rollcall::base {

Instant SystemClock::Now() {
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  return {.wall = std::chrono::time_point_cast<std::chrono::milliseconds>(
              std::chrono::system_clock::now()),
          .boot = std::chrono::seconds{boot.tv_sec} + std::chrono::nanoseconds{boot.tv_nsec}};
}

Instant FakeClock::Now() {
  MutexLock lock(mutex_);
  return now_;
}

void FakeClock::Advance(std::chrono::nanoseconds by) {
  MutexLock lock(mutex_);
  now_.boot += by;
  now_.wall += std::chrono::duration_cast<std::chrono::milliseconds>(by);
}

void FakeClock::JumpWall(std::chrono::milliseconds by) {
  MutexLock lock(mutex_);
  now_.wall += by;
}

std::string IsoTime(WallTime time) {
  const auto since_epoch = time.time_since_epoch();
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(since_epoch).count();
  const auto millis = (since_epoch - std::chrono::seconds{seconds}).count();
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, millis);
}

std::string IsoTimeOrEmpty(const std::optional<WallTime>& time) {
  return time ? IsoTime(*time) : std::string{};
}

std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace rollcall::base
