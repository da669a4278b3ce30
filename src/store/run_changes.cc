#include "store/run_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "domain/reasons.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Json;
using base::Result;
using domain::JobState;

namespace {

Json RunBody(const StageRun& run, const Json& details) {
  Json body = {{"stage", run.name},
               {"run", static_cast<std::int64_t>(run.id)},
               {"generation", run.generation},
               {"state", domain::JobStateName(run.state)}};
  if (!run.wait_reason.empty()) body["wait_reason"] = run.wait_reason;
  body.update(details);
  return body;
}

// What a run that needs `run` says of its failure; the first cause is handed down unchanged.
std::string PrereqMessage(const StageRun& run) {
  if (!run.last_error) return fmt::format("{} failed", run.job_name());
  if (run.last_error->reason == domain::reason::kPrereqFailed) return run.last_error->message;
  return fmt::format("{} failed with {}", run.job_name(), run.last_error->reason);
}

}  // namespace

Json ErrorJson(const base::Error& error) {
  return {{"reason", error.reason}, {"message", error.message}, {"hint", error.hint}};
}

Result<void> RunChanges::Move(StageRun& run, JobState to, const Json& details) {
  const JobState from = run.state;
  const Transition* transition = FindTransition(from, to);
  ROLLCALL_CHECK(transition != nullptr,
                 fmt::format("{} → {}", domain::JobStateName(from), domain::JobStateName(to)));
  run.state = to;
  if (to != JobState::kRetryWait) {
    run.run_at.reset();
    run.retry_due.reset();
    run.wait_reason.clear();
  }
  if (to == JobState::kQueued) {
    const auto otherwise = from == JobState::kBlocked ? kWaitsForWorker : kWaitsToGoOn;
    ROLLCALL_TRY_ASSIGN(run.wait_reason, WhyQueued(run.name, otherwise));
  }
  if (domain::IsTerminal(to)) run.finished_at = now_.wall;
  ROLLCALL_TRY(ledger_.RunUpdate(run, from));
  ROLLCALL_TRY(Tell(run, transition->event, details));
  if (domain::IsTerminal(to)) {
    if (to != JobState::kSucceeded) ROLLCALL_TRY(EndDependents(run));
    ROLLCALL_TRY(ReleaseWaiting(run));
  }
  return SettleJobsOf(run.id);
}

Result<void> RunChanges::Touch(StageRun& run) { return ledger_.RunUpdate(run, run.state); }

Result<void> RunChanges::Tell(const StageRun& run, std::string_view event, const Json& details) {
  ROLLCALL_TRY_ASSIGN(const auto links, ledger_.RunJobStages(run.id));
  const Json body = RunBody(run, details);
  for (const JobStage& link : links) {
    if (!link.is_left && !link.is_reused) ROLLCALL_TRY(TellJob(link.job, event, body));
  }
  return {};
}

Result<void> RunChanges::TellOne(JobId id, const StageRun& run, std::string_view event,
                                 const Json& details) {
  return TellJob(id, event, RunBody(run, details));
}

Result<void> RunChanges::TellJob(JobId id, std::string_view event, const Json& body) {
  ROLLCALL_TRY_ASSIGN(auto job, Present(ledger_.JobRead(id)));
  if (domain::IsTerminal(job.state)) return {};  // Its last event has been.
  ++job.event_seq;
  ROLLCALL_TRY(ledger_.JobUpdate(job, job.state));
  return ledger_.EventInsert(
      {.job = id,
       .seq = job.event_seq,
       .at = now_.wall,
       .kind = std::string(event),
       .body_json = body.dump(-1, ' ', false, Json::error_handler_t::replace)});
}

Result<void> RunChanges::Settle(JobId id) {
  ROLLCALL_TRY_ASSIGN(auto job, Present(ledger_.JobRead(id)));
  if (domain::IsTerminal(job.state)) return {};
  ROLLCALL_TRY_ASSIGN(const auto links, ledger_.JobStages(id));
  std::vector<JobState> states;
  Json body = Json::object();
  for (const JobStage& link : links) {
    ROLLCALL_TRY_ASSIGN(const auto run, Present(ledger_.RunRead(link.run)));
    states.push_back(link.is_left     ? JobState::kCancelled
                     : link.is_reused ? JobState::kSucceeded
                                      : run.state);
    const bool is_cause = states.back() == JobState::kFailed && run.last_error && body.empty();
    if (is_cause) body = {{"stage", run.name}, {"error", ErrorJson(*run.last_error)}};
  }
  const JobState from = job.state;
  job.state = StateOfJob(states);
  if (job.state == from) return {};
  if (!domain::IsTerminal(job.state)) return ledger_.JobUpdate(job, from);
  // The end and its event are written as one: no job ends without saying so.
  ROLLCALL_TRY(TellJob(id, JobEndEvent(job.state), body));
  ++job.event_seq;
  job.finished_at = now_.wall;
  return ledger_.JobUpdate(job, from);
}

