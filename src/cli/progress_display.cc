#include "cli/progress_display.h"

#include <fmt/format.h>

#include <utility>

#include "cli/progress_lines.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using api::StageView;
using domain::JobState;

bool IsRunning(const StageView& stage) {
  return stage.state == JobState::kRunning || stage.state == JobState::kLeased;
}

// Differs when something happened, as opposed to when work went on.
std::string TransitionOf(const JobView& job) {
  std::string text{domain::JobStateName(job.state)};
  if (job.DiskError() != nullptr) text += "|paused";
  for (const StageView& stage : job.stages) {
    text += fmt::format("|{}:{}:{}", domain::JobStateName(stage.state), stage.attempt,
                        stage.is_stalled);
  }
  return text;
}

}  // namespace

std::unique_ptr<ProgressDisplay> ProgressDisplay::Make(std::function<Terminal()> terminal,
                                                       Write write, Moment start) {
  if (terminal().is_coloured) {
    return std::make_unique<LiveProgress>(std::move(terminal), std::move(write), start);
  }
  return std::make_unique<PlainProgress>(std::move(write));
}

// A stage that waits for the one before it is no news; one that waits for a worker is when it takes
// long.
bool PlainProgress::IsWorthTelling(const StageView& stage, Moment now) {
  if (stage.state == JobState::kBlocked) return false;
  // It follows from the stage before it, whose failure is told.
  if (stage.error && stage.error->reason == domain::reason::kPrereqFailed) return false;
  Told& told = told_[stage.name];
  if (stage.state != JobState::kQueued) {
    told.waits_since.reset();
    return true;
  }
  if (!told.waits_since) told.waits_since = now;
  return now - *told.waits_since >= kShortWait && !stage.wait_reason.empty();
}

bool PlainProgress::TellPause(const JobView& job) {
  const base::Error* full = job.is_open() ? job.DiskError() : nullptr;
  if ((full != nullptr) != is_paused_) {
    write_(full != nullptr ? "paused: " + TroubleText(*full) + "\n"
                           : std::string("there is room on the disk again\n"));
  }
  is_paused_ = full != nullptr;
  return is_paused_;
}

void PlainProgress::Show(const JobView& job, Moment now) {
  if (TellPause(job)) return;
  for (const StageView& stage : job.stages) {
    if (!IsWorthTelling(stage, now)) continue;
    Told& told = told_[stage.name];
    std::string summary = StageSummary(stage);
    if (IsRunning(stage) && stage.is_stalled)
      summary += fmt::format(", stalled ({})", domain::reason::kStalled);
    if (summary != told.summary) {
      write_(fmt::format("{}: {}\n", stage.name, summary));
      told.summary = std::move(summary);
      told.progress_at = now;
    } else if (IsRunning(stage) && now - told.progress_at >= kPeriod) {
      write_(fmt::format("{}: {}\n", stage.name, StageProgress(stage)));
      told.progress_at = now;
    }
  }
}

void PlainProgress::Note(const std::string& line) { write_(line + "\n"); }

void LiveProgress::Show(const JobView& job, Moment now) {
  std::string transition = TransitionOf(job);
  if (block_.is_drawn() && transition == transition_ && now - drawn_at_ < kFrame) return;
  transition_ = std::move(transition);
  drawn_at_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  block_.Draw(ProgressLines(job, terminal_(), elapsed));
}

}  // namespace rollcall::cli
