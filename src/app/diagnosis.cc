#include "app/diagnosis.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "api/measure_text.h"
#include "api/stage_text.h"
#include "domain/reasons.h"
#include "jobs/runtime_times.h"

namespace rollcall::app {
namespace {

using api::JobView;
using api::ShortDuration;
using api::StageView;
using api::TroubleText;
using domain::JobState;
using jobs::RuntimeTimes;

double Seconds(RuntimeTimes::Millis time) { return std::chrono::duration<double>(time).count(); }

std::string From(const StageView& stage) {
  return stage.segments > 0 ? fmt::format("from its last checkpoint (segment {})", stage.segments)
                            : std::string("from its beginning; it had no checkpoint yet");
}

std::string EndAtOnce(const JobView& job) {
  return fmt::format("`rollcall jobs resume {}` ends the attempt at once", job.number());
}

void DescribeLive(const JobView& job, const StageView& stage, const RuntimeTimes& times,
                  Diagnosis& diagnosis) {
  const double pulse_age = stage.pulse_age_s.value_or(0);
  const double progress_age = stage.progress_age_s.value_or(0);
  auto& findings = diagnosis.findings;
  if (stage.attempt > 1) {
    findings.push_back(fmt::format("{} was {}.", stage.name, RestartText(stage)));
  }
  diagnosis.advice = "nothing to do";
  if (pulse_age > 3 * Seconds(times.pulse)) {
    findings.push_back(fmt::format(
        "The worker of {} has given no sign of life for {}{}. When that has lasted {} it is ended, "
        "and {} goes on {}.",
        stage.name, ShortDuration(pulse_age),
        stage.is_stalled ? ": it is stalled (ERR_STALLED)" : "",
        ShortDuration(Seconds(times.lease)), stage.name, From(stage)));
    if (stage.is_stalled) diagnosis.advice = EndAtOnce(job);
    return;
  }
  if (stage.is_stalled) {
    findings.push_back(
        fmt::format("{} lives (heartbeat {} ago) but has made no progress for {}: it is stalled "
                    "(ERR_STALLED). {} "
                    "after the flag it is ended by force and goes on {}.",
                    stage.name, ShortDuration(pulse_age), ShortDuration(progress_age),
                    ShortDuration(Seconds(times.stall_grace)), From(stage)));
    diagnosis.advice = EndAtOnce(job);
    return;
  }
  if (stage.phase != "work" && stage.budget_s) {
    findings.push_back(
        fmt::format("{} is in its phase {}, which may take {} ({} are used); heartbeat {} ago.",
                    stage.name, stage.phase, ShortDuration(*stage.budget_s),
                    ShortDuration(stage.budget_used_s.value_or(0)), ShortDuration(pulse_age)));
    return;
  }
  findings.push_back(fmt::format("{} works: {}.", stage.name, StageProgress(stage)));
  if (stage.eta_p50_s && stage.eta_p90_s) {
    findings.push_back(fmt::format("It will probably take {} more, {} if it gets slower.",
                                   ShortDuration(*stage.eta_p50_s),
                                   ShortDuration(*stage.eta_p90_s)));
  }
}

bool IsRunning(JobState state) { return state == JobState::kRunning || state == JobState::kLeased; }

// " waits for a free worker", " waits: queue detect is paused"
std::string WaitText(const std::string& reason) {
  if (reason.empty()) return " waits.";
  return (reason.starts_with("waits ") ? " " : " waits: ") + reason + ".";
}

void DescribeOpen(const JobView& job, const StageView& stage, const RuntimeTimes& times,
                  Diagnosis& diagnosis) {
  auto& findings = diagnosis.findings;
  diagnosis.advice = "nothing to do";
  for (const base::Error& trouble : job.troubles) findings.push_back(TroubleText(trouble) + ".");
  if (const base::Error* full = job.DiskError()) {
    const bool has_more = IsRunning(stage.state) && !stage.wait_reason.empty();
    if (has_more) findings.push_back(fmt::format("{}: {}.", stage.name, stage.wait_reason));
    diagnosis.advice = full->hint;
    return;
  }
  switch (stage.state) {
    case JobState::kRunning:
    case JobState::kLeased:
      if (job.is_worked_on) return DescribeLive(job, stage, times, diagnosis);
      findings.push_back(
          fmt::format("{} was {}. It goes on {}.", stage.name, WhereItWasLeft(stage), From(stage)));
      break;
    case JobState::kCancelling:
      findings.push_back(
          fmt::format("{} is being cancelled; its worker has {} to end before it is killed.",
                      stage.name, ShortDuration(Seconds(times.cancel_kill))));
      break;
    case JobState::kRetryWait:
      findings.push_back(fmt::format("{} failed and is tried again {}: {}", stage.name, From(stage),
                                     stage.error ? stage.error->ToString() : "no reason is known"));
      break;
    default:
      findings.push_back(stage.name + WaitText(stage.wait_reason));
      break;
  }
  if (!job.is_worked_on) {
    findings.push_back(
        "No engine works for this data directory, so nothing will happen by itself.");
    diagnosis.advice = fmt::format("`rollcall jobs wait {}` goes on with it", job.number());
  }
}

}  // namespace

Diagnosis Diagnose(const JobView& job, const RuntimeTimes& times) {
  Diagnosis diagnosis;
  if (const StageView* failed = job.FailedStage()) {
    diagnosis.findings.push_back(
        fmt::format("{} failed: {}", failed->name,
                    failed->error ? failed->error->ToString() : "no reason is known"));
    if (failed->segments > 0) {
      diagnosis.findings.push_back(fmt::format("{} checkpoints of it are kept.", failed->segments));
    }
    const bool is_poison = failed->error && failed->error->reason == domain::reason::kPoisonSegment;
    diagnosis.advice =
        is_poison ? failed->error->hint
                  : fmt::format("mend the cause, then `rollcall jobs retry {}`", job.number());
    return diagnosis;
  }
  if (job.state == JobState::kCancelled) {
    diagnosis.findings.push_back("It was cancelled.");
    diagnosis.advice = fmt::format("`rollcall jobs resume {}` goes on", job.number());
    return diagnosis;
  }
  const StageView* current = job.CurrentStage();
  if (!job.is_open() || current == nullptr) {
    diagnosis.findings.push_back("It is done.");
    diagnosis.advice = fmt::format("`rollcall inspect {}` shows its files", job.subject_id);
    return diagnosis;
  }
  DescribeOpen(job, *current, times, diagnosis);
  return diagnosis;
}

}  // namespace rollcall::app