Result<void> RunChanges::SettleJobsOf(StageRunId id) {
  ROLLCALL_TRY_ASSIGN(const auto links, ledger_.RunJobStages(id));
  for (const JobStage& link : links) ROLLCALL_TRY(Settle(link.job));
  return {};
}

Result<std::string> RunChanges::WhyQueued(std::string_view stage, std::string_view otherwise) {
  ROLLCALL_TRY_ASSIGN(const std::string reason, ledger_.QueueReason(stage));
  return reason.empty() ? std::string(otherwise) : WaitsForQueue(stage, reason);
}

Result<std::string> RunChanges::WhyBlocked(const StageRun& run, std::span<const StageRunId> needs) {
  std::vector<std::string> unfinished;
  for (const StageRunId id : needs) {
    ROLLCALL_TRY_ASSIGN(const auto needed, Present(ledger_.RunRead(id)));
    if (needed.state != JobState::kSucceeded) unfinished.push_back(needed.job_name());
  }
  if (!unfinished.empty()) return WaitsFor(unfinished);
  if (!run.dedupe_key) return std::string();
  ROLLCALL_TRY_ASSIGN(const auto generations, ledger_.RunGenerations(run.subject, run.name));
  for (const StageRun& other : generations) {
    const bool is_before = other.generation < run.generation && other.dedupe_key.has_value();
    if (is_before && !domain::IsTerminal(other.state)) return WaitsBehind(other);
  }
  return std::string();
}

Result<void> RunChanges::Unblock(StageRun& run) {
  if (run.state != JobState::kBlocked) return {};
  ROLLCALL_TRY_ASSIGN(const auto needs, ledger_.RunNeeds(run.id));
  ROLLCALL_TRY_ASSIGN(const std::string why, WhyBlocked(run, needs));
  if (why.empty()) return Move(run, JobState::kQueued);
  if (why == run.wait_reason) return {};
  run.wait_reason = why;
  ROLLCALL_TRY(Touch(run));
  return Tell(run, "stage_waiting");
}

Result<void> RunChanges::ReleaseWaiting(const StageRun& run) {
  if (run.state == JobState::kSucceeded) {
    ROLLCALL_TRY_ASSIGN(const auto dependents, ledger_.RunNeededBy(run.id));
    for (const StageRunId id : dependents) {
      ROLLCALL_TRY_ASSIGN(auto dependent, Present(ledger_.RunRead(id)));
      ROLLCALL_TRY(Unblock(dependent));
    }
  }
  if (!run.dedupe_key) return {};
  ROLLCALL_TRY_ASSIGN(const auto generations, ledger_.RunGenerations(run.subject, run.name));
  for (const StageRun& other : generations) {
    if (other.generation <= run.generation) break;  // Newest first.
    ROLLCALL_TRY_ASSIGN(auto later, Present(ledger_.RunRead(other.id)));
    ROLLCALL_TRY(Unblock(later));
  }
  return {};
}

// Of the jobs that want the run, the newest is named.
Result<std::string> RunChanges::ResumeHint(StageRunId id) {
  ROLLCALL_TRY_ASSIGN(const auto links, ledger_.RunJobStages(id));
  const auto link = std::ranges::find(links, false, &JobStage::is_left);
  if (link == links.end()) return std::string("mend what failed there");
  return fmt::format("mend what failed there, then `rollcall jobs resume {}`",
                     static_cast<std::int64_t>(link->job));
}

Result<void> RunChanges::EndDependents(const StageRun& run) {
  ROLLCALL_TRY_ASSIGN(const auto dependents, ledger_.RunNeededBy(run.id));
  for (const StageRunId id : dependents) {
    ROLLCALL_TRY_ASSIGN(auto dependent, Present(ledger_.RunRead(id)));
    if (dependent.state != JobState::kBlocked) continue;
    if (run.state == JobState::kCancelled) {
      ROLLCALL_TRY(Move(dependent, JobState::kCancelled));
      continue;
    }
    ROLLCALL_TRY_ASSIGN(std::string hint, ResumeHint(dependent.id));
    dependent.last_error =
        domain::MakeError(domain::reason::kPrereqFailed, PrereqMessage(run), std::move(hint));
    const Json details = {{"error", ErrorJson(*dependent.last_error)}};
    ROLLCALL_TRY(Move(dependent, JobState::kFailed, details));
  }
  return {};
}

Result<void> RunChanges::Leave(JobId id, StageRun& run) {
  ROLLCALL_TRY(ledger_.JobStageLeave(id, run.id));
  ROLLCALL_TRY_ASSIGN(const auto links, ledger_.RunJobStages(run.id));
  std::optional<int> priority;
  for (const JobStage& link : links) {
    ROLLCALL_TRY_ASSIGN(const auto job, Present(ledger_.JobRead(link.job)));
    const bool counts = !link.is_left && !link.is_reused && !domain::IsTerminal(job.state);
    if (counts) priority = std::max(priority.value_or(job.priority), job.priority);
  }
  run.priority = priority.value_or(run.priority);
  ROLLCALL_TRY(Touch(run));
  return TellJob(id, "stage_left", RunBody(run, {{"goes_on", "for another job"}}));
}

}  // namespace rollcall::store
