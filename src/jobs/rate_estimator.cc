#include "jobs/rate_estimator.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace rollcall::jobs {
namespace {

// At one a second: about the last twenty seconds.
constexpr std::size_t kSamplesMax = 21;
constexpr std::size_t kPredictionsMax = 64;
// Steps that a prediction must rest on, and reach over, to be held against later ones.
constexpr std::size_t kStepsMin = 5;
// Of the rest, or of all that was if that is less: predictions of that reach are compared.
constexpr double kReachMin = 0.25;
constexpr double kReachMax = 1.5;
// Errors below that, and below so many times what chance makes of steps that vary as these do, are
// those of a machine that does what it did.
constexpr double kCalm = 0.1;
constexpr double kChance = 3;
// What part of the usual error is taken to come again.
constexpr double kAgain = 0.3;
// No prediction is stretched more than e^1.4, four times.
constexpr double kStretchMax = 1.4;

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
  if (samples_.size() > kStepsMin) Remember();
}

void RateEstimator::Remember() {
  const Sample& now = samples_.back();
  if (!predictions_.empty() && now.at - predictions_.back().at < predictions_apart_) return;
  predictions_.push_back({now.at, now.done, 1 / rate(), RecentSteps()});
  if (predictions_.size() <= kPredictionsMax) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < predictions_.size(); i += 2) predictions_[kept++] = predictions_[i];
  predictions_.resize(kept);
  predictions_apart_ *= 2;
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

RateEstimator::Steps RateEstimator::RecentSteps() const {
  const auto count = static_cast<double>(samples_.size() - 1);
  Steps steps{.count = count,
              .units = static_cast<double>(samples_.back().done - samples_.front().done) / count};
  if (count < 2) return steps;
  const double seconds_per_unit = 1 / rate();
  double squares = 0;
  double squares_to_next = 0;
  double off_before = 0;
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    const auto units = static_cast<double>(samples_[i].done - samples_[i - 1].done);
    const double off = ToSeconds(samples_[i].at - samples_[i - 1].at) - units * seconds_per_unit;
    squares += off * off;
    if (i > 1) squares_to_next += (off - off_before) * (off - off_before);
    off_before = off;
  }
  const double mean = steps.units * seconds_per_unit;
  steps.variance = squares / (count - 1) / (mean * mean);
  steps.jitter = squares_to_next / 2 / (count - 1) / (mean * mean);
  return steps;
}

// 0 if chance explains it.
double RateEstimator::ErrorOf(const Prediction& prediction, const Sample& later,
                              const Steps& now) const {
  const auto units = static_cast<double>(later.done - prediction.done);
  const double took = ToSeconds(later.at - prediction.at);
  const double error = std::log(took / (prediction.seconds_per_unit * units));
  const Steps& then = prediction.steps;
  const double jitter = std::max(then.jitter, now.jitter);
  const double chance = std::sqrt(jitter * (1 / then.count + then.units / units));
  return std::abs(error) <= std::max(kCalm, kChance * chance) ? 0 : error;
}

RateEstimator::Errors RateEstimator::PastErrors(double units_left) const {
  if (predictions_.size() < 3) return {};
  const Steps now = RecentSteps();
  std::vector<Sample> later;
  for (const Prediction& prediction : predictions_) {
    later.push_back({.at = prediction.at, .done = prediction.done});
  }
  later.push_back(samples_.back());
  const auto all = static_cast<double>(later.back().done - later.front().done);
  const double reach = std::min(units_left, all);
  std::vector<double> errors;
  for (std::size_t i = 0; i < predictions_.size(); ++i) {
    for (std::size_t j = i + 1; j < later.size(); ++j) {
      const auto units = static_cast<double>(later[j].done - predictions_[i].done);
      const bool is_alike = units >= kReachMin * reach && units <= kReachMax * reach;
      const bool is_long =
          later[j].at - predictions_[i].at >= static_cast<int>(kStepsMin) * spacing_;
      if (!is_alike || !is_long || units <= 0) continue;
      errors.push_back(ErrorOf(predictions_[i], later[j], now) * std::max(1.0, units_left / units));
    }
  }
  if (errors.size() < 3) return {};
  std::ranges::sort(errors);
  // The first of n that is no less than nine tenths of n + 1: what comes next is one more of them.
  const auto n = static_cast<double>(errors.size());
  const double rank = std::min(n, std::ceil(0.9 * (n + 1)));
  return {.median = errors[errors.size() / 2],
          .quantile90 = errors[static_cast<std::size_t>(rank) - 1]};
}

std::optional<domain::TimeLeft> RateEstimator::Left(std::int64_t total) const {
  if (count_ < 3 || samples_.size() < 2 || total <= 0) return std::nullopt;
  const auto left = static_cast<double>(std::max<std::int64_t>(0, total - samples_.back().done));
  const domain::TimeLeft steady = Steady(left);
  const Errors errors = PastErrors(left);
  const double again = std::exp(kAgain * std::clamp(errors.median, -1.0, 1.0));
  const double far = std::exp(std::min(kStretchMax, errors.quantile90));
  return domain::TimeLeft{.p50 = steady.p50 * again,
                          .p90 = std::max(steady.p90 * again, steady.p50 * far)};
}

// As if the machine went on as in the recent past.
domain::TimeLeft RateEstimator::Steady(double units_left) const {
  const Steps steps = RecentSteps();
  const double p50 = units_left / rate();
  double p90 = p50;
  if (steps.count > 1) {
    // What is left varies by itself, and by what the mean of so few steps does not know: as much as
    // if they were independent, or as the newer half differs from the older, if that is more.
    const double mean = steps.units / rate();
    const double steps_left = units_left / steps.units;
    const double step_variance = steps.variance * mean * mean;
    const double mean_variance = std::max(step_variance / steps.count, HalvesDiffer() / 4);
    const double variance = step_variance * steps_left + mean_variance * steps_left * steps_left;
    p90 += StudentQuantile90(steps.count - 1) * std::sqrt(variance);
  }
  return domain::TimeLeft{.p50 = std::chrono::duration<double>(p50),
                          .p90 = std::chrono::duration<double>(p90)};
}

}  // namespace rollcall::jobs
