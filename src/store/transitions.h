#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/records.h"

namespace rollcall::store {

// What decides the states of runs and jobs: pure functions, shared by every store.

// One way that a stage run can go; docs/job-lifecycle.md shows this table, and a test compares.
struct Transition {
  domain::JobState from;
  domain::JobState to;
  std::string_view cause;
  std::string_view event;  // What each open job that joined the run is told.
};

inline constexpr std::array<Transition, 21> kTransitions{{
    {domain::JobState::kBlocked, domain::JobState::kQueued,
     "all that it needs has succeeded, nothing is before it", "stage_queued"},
    {domain::JobState::kBlocked, domain::JobState::kFailed, "a run that it needs failed",
     "stage_failed"},
    {domain::JobState::kBlocked, domain::JobState::kCancelled,
     "a person's cancel, of it or of a run that it needs", "stage_cancelled"},
    {domain::JobState::kQueued, domain::JobState::kLeased, "an agent's claim", "stage_leased"},
    {domain::JobState::kQueued, domain::JobState::kCancelled, "a person's cancel",
     "stage_cancelled"},
    {domain::JobState::kLeased, domain::JobState::kRunning, "the worker started", "stage_started"},
    {domain::JobState::kLeased, domain::JobState::kSucceeded,
     "the worker's result came before the word of its start", "stage_succeeded"},
    {domain::JobState::kLeased, domain::JobState::kQueued,
     "the owner was taken away, or the lease ran out", "stage_interrupted"},
    {domain::JobState::kLeased, domain::JobState::kRetryWait, "the worker could not start",
     "stage_retry_wait"},
    {domain::JobState::kLeased, domain::JobState::kFailed, "the worker could not start, for good",
     "stage_failed"},
    {domain::JobState::kLeased, domain::JobState::kCancelling, "a person's cancel",
     "stage_cancelling"},
    {domain::JobState::kRunning, domain::JobState::kSucceeded, "the worker's result is durable",
     "stage_succeeded"},
    {domain::JobState::kRunning, domain::JobState::kQueued,
     "worker or owner was taken away, or the lease ran out", "stage_interrupted"},
    {domain::JobState::kRunning, domain::JobState::kRetryWait,
     "the attempt failed, crashed or stalled, and is tried again", "stage_retry_wait"},
    {domain::JobState::kRunning, domain::JobState::kFailed,
     "the attempt failed for good, or once too often", "stage_failed"},
    {domain::JobState::kRunning, domain::JobState::kCancelling, "a person's cancel",
     "stage_cancelling"},
    {domain::JobState::kRetryWait, domain::JobState::kQueued, "its time has come", "stage_queued"},
    {domain::JobState::kRetryWait, domain::JobState::kCancelled, "a person's cancel",
     "stage_cancelled"},
    {domain::JobState::kCancelling, domain::JobState::kCancelled, "the attempt has ended",
     "stage_cancelled"},
    {domain::JobState::kCancelling, domain::JobState::kSucceeded,
     "the worker's result came first: it wins", "stage_succeeded"},
    {domain::JobState::kCancelling, domain::JobState::kQueued,
     "the attempt has ended, and a new job had joined the run", "stage_queued"},
}};

// The transition, or nullptr if a run never goes that way.
const Transition* FindTransition(domain::JobState from, domain::JobState to);

// Leased, running or cancelling: has a lease.
bool HasAttempt(domain::JobState state);

// What becomes of a run whose attempt ended other than by success.
domain::JobState StateAfterAttempt(bool is_cancel_wanted, const AttemptEnd& end);

// Failures, crashes, interruptions and the time without progress after `end`. An attempt that was
// interrupted for want of room on the disk counts nowhere: it says nothing about the work.
void CountOutcome(const AttemptEnd& end, StageRun& run);

// The state of a job from its stages'. Precondition: not empty.
domain::JobState StateOfJob(std::span<const domain::JobState> stages);

// "job_succeeded", "job_failed" or "job_cancelled". Precondition: IsTerminal(state).
std::string_view JobEndEvent(domain::JobState state);

// Why a run waits, as sentences for a person.
inline constexpr std::string_view kWaitsForWorker = "waits for a free worker";
inline constexpr std::string_view kWaitsToGoOn =
    "waits for a free worker, to go on from its last checkpoint";
inline constexpr std::string_view kWaitsForCancelled =
    "waits for the cancelled attempt to end, then goes on from its last checkpoint";
std::string WaitsFor(const std::vector<std::string>& public_ids);
std::string WaitsBehind(const StageRun& older);
std::string WaitsForRetry(const StageRun& run, const AttemptEnd& end);
std::string WaitsForQueue(std::string_view stage, std::string_view reason);

}  // namespace rollcall::store
