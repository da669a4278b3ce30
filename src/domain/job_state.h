#pragma once

#include <optional>
#include <string_view>

namespace rollcall::domain {

// The states of a stage run and of a job; docs/job-lifecycle.md has the transitions.
enum class JobState {
  kBlocked,  // Needs another stage first.
  kQueued,
  kLeased,  // Given to an agent; its worker has not said anything yet.
  kRunning,
  kRetryWait,
  kCancelling,
  kSucceeded,
  kFailed,
  kCancelled,
  kSkipped,
};

// "retry_wait": as the store has it.
std::string_view JobStateName(JobState state);
std::optional<JobState> JobStateFromName(std::string_view name);

// The word on paper (JSON, UI, API): pending running ok error skipped canceled.
std::string_view JobStateWord(JobState state);

// Succeeded, failed, cancelled or skipped: never changes again.
bool IsTerminal(JobState state);

// What a running attempt is at; each has a time budget.
enum class Phase { kStarting, kModelLoad, kSeek, kWork, kFinalise };
std::string_view PhaseName(Phase phase);
std::optional<Phase> PhaseFromName(std::string_view name);

}  // namespace rollcall::domain
