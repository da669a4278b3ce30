#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "domain/media_time.h"
#include "domain/time_left.h"

namespace rollcall::jobs {

// Speed and time left of one attempt, from its progress samples of the recent past, in steps of
// `spacing`. What is left is a sum of steps like those seen: p50 is their ratio estimate, p90 the
// prediction interval of such a sum (Cochran, Sampling Techniques, 2.9 and 6.4; steps taken as
// independent, unless their newer half says otherwise).
//
// That holds while the machine does what it did. Where the attempt's own earlier predictions have
// turned out more wrong than by chance, because other work came or went, their errors say how wrong
// this one may be: p90 reaches as far as nine in ten of them (Williams and Goodman, A simple method
// for the construction of empirical confidence limits for economic forecasts, JASA 66, 1971), the
// further ahead the further. A first change that comes late is foreseen by nothing.
//
// Not thread-safe.
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
  std::optional<domain::TimeLeft> Left(std::int64_t total) const;

 private:
  struct Sample {
    base::BootTime at{};
    std::int64_t done = 0;
    domain::MediaTime position{};
  };
  // The steps of the recent past.
  struct Steps {
    double count = 0;
    double units = 0;     // Of each, on average.
    double variance = 0;  // Of the time of one, by its mean squared; 0 of less than two.
    // The same by how each differs from the next: without what changes slowly (von Neumann, 1941).
    double jitter = 0;
  };
  // What was predicted once, to be compared with what came.
  struct Prediction {
    base::BootTime at{};
    std::int64_t done = 0;
    double seconds_per_unit = 0;
    Steps steps;
  };
  // How wrong predictions were that reached about as far as the rest does now, as logarithms of
  // what it took by what was predicted, each as if it had gone on growing for the whole rest.
  struct Errors {
    double median = 0;
    double quantile90 = 0;
  };
  void Remember();
  Steps RecentSteps() const;
  domain::TimeLeft Steady(double units_left) const;
  double ErrorOf(const Prediction& prediction, const Sample& later, const Steps& now) const;
  Errors PastErrors(double units_left) const;

  double Seconds() const;  // That the samples span.
  // By how much the newer half of the samples is slower or faster than the older, in seconds a
  // step, squared. From the third sample on.
  double HalvesDiffer() const;

  const std::chrono::nanoseconds spacing_;
  std::deque<Sample> samples_;
  int count_ = 0;  // Of all samples, those that were merged included.
  // Over the whole attempt, the newest last: at least a step apart, and twice that each time there
  // are too many.
  std::vector<Prediction> predictions_;
  std::chrono::nanoseconds predictions_apart_ = spacing_;
};

}  // namespace rollcall::jobs
