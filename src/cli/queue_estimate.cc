#include "cli/queue_estimate.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace rollcall::cli {
namespace {

using Seconds = std::chrono::duration<double>;

// The 0.9 quantile of the normal distribution.
constexpr double kNormal90 = 1.2816;
// How much videos of one folder differ before anything is known of these (bitrates of a season
// do), and as how many of them that counts.
constexpr double kPriorDeviation = 0.25;
constexpr double kPriorCount = 1;
// Nobody knows how large an empty file is.
constexpr double kBytesMin = 1;

// The same quantile of Student's t, a little too large for few degrees.
double StudentT90(double degrees) { return kNormal90 * (1 + 0.95 / std::max(1.0, degrees)); }

double DeviationOf(const domain::TimeLeft& left) {
  return std::max(0.0, (left.p90 - left.p50).count()) / kNormal90;
}

}  // namespace

QueueEstimate::QueueEstimate(int slots) : slots_(static_cast<std::size_t>(std::max(1, slots))) {}

void QueueEstimate::Measure(double bytes, double seconds) {
  if (!std::isfinite(seconds) || seconds <= 0) return;
  measured_.push_back({.bytes = std::max(kBytesMin, bytes), .seconds = seconds});
  bytes_ += measured_.back().bytes;
  seconds_ += seconds;
}

double QueueEstimate::SecondsOf(double bytes) const {
  return measured_.empty() ? 0 : seconds_ / bytes_ * std::max(kBytesMin, bytes);
}

double QueueEstimate::Variance() const {
  double sum = kPriorCount * kPriorDeviation * kPriorDeviation;
  for (const Measured& one : measured_) {
    const double error = one.seconds / SecondsOf(one.bytes) - 1;
    sum += error * error;
  }
  // One degree of freedom is in the rate.
  return sum / (kPriorCount + static_cast<double>(measured_.size()) - 1);
}

std::optional<domain::TimeLeft> QueueEstimate::Left(
    const std::vector<Running>& running, const std::vector<double>& waiting_bytes) const {
  if (measured_.empty()) return std::nullopt;
  const double variance = Variance();
  std::vector<double> free_at(slots_, 0.0);  // Of each worker.
  double by_rate = 0;                        // Seconds of work that only the rate tells of.
  double squares = 0;                        // Of deviations that are each video's own.
  const auto next_free = [&]() -> double& { return *std::ranges::min_element(free_at); };
  for (const Running& one : running) {
    if (one.left) {
      squares += DeviationOf(*one.left) * DeviationOf(*one.left);
      next_free() += one.left->p50.count();
      continue;
    }
    const double seconds = SecondsOf(one.bytes);
    by_rate += seconds;
    squares += seconds * seconds * variance;
    next_free() += seconds;
  }
  for (const double bytes : waiting_bytes) {
    const double seconds = SecondsOf(bytes);
    by_rate += seconds;
    squares += seconds * seconds * variance;
    next_free() += seconds;
  }
  const double p50 = std::ranges::max(free_at);
  // Those at work share what is wrong by chance; a rate that is wrong is wrong for all.
  const auto count = static_cast<double>(measured_.size());
  const auto workers = static_cast<double>(
      std::clamp<std::size_t>(running.size() + waiting_bytes.size(), 1, slots_));
  const double of_rate = by_rate / workers * std::sqrt(variance / count);
  // The last to end decides, so the spread of one worker's share, not of all of them.
  const double of_videos = std::sqrt(squares / workers);
  const double deviation = std::sqrt(of_rate * of_rate + of_videos * of_videos);
  const double p90 = p50 + StudentT90(count - 1 + kPriorCount) * deviation;
  return domain::TimeLeft{.p50 = Seconds{p50}, .p90 = Seconds{p90}};
}

}  // namespace rollcall::cli
