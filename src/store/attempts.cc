#include "store/attempts.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/random.h"
#include "domain/reasons.h"
#include "store/poison.h"
#include "store/run_changes.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Json;
using base::Result;
using domain::JobState;

namespace {

base::Error Fenced(const Fence& fence) {
  return domain::MakeError(domain::reason::kFenced,
                           fmt::format("attempt {} of task {} no longer holds the lease",
                                       fence.token, static_cast<std::int64_t>(fence.task)));
}

Result<void> QueueDueRetries(Ledger& ledger, const Moment& now) {
  ROLLCALL_TRY_ASSIGN(auto waiting, ledger.RunsRetryWait());
  for (StageRun& run : waiting) {
    const bool is_due = !run.retry_due || now.IsDue(*run.retry_due);
    if (is_due) ROLLCALL_TRY(RunChanges(ledger, now).Move(run, JobState::kQueued));
  }
  return {};
}

Result<std::vector<domain::Artifact>> InputsOf(Ledger& ledger, StageRunId id) {
  std::vector<domain::Artifact> inputs;
  ROLLCALL_TRY_ASSIGN(const auto needs, ledger.RunNeeds(id));
  for (const StageRunId need : needs) {
    ROLLCALL_TRY_ASSIGN(const auto artifacts, ledger.Artifacts(need));
    inputs.insert(inputs.end(), artifacts.begin(), artifacts.end());
  }
  return inputs;
}

// Lease and attempt rows of a fresh attempt.
Result<Lease> OpenAttempt(Ledger& ledger, Task task, const ClaimRequest& request,
                          const Moment& now) {
  ROLLCALL_TRY_ASSIGN(task.token, ledger.TokenNext());
  ++task.attempt_count;
  ROLLCALL_TRY(ledger.TaskUpdate(task));
  Lease lease{.fence = {.task = task.id, .token = task.token, .attempt_uuid = base::RandomId()},
              .agent = request.agent,
              .expires = now.In(request.lease),
              .attempt_number = task.attempt_count,
              .started_at = now.wall};
  lease.liveness.last_pulse = now.boot;
  lease.liveness.phase_since = now.boot;
  lease.liveness.progress_at = now.boot;
  ROLLCALL_TRY(ledger.LeaseInsert(lease));
  ROLLCALL_TRY(ledger.AttemptInsert({.fence = lease.fence,
                                     .number = task.attempt_count,
                                     .agent_id = request.agent.id,
                                     .started_at = now.wall}));
  return lease;
}

struct AttemptClose {
  AttemptOutcome outcome;
  const AttemptEnd& end;
};

// The lease goes, the attempt's row says how it ended.
Result<void> CloseAttempt(Ledger& ledger, const Lease& lease, const AttemptClose& close,
                          const Moment& now) {
  ROLLCALL_TRY(ledger.LeaseErase(lease.fence));
  ROLLCALL_TRY_ASSIGN(auto attempt, Present(ledger.AttemptRead(lease.fence)));
  attempt.ended_at = now.wall;
  attempt.outcome = close.outcome;
  attempt.error_reason = close.end.error.reason;
  attempt.exit = close.end.exit;
  attempt.rss_peak_bytes = close.end.rss_peak_bytes;
  return ledger.AttemptUpdate(attempt);
}

Json AttemptDetails(const Lease& lease) {
  return {{"attempt", lease.attempt_number}, {"token", lease.fence.token}};
}

}  // namespace

