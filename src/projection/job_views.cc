#include "projection/job_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "domain/reasons.h"

namespace rollcall::projection {
namespace {

using base::IsoTime;
using base::Json;
using base::Result;
using domain::JobState;
using Seconds = std::chrono::duration<double>;

double SecondsSince(base::BootTime then, base::Instant now) {
  return std::max(0.0, Seconds{now.boot - then}.count());
}

void FillLiveness(api::StageView& view, const store::Liveness& liveness, base::Instant now) {
  view.phase = domain::PhaseName(liveness.phase);
  view.pulse_age_s = SecondsSince(liveness.last_pulse, now);
  view.progress_age_s = SecondsSince(liveness.progress_at, now);
  view.is_stalled = liveness.is_stalled;
  view.done = liveness.done;
  view.total = liveness.total;
  view.unit = liveness.unit;
  view.counters = base::ObjectFrom(liveness.counters_json);
  view.rate = liveness.rate;
  view.realtime_factor = liveness.realtime_factor;
}

// What only the process that runs it knows: newer than the store, and how long it may yet take.
void FillLive(api::StageView& view, const LiveAttempt& live, base::Instant now) {
  view.pid = live.pid;  // 0 once the process has ended.
  if (live.liveness.is_stalled) {
    view.error = domain::MakeError(domain::reason::kStalled, live.why_stalled);
    view.rate = 0;
    view.realtime_factor = 0;
  } else if (live.time_left && now.boot - live.liveness.progress_at < live.budget / 4) {
    // Later than a few of its usual gaps, what it once was says nothing.
    view.eta_p50_s = live.time_left->p50.count();
    view.eta_p90_s = live.time_left->p90.count();
  }
  view.budget_s = Seconds{live.budget}.count();
  view.budget_used_s = SecondsSince(live.budget_since, now);
  if (!live.trouble.empty()) view.wait_reason = live.trouble;
}

void FillAttempt(api::StageView& view, const store::Lease& lease,
                 const std::optional<LiveAttempt>& live, base::Instant now) {
  const bool is_live = live && !live->is_over && live->fence == lease.fence;
  view.attempt = lease.attempt_number;
  view.pid = lease.pid;
  FillLiveness(view, is_live ? live->liveness : lease.liveness, now);
  if (is_live) return FillLive(view, *live, now);
  // Of an attempt that an owner before a reboot left, nobody can say it.
  if (lease.agent.boot_id == base::BootId()) return;
  view.pulse_age_s.reset();
  view.progress_age_s.reset();
}

// Where the queue's row could not take it.
void SayThatDiskIsFull(const base::Error& error, api::StageView& stage) {
  if (stage.state != JobState::kQueued) return;
  stage.wait_reason =
      fmt::format("queue {} is paused: {}: {}", stage.name, error.reason, error.message);
}

// The attempts, and what of an ended stage's time is in none of them: after an interruption it
// waited, for space on a full disk perhaps.
Result<void> AddAttempts(store::JobStore& store, const store::StageRun& run,
                         api::StageView& stage) {
  ROLLCALL_TRY_ASSIGN(const auto attempts, store.AttemptList(run.id));
  stage.attempts = AttemptViewsOf(attempts);
  if (!run.started_at || !run.finished_at) return {};
  Seconds waited = *run.finished_at - *run.started_at;
  for (const store::Attempt& attempt : attempts) {
    waited -= attempt.ended_at.value_or(attempt.started_at) - attempt.started_at;
  }
  stage.waited_s = std::max(0.0, waited.count());
  return {};
}

Result<void> AddPast(store::JobStore& store, const store::StageRun& run, Detail detail,
                     api::StageView& stage) {
  // An ended one may have waited for space, which is counted nowhere else.
  const bool is_told = detail == Detail::kHistory || stage.attempt > 1 || run.finished_at;
  if (!is_told) return {};
  ROLLCALL_TRY(AddAttempts(store, run, stage));
  if (detail == Detail::kNow) return {};
  if (stage.attempt == 0) stage.attempt = static_cast<int>(stage.attempts.size());
  if (domain::IsTerminal(stage.state)) return {};
  ROLLCALL_TRY_ASSIGN(const auto segments, store.SegmentList(run.work_key));
  stage.segments = static_cast<std::int64_t>(segments.size());
  return {};
}

}  // namespace

std::vector<api::AttemptView> AttemptViewsOf(const std::vector<store::Attempt>& attempts) {
  std::vector<api::AttemptView> views;
  for (const store::Attempt& attempt : attempts) {
    views.push_back({.number = attempt.number,
                     .started_at = IsoTime(attempt.started_at),
                     .ended_at = base::IsoTimeOrEmpty(attempt.ended_at),
                     .outcome = std::string(
                         attempt.outcome ? store::AttemptOutcomeName(*attempt.outcome) : "running"),
                     .error_reason = attempt.error_reason,
                     .exit = attempt.exit,
                     .rss_peak_bytes = attempt.rss_peak_bytes});
  }
  return views;
}

api::StageView StageViewOf(const store::RunView& view, const std::optional<LiveAttempt>& live,
                           Working working, base::Instant now) {
  const store::StageRun& run = view.run;
  api::StageView stage;
  stage.name = run.name;
  stage.job = run.job_name();
  stage.state = view.is_reused ? JobState::kSkipped : run.state;
  stage.is_reused = stage.state == JobState::kSkipped;
  stage.generation = run.generation;
  stage.wait_reason = run.wait_reason;
  stage.result = base::ObjectFrom(run.result_json);
  const bool has_failed = stage.state == JobState::kFailed || stage.state == JobState::kRetryWait;
  if (has_failed) stage.error = run.last_error;
  if (run.started_at) {
    stage.elapsed_s = Seconds(run.finished_at.value_or(now.wall) - *run.started_at).count();
  }
  if (domain::IsTerminal(run.state)) return stage;
  if (working == Working::kNo) stage.wait_reason = "nothing works on this data directory now";
  if (!view.lease) return stage;
  FillAttempt(stage, *view.lease, live, now);
  if (stage.is_stalled && !stage.error) stage.error = run.last_error;
  return stage;
}

Result<api::JobView> ViewOf(store::JobStore& store, const LiveBoard& board, store::JobId id,
                            const EngineFacts& engine, Detail detail, base::Instant now) {
  ROLLCALL_TRY_ASSIGN(const auto job, store.JobGet(id));
  ROLLCALL_TRY_ASSIGN(const auto runs, store.JobRuns(id));
  api::JobView view{.job_id = static_cast<std::int64_t>(job.id),
                    .name = job.job_name(),
                    .kind = job.kind,
                    .subject_kind = job.subject.kind,
                    .subject_id = job.subject.id,
                    .state = job.state,
                    .created_at = IsoTime(job.created_at),
                    .finished_at = base::IsoTimeOrEmpty(job.finished_at),
                    .request = base::ObjectFrom(job.request_json),
                    .is_worked_on = engine.working == Working::kYes,
                    .troubles = engine.troubles,
                    .stages = {}};
  const auto disk_error = board.disk_error();
  for (const store::RunView& run : runs) {
    api::StageView& stage =
        view.stages.emplace_back(StageViewOf(run, board.Get(run.run.id), engine.working, now));
    if (disk_error) SayThatDiskIsFull(*disk_error, stage);
    ROLLCALL_TRY(AddPast(store, run.run, detail, stage));
  }
  return view;
}

}  // namespace rollcall::projection
