#include "cli/diagnosis.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "cli/progress_lines.h"
#include "cli/terminal.h"
#include "domain/reasons.h"
#include "jobs/runtime_times.h"

namespace rollcall::cli {
namespace {

using control::JobView;
using control::StageView;
using domain::JobState;
using jobs::RuntimeTimes;

double Seconds(RuntimeTimes::Millis time) { return std::chrono::duration<double>(time).count(); }

std::string From(const StageView& stage) {
  return stage.segments > 0 ? fmt::format("from its last checkpoint (segment {})", stage.segments)
                            : std::string("from its beginning; it had no checkpoint yet");
}

// How long a phase may take; none for `work`, which is judged by its progress.
std::optional<double> BudgetOf(const std::string& phase) {
  const RuntimeTimes times;
  if (phase == "starting") return Seconds(times.budget_starting);
  if (phase == "model_load") return Seconds(times.budget_model_load);
  if (phase == "seek") return Seconds(times.budget_seek);
  if (phase == "finalise") return Seconds(times.budget_finalise);
  return std::nullopt;
}

void DescribeLive(const JobView& job, const StageView& stage, Diagnosis& diagnosis) {
  const RuntimeTimes times;
  const double pulse_age = stage.pulse_age_s.value_or(0);
  const double progress_age = stage.progress_age_s.value_or(0);
  auto& findings = diagnosis.findings;
  if (stage.attempt > 1) {
    findings.push_back(
        fmt::format("This is attempt {} of {}; an earlier one ended before it was done.",
                    stage.attempt, stage.name));
  }
  diagnosis.advice = "nothing to do";
  if (pulse_age > 3 * Seconds(times.pulse)) {
    findings.push_back(fmt::format(
        "The worker of {} has given no sign of life for {}. When its lease of {} runs out it is "
        "ended, and {} goes on {}.",
        stage.name, ShortDuration(pulse_age), ShortDuration(Seconds(times.lease)), stage.name,
        From(stage)));
    return;
  }
  if (stage.is_stalled) {
    findings.push_back(fmt::format(
        "{} lives (heartbeat {} ago) but has made no progress for {}: it is stalled. {} after the "
        "flag it is ended by force and goes on {}.",
        stage.name, ShortDuration(pulse_age), ShortDuration(progress_age),
        ShortDuration(Seconds(times.stall_grace)), From(stage)));
    diagnosis.advice =
        fmt::format("`rollcall jobs resume {}` ends the attempt at once", job.public_id);
    return;
  }
  if (const auto budget = BudgetOf(stage.phase)) {
    findings.push_back(fmt::format("{} is in its phase {}, which may take {}; heartbeat {} ago.",
                                   stage.name, stage.phase, ShortDuration(*budget),
                                   ShortDuration(pulse_age)));
    return;
  }
  findings.push_back(fmt::format("{} works: {}.", stage.name, StageProgress(stage)));
  if (stage.eta_p50_s && stage.eta_p90_s) {
    findings.push_back(fmt::format("It will probably take {} more, {} if it gets slower.",
                                   ShortDuration(*stage.eta_p50_s),
                                   ShortDuration(*stage.eta_p90_s)));
  }
}

void DescribeOpen(const JobView& job, const StageView& stage, bool is_worked_on,
                  Diagnosis& diagnosis) {
  auto& findings = diagnosis.findings;
  diagnosis.advice = "nothing to do";
  switch (stage.state) {
    case JobState::kRunning:
    case JobState::kLeased:
      DescribeLive(job, stage, diagnosis);
      return;
    case JobState::kCancelling:
      findings.push_back(
          fmt::format("{} is being cancelled; its worker has {} to end before it is killed.",
                      stage.name, ShortDuration(Seconds(RuntimeTimes{}.cancel_kill))));
      break;
    case JobState::kRetryWait:
      findings.push_back(fmt::format("{} failed and is tried again {}: {}", stage.name, From(stage),
                                     stage.error ? stage.error->ToString() : "no reason is known"));
      break;
    default:
      findings.push_back(fmt::format("{} waits{}", stage.name,
                                     stage.wait_reason.empty() ? "." : ": " + stage.wait_reason));
      break;
  }
  if (!is_worked_on) {
    findings.push_back(
        "No engine works for this data directory, so nothing will happen by itself.");
    diagnosis.advice = fmt::format("`rollcall jobs wait {}` goes on with it", job.public_id);
  }
}

}  // namespace

Diagnosis Diagnose(const JobView& job, bool is_worked_on) {
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
                  : fmt::format("mend the cause, then `rollcall jobs retry {}`", job.public_id);
    return diagnosis;
  }
  if (job.state == JobState::kCancelled) {
    diagnosis.findings.push_back("It was cancelled.");
    diagnosis.advice = fmt::format("`rollcall jobs resume {}` goes on", job.public_id);
    return diagnosis;
  }
  const StageView* current = job.CurrentStage();
  if (!job.is_open() || current == nullptr) {
    diagnosis.findings.push_back("It is done.");
    diagnosis.advice = fmt::format("`rollcall inspect {}` shows its files", job.subject_id);
    return diagnosis;
  }
  DescribeOpen(job, *current, is_worked_on, diagnosis);
  return diagnosis;
}

}  // namespace rollcall::cli