Result<std::optional<LeasedTask>> Claim(Ledger& ledger, const ClaimRequest& request,
                                        const Moment& now) {
  ROLLCALL_TRY(QueueDueRetries(ledger, now));
  ROLLCALL_TRY_ASSIGN(const auto task, ledger.TaskRunnable(request.stages));
  if (!task) return std::optional<LeasedTask>();
  ROLLCALL_TRY_ASSIGN(const Lease lease, OpenAttempt(ledger, *task, request, now));
  ROLLCALL_TRY_ASSIGN(auto run, Present(ledger.RunRead(task->run)));
  if (!run.started_at) run.started_at = now.wall;
  Json details = AttemptDetails(lease);
  details["agent"] = request.agent.id;
  ROLLCALL_TRY(RunChanges(ledger, now).Move(run, JobState::kLeased, details));

  LeasedTask leased{.fence = lease.fence, .run = run, .attempt_number = lease.attempt_number};
  ROLLCALL_TRY_ASSIGN(leased.segments, ledger.Segments(run.work_key));
  ROLLCALL_TRY_ASSIGN(leased.inputs, InputsOf(ledger, run.id));
  ROLLCALL_TRY_ASSIGN(leased.skips, SkippedSegments(ledger, run.work_key));
  return std::optional<LeasedTask>(std::move(leased));
}

Result<HeldTask> CheckFence(Ledger& ledger, const Fence& fence) {
  ROLLCALL_TRY_ASSIGN(auto lease, ledger.LeaseRead(fence.task));
  if (!lease || lease->fence != fence) return Fenced(fence);
  ROLLCALL_TRY_ASSIGN(auto task, Present(ledger.TaskRead(fence.task)));
  ROLLCALL_TRY_ASSIGN(auto run, Present(ledger.RunRead(task.run)));
  if (!HasAttempt(run.state)) {
    return domain::MakeError(
        domain::reason::kStoreDamaged,
        fmt::format("{} is {} and has a lease", run.job_name(), domain::JobStateName(run.state)));
  }
  return HeldTask{.lease = std::move(*lease), .task = task, .run = std::move(run)};
}

Result<void> Start(Ledger& ledger, const Fence& fence, const WorkerProcess& process,
                   const Moment& now) {
  ROLLCALL_TRY_ASSIGN(auto held, CheckFence(ledger, fence));
  held.lease.pid = process.pid;
  held.lease.pid_start = process.start;
  ROLLCALL_TRY(ledger.LeaseUpdate(held.lease));
  ROLLCALL_TRY_ASSIGN(auto attempt, Present(ledger.AttemptRead(fence)));
  attempt.pid = process.pid;
  ROLLCALL_TRY(ledger.AttemptUpdate(attempt));
  RunChanges changes(ledger, now);
  // Told twice, or while it is being cancelled: only who it is gets written.
  if (held.run.state != JobState::kLeased) return changes.Touch(held.run);
  Json details = AttemptDetails(held.lease);
  details["pid"] = process.pid;
  return changes.Move(held.run, JobState::kRunning, details);
}

Result<void> CommitSegment(Ledger& ledger, const Fence& fence, const domain::Segment& segment,
                           const Moment& now) {
  ROLLCALL_TRY_ASSIGN(auto held, CheckFence(ledger, fence));
  const std::string& work_key = held.run.work_key;
  ROLLCALL_TRY_ASSIGN(const std::int64_t count, ledger.SegmentCount(work_key));
  if (segment.number != count) {
    ROLLCALL_TRY_ASSIGN(const auto known, ledger.SegmentRead(work_key, segment.number));
    if (known && known->sha256 == segment.sha256) return {};
    return base::Error{
        .code = base::ErrorCode::kFailedPrecondition,
        .reason = std::string(domain::reason::kInternal),
        .message = known ? fmt::format("segment {} of {} is there with other bytes", segment.number,
                                       held.run.job_name())
                         : fmt::format("segment {} of {} came, but {} is the next", segment.number,
                                       held.run.job_name(), count),
        .hint = "the attempt is at odds with its checkpoint; it is tried again from there"};
  }
  ROLLCALL_TRY(ledger.SegmentInsert(work_key, fence.token, segment));
  ROLLCALL_TRY_ASSIGN(const bool is_skipped, SettlePoison(ledger, work_key, segment.number));
  held.run.failures = 0;
  held.run.crashes = 0;
  held.run.interruptions_in_row = 0;
  held.run.fruitless = {};
  RunChanges changes(ledger, now);
  ROLLCALL_TRY(changes.Touch(held.run));
  Json details = {{"number", segment.number},
                  {"pts_from_us", segment.pts_from.count()},
                  {"pts_to_us", segment.pts_to.count()},
                  {"size_bytes", segment.size_bytes}};
  const auto counters = base::ParseJson(segment.counters_json, "counters");
  if (counters.ok()) details["counters"] = *counters;
  return changes.Tell(held.run, is_skipped ? "segment_skipped" : "segment_committed", details);
}

