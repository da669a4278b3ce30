#include "jobs/rate_estimator.h"

#include <algorithm>
#include <cmath>

namespace rollcall::jobs {
namespace {

// At one a second: about the last twenty seconds.
constexpr std::size_t kSamplesMax = 21;

double ToSeconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// The 0.9 quantile of Student's t, to two terms (Abramowitz & Stegun 26.7.5).
double StudentQuantile90(double degrees_of_freedom) {
  constexpr double kNormal = 1.2816;
  return kNormal + (kNormal * kNormal * kNormal + kNormal) / (4 * degrees_of_freedom);
}

}  // namespace

void RateEstimator::Add(base::BootTime at, std::int64_t done, domain::MediaTime position) {
  if (!samples_.empty() && (done <= samples_.back().done || at <= samples_.back().at)) return;
  ++count_;
  const std::size_t n = samples_.size();
  // The newest sample moves along until it is `spacing` away from the one before.
  if (n >= 2 && samples_[n - 1].at - samples_[n - 2].at < spacing_) samples_.pop_back();
  samples_.push_back({at, done, position});
  if (samples_.size() > kSamplesMax) samples_.pop_front();
}

double RateEstimator::Seconds() const {
  return samples_.size() < 2 ? 0 : ToSeconds(samples_.back().at - samples_.front().at);
}

double RateEstimator::rate() const {
  const double seconds = Seconds();
  if (seconds <= 0) return 0;
  return static_cast<double>(samples_.back().done - samples_.front().done) / seconds;
}

double RateEstimator::realtime_factor() const {
  const double seconds = Seconds();
  if (seconds <= 0) return 0;
  const double video = ToSeconds(samples_.back().position - samples_.front().position);
  return std::max(0.0, video / seconds);
}

double RateEstimator::HalvesDiffer() const {
  const std::size_t middle = samples_.size() / 2;
  const double units = static_cast<double>(samples_.back().done - samples_.front().done) /
                       static_cast<double>(samples_.size() - 1);
  const auto seconds_per_step = [&](const Sample& from, const Sample& to) {
    return ToSeconds(to.at - from.at) / static_cast<double>(to.done - from.done) * units;
  };
  const double difference = seconds_per_step(samples_[middle], samples_.back()) -
                            seconds_per_step(samples_.front(), samples_[middle]);
  return difference * difference;
}

std::optional<TimeLeft> RateEstimator::Left(std::int64_t total) const {
  if (count_ < 3 || samples_.size() < 2 || total <= 0) return std::nullopt;
  const auto left = static_cast<double>(std::max<std::int64_t>(0, total - samples_.back().done));
  const auto steps = static_cast<double>(samples_.size() - 1);
  const double units_per_step =
      static_cast<double>(samples_.back().done - samples_.front().done) / steps;
  const double seconds_per_unit = 1 / rate();
  double squares = 0;
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    const auto units = static_cast<double>(samples_[i].done - samples_[i - 1].done);
    const double off = ToSeconds(samples_[i].at - samples_[i - 1].at) - units * seconds_per_unit;
    squares += off * off;
  }
  const double steps_left = left / units_per_step;
  const double p50 = left * seconds_per_unit;
  double p90 = p50;
  if (steps > 1) {
    // What is left varies by itself, and by what the mean of so few steps does not know: as much as
    // if they were independent, or as the newer half differs from the older, if that is more.
    const double step_variance = squares / (steps - 1);
    const double mean_variance = std::max(step_variance / steps, HalvesDiffer() / 4);
    const double variance = step_variance * steps_left + mean_variance * steps_left * steps_left;
    p90 += StudentQuantile90(steps - 1) * std::sqrt(variance);
  }
  return TimeLeft{.p50 = std::chrono::duration<double>(p50),
                  .p90 = std::chrono::duration<double>(p90)};
}

}  // namespace rollcall::jobs
