#include "domain/job_state.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace rollcall::domain {
namespace {

struct StateWords {
  JobState state;
  std::string_view name;
  std::string_view word;
};

constexpr std::array<StateWords, 10> kStates{{
    {JobState::kBlocked, "blocked", "pending"},
    {JobState::kQueued, "queued", "pending"},
    {JobState::kLeased, "leased", "running"},
    {JobState::kRunning, "running", "running"},
    {JobState::kRetryWait, "retry_wait", "pending"},
    {JobState::kCancelling, "cancelling", "running"},
    {JobState::kSucceeded, "succeeded", "ok"},
    {JobState::kFailed, "failed", "error"},
    {JobState::kCancelled, "cancelled", "canceled"},
    {JobState::kSkipped, "skipped", "skipped"},
}};

constexpr std::array<std::pair<Phase, std::string_view>, 5> kPhases{{
    {Phase::kStarting, "starting"},
    {Phase::kModelLoad, "model_load"},
    {Phase::kSeek, "seek"},
    {Phase::kWork, "work"},
    {Phase::kFinalise, "finalise"},
}};

const StateWords& Words(JobState state) {
  for (const StateWords& words : kStates) {
    if (words.state == state) return words;
  }
  ROLLCALL_CHECK(false, "unknown job state");
}

}  // namespace

std::string_view JobStateName(JobState state) { return Words(state).name; }
std::string_view JobStateWord(JobState state) { return Words(state).word; }

std::optional<JobState> JobStateFromName(std::string_view name) {
  for (const StateWords& words : kStates) {
    if (words.name == name) return words.state;
  }
  return std::nullopt;
}

bool IsTerminal(JobState state) {
  return state == JobState::kSucceeded || state == JobState::kFailed ||
         state == JobState::kCancelled || state == JobState::kSkipped;
}

std::string_view PhaseName(Phase phase) {
  for (const auto& [known, name] : kPhases) {
    if (known == phase) return name;
  }
  ROLLCALL_CHECK(false, "unknown phase");
}

std::optional<Phase> PhaseFromName(std::string_view name) {
  for (const auto& [phase, known] : kPhases) {
    if (known == name) return phase;
  }
  return std::nullopt;
}

}  // namespace rollcall::domain
