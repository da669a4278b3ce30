#include "jobs/rate_estimator.h"

#include <algorithm>
#include <vector>

namespace rollcall::jobs {
namespace {

// At one a second: about the last minute.
constexpr std::size_t kSamplesMax = 61;

double ToSeconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// The value that `share` of the sorted values do not exceed.
double Quantile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[rank];
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

std::optional<TimeLeft> RateEstimator::Left(std::int64_t total) const {
  if (count_ < 3 || samples_.size() < 2 || total <= 0) return std::nullopt;
  std::vector<double> seconds_per_unit;
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    seconds_per_unit.push_back(ToSeconds(samples_[i].at - samples_[i - 1].at) /
                               static_cast<double>(samples_[i].done - samples_[i - 1].done));
  }
  std::sort(seconds_per_unit.begin(), seconds_per_unit.end());
  const auto left = static_cast<double>(std::max<std::int64_t>(0, total - samples_.back().done));
  return TimeLeft{.p50 = std::chrono::duration<double>(left * Quantile(seconds_per_unit, 0.5)),
                  .p90 = std::chrono::duration<double>(left * Quantile(seconds_per_unit, 0.9))};
}

}  // namespace rollcall::jobs
