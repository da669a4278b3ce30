#include "cli/queue_display.h"

#include <fmt/format.h>

#include <utility>

#include "api/stage_text.h"
#include "cli/queue_lines.h"

namespace rollcall::cli {
namespace {

using api::StageView;
using domain::JobState;

// What somebody should know of a video at work besides how far it is.
std::string TroubleOf(const StageView& stage) {
  if (stage.state == JobState::kRetryWait) return api::StageSummary(stage);
  if (!api::IsLive(stage)) return {};
  std::string text = api::RestartText(stage);
  if (stage.is_stalled) text += (text.empty() ? "" : ", ") + std::string("stalled");
  return text;
}

// Differs when a video has ended.
std::string EndedText(const QueueCounts& counts) {
  return fmt::format("{} {} {}", counts.done(), counts.failed, counts.cancelled);
}

}  // namespace

std::unique_ptr<QueueDisplay> QueueDisplay::Make(std::function<Terminal()> terminal, Write write,
                                                 Moment start) {
  if (terminal().is_coloured) {
    return std::make_unique<LiveQueue>(std::move(terminal), std::move(write), start);
  }
  return std::make_unique<PlainQueue>(std::move(write), start);
}

void PlainQueue::Show(const VideoQueue& queue, Moment now) {
  const auto& videos = queue.videos();
  for (std::size_t i = 0; i < videos.size(); ++i) {
    if (videos[i].state == VideoState::kRunning) TellWork(queue, i, now);
  }
  const QueueCounts counts = queue.Counts();
  const bool is_first_estimate = !has_estimate_ && queue.Left().has_value();
  // While others are looked at, ends come one after the other.
  const bool is_paused = queue.Trouble() != nullptr;
  const bool is_news =
      (ended_ != whole_of_ && counts.waiting == 0) || is_first_estimate || is_paused != is_paused_;
  const bool is_due = now - whole_at_ >= (counts.waiting > 0 ? kPeriod : kWholePeriod);
  if (!is_news && !is_due) return;
  has_estimate_ = has_estimate_ || is_first_estimate;
  is_paused_ = is_paused;
  whole_of_ = ended_;
  whole_at_ = now;
  write_(WholeText(queue) + "\n");
}

void PlainQueue::TellWork(const VideoQueue& queue, std::size_t index, Moment now) {
  const StageView* stage = queue.videos()[index].job->CurrentStage();
  if (stage == nullptr) return;
  const auto [at, is_new] = told_.try_emplace(index);
  Told& told = at->second;
  std::string trouble = TroubleOf(*stage);
  const bool is_news = trouble != told.trouble && !trouble.empty();
  const bool is_due = api::IsLive(*stage) && now - told.at >= kPeriod;
  told.trouble = trouble;
  if (!is_new && !is_news && !is_due) return;
  told.at = now;
  const std::string text = is_news ? trouble : is_new ? "begun" : api::StageProgress(*stage);
  write_(fmt::format("{}: {}: {}\n", NumberedName(queue, index), stage->name, text));
}

void PlainQueue::TellEnded(const VideoQueue& queue, std::size_t index) {
  // A line each would say one thing many times.
  if (queue.videos()[index].state == VideoState::kNotStarted) return;
  ended_ = EndedText(queue.Counts());
  write_(fmt::format("{}: {}\n", NumberedName(queue, index), NewsText(queue, index)));
}

void LiveQueue::Show(const VideoQueue& queue, Moment now) {
  if (block_.is_drawn() && now - drawn_at_ < kFrame) return;
  drawn_at_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  block_.Draw(QueueLines(queue, terminal_(), elapsed));
}

void LiveQueue::TellEnded(const VideoQueue& queue, std::size_t index) {
  const VideoState state = queue.videos()[index].state;
  if (state == VideoState::kAlreadyDone || state == VideoState::kNotStarted) return;
  block_.Note(EndedLine(queue, index, terminal_()));
}

}  // namespace rollcall::cli
