#include "store/cancellation.h"

#include <fmt/format.h>

#include "domain/reasons.h"
#include "store/run_changes.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Result;
using domain::JobState;

namespace {

// Whether another open job joined the run, or a live run that needs it.
Result<bool> IsWantedByOther(Ledger& ledger, StageRunId id, JobId job) {
  ROLLCALL_TRY_ASSIGN(const auto links, ledger.RunJobStages(id));
  for (const JobStage& link : links) {
    if (link.job == job || link.is_left || link.is_reused) continue;
    ROLLCALL_TRY_ASSIGN(const auto other, Present(ledger.JobRead(link.job)));
    if (!domain::IsTerminal(other.state)) return true;
  }
  ROLLCALL_TRY_ASSIGN(const auto dependents, ledger.RunNeededBy(id));
  for (const StageRunId dependent : dependents) {
    ROLLCALL_TRY_ASSIGN(const auto run, Present(ledger.RunRead(dependent)));
    if (domain::IsTerminal(run.state)) continue;
    ROLLCALL_TRY_ASSIGN(const bool is_wanted, IsWantedByOther(ledger, dependent, job));
    if (is_wanted) return true;
  }
  return false;
}

// Ends a run at once, or begins to end its attempt.
Result<void> CancelRun(Ledger& ledger, RunChanges& changes, StageRun run,
                       std::vector<Fence>& to_stop) {
  if (domain::IsTerminal(run.state)) return {};  // Went with a run that it needs.
  if (!HasAttempt(run.state)) {
    run.is_cancel_wanted = true;
    return changes.Move(run, JobState::kCancelled);
  }
  ROLLCALL_TRY_ASSIGN(const auto lease, ledger.LeaseOfRun(run.id));
  if (lease) to_stop.push_back(lease->fence);
  run.is_cancel_wanted = true;
  if (run.state != JobState::kCancelling) return changes.Move(run, JobState::kCancelling);
  run.wait_reason.clear();
  return changes.Touch(run);
}

}  // namespace

Result<CancelOutcome> Cancel(Ledger& ledger, JobId id, const Moment& now) {
  ROLLCALL_TRY_ASSIGN(auto job, ledger.JobRead(id));
  if (!job) {
    return domain::MakeError(domain::reason::kJobNotFound,
                             fmt::format("there is no job {}", static_cast<std::int64_t>(id)));
  }
  CancelOutcome outcome;
  outcome.had_finished = domain::IsTerminal(job->state);
  if (!outcome.had_finished) {
    RunChanges changes(ledger, now);
    ROLLCALL_TRY(changes.TellJob(id, "job_cancel_wanted", base::Json::object()));
    ROLLCALL_TRY_ASSIGN(const auto links, ledger.JobStages(id));
    std::vector<StageRunId> to_cancel;
    for (const JobStage& link : links) {
      ROLLCALL_TRY_ASSIGN(auto run, Present(ledger.RunRead(link.run)));
      if (link.is_reused || link.is_left || domain::IsTerminal(run.state)) continue;
      ROLLCALL_TRY_ASSIGN(const bool is_wanted, IsWantedByOther(ledger, link.run, id));
      if (is_wanted) {
        ROLLCALL_TRY(changes.Leave(id, run));
      } else {
        to_cancel.push_back(link.run);
      }
    }
    for (const StageRunId run_id : to_cancel) {
      ROLLCALL_TRY_ASSIGN(auto run, Present(ledger.RunRead(run_id)));
      ROLLCALL_TRY(CancelRun(ledger, changes, std::move(run), outcome.to_stop));
    }
    ROLLCALL_TRY(changes.Settle(id));
    ROLLCALL_TRY_ASSIGN(job, ledger.JobRead(id));
  }
  outcome.job = std::move(*job);
  return outcome;
}

Result<void> LetGoOfAll(Ledger& ledger, JobId id, const std::set<std::string>& kept,
                        const Moment& now) {
  RunChanges changes(ledger, now);
  ROLLCALL_TRY_ASSIGN(const auto links, ledger.JobStages(id));
  for (const JobStage& link : links) ROLLCALL_TRY(ledger.JobStageErase(id, link.run));
  std::vector<Fence> to_stop;  // Whoever works ends them when he sees the state.
  for (const JobStage& link : links) {
    if (link.is_reused || link.is_left) continue;
    ROLLCALL_TRY_ASSIGN(const bool is_wanted, IsWantedByOther(ledger, link.run, id));
    if (is_wanted) continue;
    ROLLCALL_TRY_ASSIGN(auto run, Present(ledger.RunRead(link.run)));
    if (kept.contains(run.work_key)) continue;
    if (!domain::IsTerminal(run.state) && !HasAttempt(run.state)) {
      ROLLCALL_TRY(ledger.SegmentsErase(run.work_key, 0));
    }
    ROLLCALL_TRY(CancelRun(ledger, changes, std::move(run), to_stop));
  }
  return {};
}

}  // namespace rollcall::store
