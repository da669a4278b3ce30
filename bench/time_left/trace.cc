#include "trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/file.h"
#include "jobs/rate_estimator.h"

namespace rollcall::bench {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Once a second, as people look; nobody cares at the very end.
constexpr seconds kBetweenLooks{1};
constexpr seconds kRestMin{2};

double Median(std::vector<double> values) {
  if (values.empty()) return 1;
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Looks before `from` are not judged.
Verdict ReplayFrom(const Trace& trace, base::BootTime from) {
  jobs::RateEstimator estimator;
  const base::BootTime end = trace.samples.back().at;
  Verdict verdict;
  std::vector<double> spreads;
  base::BootTime next_look{};
  for (const Trace::Sample& sample : trace.samples) {
    estimator.Add(sample.at, sample.done, {});
    const auto left = estimator.Left(trace.total);
    if (!left || sample.at < next_look || end - sample.at < kRestMin) continue;
    next_look = sample.at + kBetweenLooks;
    if (sample.at < from) continue;
    const std::chrono::duration<double> rest = end - sample.at;
    ++verdict.looks;
    verdict.within_p50 += rest <= left->p50 ? 1 : 0;
    verdict.within_p90 += rest <= left->p90 ? 1 : 0;
    spreads.push_back(left->p90 / left->p50);
  }
  verdict.spread = Median(std::move(spreads));
  return verdict;
}

}  // namespace

base::Result<Trace> ReadTrace(const std::filesystem::path& path, TraceClock clock) {
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
  std::istringstream lines(text);
  Trace trace{.name = path.stem().string()};
  std::string line;
  std::string word;
  std::getline(lines, line);  // What it is of, for people.
  lines >> word >> trace.total >> word;
  for (std::int64_t wall_ms = 0, cpu_ms = 0, done = 0; lines >> wall_ms >> cpu_ms >> done;) {
    const milliseconds at{clock == TraceClock::kWall ? wall_ms : cpu_ms};
    // Of samples that share a hundredth of a second of processor time the last counts.
    if (!trace.samples.empty() && trace.samples.back().at >= at) trace.samples.pop_back();
    trace.samples.push_back({at, done});
  }
  if (trace.total > 0 && trace.samples.size() > 10) return trace;
  return base::Error{.code = base::ErrorCode::kDataLoss,
                     .reason = "ERR_IO",
                     .message = fmt::format("{} is no trace", path.string())};
}

Verdict Replay(const Trace& trace) { return ReplayFrom(trace, {}); }

Verdict ReplaySinceChange(const Trace& trace) { return ReplayFrom(trace, trace.changed_at); }

Verdict Sum(const std::vector<Verdict>& verdicts) {
  Verdict sum;
  std::vector<double> spreads;
  for (const Verdict& verdict : verdicts) {
    sum.looks += verdict.looks;
    sum.within_p50 += verdict.within_p50;
    sum.within_p90 += verdict.within_p90;
    spreads.push_back(verdict.spread);
  }
  sum.spread = Median(std::move(spreads));
  return sum;
}

}  // namespace rollcall::bench
