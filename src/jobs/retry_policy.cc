#include "jobs/retry_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

using Millis = std::chrono::milliseconds;
using Minutes = std::chrono::duration<double, std::ratio<60>>;
using store::AttemptOutcome;
namespace reason = domain::reason;

bool IsInterruption(AttemptOutcome outcome) {
  return outcome == AttemptOutcome::kInterrupted || outcome == AttemptOutcome::kExpired;
}

// What tells a person where to look, and whether there is anything that could be left out.
base::Error PoisonError(const std::optional<domain::SegmentSpan>& segment,
                        const std::string& last_time) {
  if (segment) {
    return domain::MakeError(
        reason::kPoisonSegment,
        fmt::format("the worker ended twice at segment {} of the video ({}); the last time: {}",
                    segment->number, domain::TimeRangeText(segment->pts_from, segment->pts_to),
                    last_time));
  }
  return domain::MakeError(
      reason::kPoisonSegment,
      fmt::format("the worker ended twice without finishing anything; the last time: {}",
                  last_time),
      "no part of the video is to blame, so there is nothing to skip; see the job's log");
}

}  // namespace

std::chrono::milliseconds RetryPolicy::Delay(int failures) const {
  const int doublings = std::clamp(failures - 1, 0, 30);
  const auto full = std::min<std::chrono::milliseconds>(
      times_.retry_max, times_.retry_first * (std::int64_t{1} << doublings));
  const double share = 0.5 + 0.5 * random_();
  return std::chrono::duration_cast<std::chrono::milliseconds>(full * share);
}

bool RetryPolicy::IsWornOut(const store::StageRun& run) const {
  return run.fruitless > times_.fruitless_max;
}

store::AttemptEnd RetryPolicy::Decide(const EndedAttempt& ended) const {
  const auto fruitless = ended.is_wished ? std::chrono::nanoseconds{} : ended.fruitless;
  store::AttemptEnd end{.outcome = ended.outcome,
                        .error = ended.error,
                        .retry_in = std::nullopt,
                        .is_wished = ended.is_wished,
                        .fruitless = std::chrono::duration_cast<Millis>(fruitless),
                        .exit = ended.exit,
                        .rss_peak_bytes = ended.rss_peak_bytes};
  if (ended.outcome == AttemptOutcome::kCancelled) return end;
  if (domain::IsDiskFull(ended.error)) {
    end.outcome = AttemptOutcome::kInterrupted;
    end.fruitless = {};
    return end;
  }
  if (domain::IsTooManyOpenFiles(ended.error)) {
    end.outcome = AttemptOutcome::kFailed;
    end.fruitless = {};
    end.retry_in = Delay(1);
    return end;
  }
  // A segment that this attempt committed has reset what was counted before it.
  const bool is_new_ground = ended.segments_committed > 0;
  // Neither failures nor interruptions alone may have come to their number.
  const auto in_vain = (is_new_ground ? Millis{} : ended.run.fruitless) + end.fruitless;
  if (!ended.is_wished && in_vain > times_.fruitless_max) {
    end.outcome = AttemptOutcome::kStalled;
    end.error = domain::MakeError(
        reason::kStalled, fmt::format("its attempts ran for {:.0f} minutes without progress; the "
                                      "last one: {}",
                                      Minutes(in_vain).count(), ended.error.message));
    return end;
  }
  if (IsInterruption(ended.outcome)) {
    const int in_row = (is_new_ground ? 0 : ended.run.interruptions_in_row) + 1;
    if (ended.is_wished || in_row < kInterruptionsMax) return end;
    end.outcome = AttemptOutcome::kCrashed;
    end.error = domain::MakeError(
        reason::kWorkerCrashed,
        fmt::format("interrupted {} times without finishing a segment; the last time: {}", in_row,
                    ended.error.message));
  }
  if (end.outcome == AttemptOutcome::kCrashed && !is_new_ground && ended.run.crashes > 0) {
    end.poison = ended.segment;
    end.error = PoisonError(ended.segment, end.error.message);
    return end;
  }
  const int failures = (is_new_ground ? 0 : ended.run.failures) + 1;
  if (!domain::IsRetryable(end.error) || failures > kRetriesMax) return end;
  end.retry_in = Delay(failures);
  end.retries_max = kRetriesMax;
  return end;
}

}  // namespace rollcall::jobs
