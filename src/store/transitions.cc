#include "store/transitions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "domain/reasons.h"

namespace rollcall::store {

using domain::JobState;

const Transition* FindTransition(JobState from, JobState to) {
  for (const Transition& transition : kTransitions) {
    if (transition.from == from && transition.to == to) return &transition;
  }
  return nullptr;
}

bool HasAttempt(JobState state) {
  return state == JobState::kLeased || state == JobState::kRunning ||
         state == JobState::kCancelling;
}

JobState StateAfterAttempt(bool is_cancel_wanted, const AttemptEnd& end) {
  if (is_cancel_wanted) return JobState::kCancelled;
  switch (end.outcome) {
    case AttemptOutcome::kFailed:
    case AttemptOutcome::kCrashed:
    case AttemptOutcome::kStalled:
      return end.retry_in ? JobState::kRetryWait : JobState::kFailed;
    case AttemptOutcome::kInterrupted:
    case AttemptOutcome::kExpired:
    case AttemptOutcome::kCancelled:  // But nobody wants it cancelled any more.
      return JobState::kQueued;
    case AttemptOutcome::kSucceeded:
      break;
  }
  ROLLCALL_CHECK(false, "a success is no AttemptEnd");
}

void CountOutcome(const AttemptEnd& end, StageRun& run) {
  const bool is_interruption = end.outcome == AttemptOutcome::kInterrupted;
  if (is_interruption && domain::IsDiskFull(end.error)) return;
  if (domain::IsTooManyOpenFiles(end.error)) return;
  run.fruitless += end.fruitless;
  switch (end.outcome) {
    case AttemptOutcome::kCrashed:
      ++run.crashes;
      [[fallthrough]];
    case AttemptOutcome::kFailed:
    case AttemptOutcome::kStalled:
      ++run.failures;
      return;
    case AttemptOutcome::kInterrupted:
    case AttemptOutcome::kExpired:
      ++run.interruptions;
      if (!end.is_wished) ++run.interruptions_in_row;
      return;
    case AttemptOutcome::kCancelled:
    case AttemptOutcome::kSucceeded:
      return;
  }
}

JobState StateOfJob(std::span<const JobState> stages) {
  ROLLCALL_CHECK(!stages.empty());
  const auto any = [&](JobState state) { return std::ranges::find(stages, state) != stages.end(); };
  if (std::ranges::any_of(stages, HasAttempt)) return JobState::kRunning;
  for (const JobState waiting : {JobState::kQueued, JobState::kRetryWait, JobState::kBlocked}) {
    if (any(waiting)) return waiting;
  }
  if (any(JobState::kFailed)) return JobState::kFailed;
  return any(JobState::kCancelled) ? JobState::kCancelled : JobState::kSucceeded;
}

std::string_view JobEndEvent(JobState state) {
  if (state == JobState::kFailed) return "job_failed";
  if (state == JobState::kCancelled) return "job_cancelled";
  ROLLCALL_CHECK(state == JobState::kSucceeded, "the job has not ended");
  return "job_succeeded";
}

std::string WaitsFor(const std::vector<std::string>& public_ids) {
  std::string list;
  for (std::size_t i = 0; i < public_ids.size(); ++i) {
    if (i > 0) list += i + 1 == public_ids.size() ? " and " : ", ";
    list += public_ids[i];
  }
  return fmt::format("waits for {} to end", list);
}

std::string WaitsBehind(const StageRun& older) {
  return fmt::format("behind generation {} of {}, which runs with other parameters",
                     older.generation, older.job_name());
}

std::string WaitsForRetry(const StageRun& run, const AttemptEnd& end) {
  ROLLCALL_CHECK(run.run_at.has_value());
  const std::string time = base::IsoTime(*run.run_at);  // 2026-11-22T01:45:56.123Z
  const std::string count = end.retries_max > 0
                                ? fmt::format("retry {} of {}", run.failures, end.retries_max)
                                : fmt::format("retry {}", run.failures);
  return fmt::format("tried again at {}Z ({}): {}", time.substr(11, 8), count, end.error.message);
}

std::string WaitsForQueue(std::string_view stage, std::string_view reason) {
  return fmt::format("queue {} is paused: {}", stage, reason);
}

}  // namespace rollcall::store
