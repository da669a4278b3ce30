#include "projection/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "domain/reasons.h"

namespace rollcall::projection {
namespace {

using domain::JobState;
using Seconds = StageSnapshot::Seconds;

Seconds Since(base::BootTime then, base::Instant now) {
  return std::max(Seconds{0}, Seconds{now.boot - then});
}

void FillLiveness(StageSnapshot& snapshot, const store::Liveness& liveness, base::Instant now) {
  snapshot.phase = liveness.phase;
  snapshot.since_pulse = Since(liveness.last_pulse, now);
  snapshot.since_progress = Since(liveness.progress_at, now);
  snapshot.is_stalled = liveness.is_stalled;
  snapshot.done = liveness.done;
  snapshot.total = liveness.total;
  snapshot.unit = liveness.unit;
  snapshot.counters_json = liveness.counters_json;
  snapshot.rate = liveness.rate;
  snapshot.realtime_factor = liveness.realtime_factor;
}

}  // namespace

StageSnapshot MakeStageSnapshot(const store::RunView& view, const std::optional<LiveAttempt>& live,
                                Working working, base::Instant now) {
  const store::StageRun& run = view.run;
  StageSnapshot snapshot;
  snapshot.name = run.name;
  snapshot.run = run.id;
  snapshot.generation = run.generation;
  snapshot.state = view.is_reused ? JobState::kSkipped : run.state;
  snapshot.wait_reason = run.wait_reason;
  snapshot.error = run.last_error;
  snapshot.result_json = run.result_json;
  snapshot.started_at = run.started_at;
  snapshot.finished_at = run.finished_at;
  snapshot.interruptions = run.interruptions;
  if (domain::IsTerminal(run.state)) return snapshot;
  if (working == Working::kNo) {
    snapshot.wait_reason = "nothing works on this data directory now";
  }
  if (!view.lease) return snapshot;
  const bool is_live = live && !live->is_over && live->fence == view.lease->fence;
  snapshot.attempt_number = view.lease->attempt_number;
  snapshot.pid = view.lease->pid;
  FillLiveness(snapshot, is_live ? live->liveness : view.lease->liveness, now);
  if (!is_live) {
    if (view.lease->agent.boot_id != base::BootId()) {
      snapshot.since_pulse.reset();
      snapshot.since_progress.reset();
    }
    return snapshot;
  }
  snapshot.pid = live->pid;  // 0 once the process has ended.
  if (live->liveness.is_stalled) {
    snapshot.error = domain::MakeError(domain::reason::kStalled, live->why_stalled);
    snapshot.rate = 0;
    snapshot.realtime_factor = 0;
  } else if (now.boot - live->liveness.progress_at < live->budget / 4) {
    // Later than a few of its usual gaps, what it once was says nothing.
    snapshot.time_left = live->time_left;
  }
  snapshot.budget = live->budget;
  snapshot.budget_used = Since(live->budget_since, now);
  if (!live->trouble.empty()) snapshot.wait_reason = live->trouble;
  return snapshot;
}

void SayThatDiskIsFull(const base::Error& error, StageSnapshot& stage) {
  if (stage.state != JobState::kQueued) return;
  stage.wait_reason =
      fmt::format("queue {} is paused: {}: {}", stage.name, error.reason, error.message);
}

}  // namespace rollcall::projection