Result<void> DropSegments(Ledger& ledger, std::string_view work_key, std::int64_t first_number,
                          const Moment& now) {
  ROLLCALL_TRY_ASSIGN(const std::int64_t gone, ledger.SegmentsErase(work_key, first_number));
  if (gone == 0) return {};
  ROLLCALL_TRY_ASSIGN(auto runs, ledger.RunsLiveOfWork(work_key));
  RunChanges changes(ledger, now);
  for (StageRun& run : runs) {
    ROLLCALL_TRY(changes.Touch(run));
    ROLLCALL_TRY(changes.Tell(run, "checkpoint_repaired",
                              {{"first_number", first_number}, {"segments_dropped", gone}}));
  }
  return {};
}

Result<void> Succeed(Ledger& ledger, const Fence& fence, const Success& success,
                     const Moment& now) {
  auto held = CheckFence(ledger, fence);
  if (!held.ok()) {
    // Said again, because the first answer was lost: it has succeeded, by this very attempt.
    ROLLCALL_TRY_ASSIGN(const auto attempt, ledger.AttemptRead(fence));
    if (attempt && attempt->outcome == AttemptOutcome::kSucceeded) return {};
    return std::move(held).error();
  }
  ROLLCALL_TRY(CloseAttempt(ledger, held->lease, {AttemptOutcome::kSucceeded, success.end}, now));
  StageRun& run = held->run;
  ROLLCALL_TRY(ledger.ArtifactsInsert(run.id, success.artifacts));
  run.result_json = success.result_json;
  ROLLCALL_TRY(RecordGaps(ledger, run));
  run.last_error.reset();
  Json details = AttemptDetails(held->lease);
  const auto result = base::ParseJson(run.result_json, "result");
  if (result.ok()) details["result"] = *result;
  if (run.is_cancel_wanted) details["note"] = "finished before the cancel reached it";
  return RunChanges(ledger, now).Move(run, JobState::kSucceeded, details);
}

Result<void> End(Ledger& ledger, const Fence& fence, const AttemptEnd& end, const Moment& now) {
  if (end.outcome == AttemptOutcome::kSucceeded) {
    return domain::MakeError(domain::reason::kBadParams, "a success is told with TaskSucceed");
  }
  ROLLCALL_TRY_ASSIGN(auto held, CheckFence(ledger, fence));
  ROLLCALL_TRY(CloseAttempt(ledger, held.lease, {end.outcome, end}, now));
  StageRun& run = held.run;
  const int failures_before = run.failures;
  CountOutcome(end, run);
  Json details = AttemptDetails(held.lease);
  details["outcome"] = AttemptOutcomeName(end.outcome);
  if (run.failures > failures_before) {
    run.last_error = end.error;
    details["error"] = ErrorJson(end.error);
  }
  if (end.poison) {
    ROLLCALL_TRY(ledger.PoisonWrite(run.work_key, {.span = *end.poison, .is_skipped = false}));
  }
  const JobState to = StateAfterAttempt(run.is_cancel_wanted, end);
  if (to == JobState::kRetryWait) {
    run.run_at = now.wall + *end.retry_in;
    run.retry_due = now.In(*end.retry_in);
    run.wait_reason = WaitsForRetry(run, end);
    details["run_at"] = base::IsoTime(*run.run_at);
  }
  // A cancelled attempt that is wanted again goes back to the queue, whatever its end was.
  const bool is_revived = run.state == JobState::kCancelling && !run.is_cancel_wanted;
  return RunChanges(ledger, now).Move(run, is_revived ? JobState::kQueued : to, details);
}

}  // namespace rollcall::store
