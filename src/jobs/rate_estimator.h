#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "domain/media_time.h"

namespace rollcall::jobs {

// How long the rest will take: half of the time no longer than p50, nine times in ten no longer
// than p90.
struct TimeLeft {
  std::chrono::duration<double> p50{};
  std::chrono::duration<double> p90{};
};

// Speed and time left of one attempt, from its progress samples of the recent past, in steps of
// `spacing`. What is left is a sum of steps like those seen: p50 is their ratio estimate, p90 the
// prediction interval of such a sum (Cochran, Sampling Techniques, 2.9 and 6.4; steps taken as
// independent, unless their newer half says otherwise). Not thread-safe.
class RateEstimator {
 public:
  explicit RateEstimator(std::chrono::nanoseconds spacing = std::chrono::seconds{1})
      : spacing_(spacing) {}

  // A sample counts when `done` has grown. Times only grow.
  void Add(base::BootTime at, std::int64_t done, domain::MediaTime position);

  // Units per second over the recent past; 0 before the second sample.
  double rate() const;
  // Seconds of video per second; 0 if the samples have no position.
  double realtime_factor() const;
  // From the third sample on; before that an attempt is "starting". nullopt if `total` is unknown.
  std::optional<TimeLeft> Left(std::int64_t total) const;

 private:
  struct Sample {
    base::BootTime at{};
    std::int64_t done = 0;
    domain::MediaTime position{};
  };
  double Seconds() const;  // That the samples span.
  // By how much the newer half of the samples is slower or faster than the older, in seconds a
  // step, squared. From the third sample on.
  double HalvesDiffer() const;

  const std::chrono::nanoseconds spacing_;
  std::deque<Sample> samples_;
  int count_ = 0;  // Of all samples, those that were merged included.
};

}  // namespace rollcall::jobs
