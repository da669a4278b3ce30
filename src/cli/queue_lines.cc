#include "cli/queue_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/stage_text.h"
#include "base/shown_text.h"
#include "cli/progress_lines.h"

namespace rollcall::cli {
namespace {

using api::StageView;

constexpr int kStageWidth = 9;
constexpr int kVideoNameMax = 28;
// Lines of videos at work; more are counted.
constexpr std::size_t kLinesMax = 8;

// About how many, and of what.
struct RoughTime {
  std::int64_t count = 0;
  std::string_view unit;
};

RoughTime RoughTimeOf(double seconds) {
  constexpr double kSecondsMax = 90;
  constexpr double kMinutesMax = 90;
  if (seconds < kSecondsMax) return {std::max<std::int64_t>(1, std::llround(seconds)), "s"};
  const double minutes = seconds / 60;
  return {std::llround(minutes), minutes < kMinutesMax ? "min" : ""};
}

std::string LeftText(const domain::TimeLeft& left) {
  const RoughTime about = RoughTimeOf(left.p50.count());
  const RoughTime most = RoughTimeOf(left.p90.count());
  const bool is_one_unit = about.unit == most.unit && !about.unit.empty();
  return fmt::format("about {} left (at most {})", RoughDuration(left.p50.count()),
                     is_one_unit ? std::to_string(most.count) : RoughDuration(left.p90.count()));
}

std::string ResultsText(const QueuedVideo& video) {
  const std::int64_t people = video.people().value_or(0);
  std::string text =
      people == 0 ? "nobody" : fmt::format("{} {}", people, people == 1 ? "person" : "people");
  if (const auto length = video.duration_ms()) {
    text += " in " + ShortDuration(static_cast<double>(*length) / 1000);
  }
  return text;
}

std::string GlyphOf(VideoState state, const Paint& paint) {
  switch (state) {
    case VideoState::kOk:
      return paint.Good("✓");
    case VideoState::kFailed:
      return paint.Bad("✗");
    case VideoState::kCancelled:
      return paint.Warn("–");
    case VideoState::kAlreadyDone:
      return paint.Dim("✓");
    default:
      return paint.Dim("–");
  }
}

std::string WorkText(const StageView* stage, int room, const Paint& paint) {
  if (stage == nullptr) return {};
  const std::string name = PadRight(Clip(stage->name, kStageWidth), kStageWidth) + " ";
  const int rest = room - kStageWidth - 1;
  if (api::IsLive(*stage)) return paint.Bold(name) + LiveStageText(*stage, rest, paint);
  return paint.Dim(name + Clip(api::StageSummary(*stage), rest));
}

void AddWork(const QueuedVideo& video, int name_width, const Terminal& terminal,
             std::vector<std::string>& lines) {
  const Paint paint(terminal.is_coloured);
  const StageView* stage = video.job->CurrentStage();
  const int room = terminal.width - 2 - name_width - 2;
  lines.push_back((stage == nullptr ? std::string{"○"} : StageGlyph(*stage, paint)) + " " +
                  PadRight(Clip(video.file.name, name_width), name_width) + "  " +
                  WorkText(stage, room, paint));
  if (stage == nullptr || !api::IsLive(*stage)) return;
  for (const std::string& below : TroublesOf(*stage)) {
    lines.push_back(std::string(static_cast<std::size_t>(4 + name_width), ' ') +
                    paint.Warn(Clip(below, room)));
  }
}

}  // namespace

std::string RoughDuration(double seconds) {
  const RoughTime time = RoughTimeOf(seconds);
  if (!time.unit.empty()) return fmt::format("{} {}", time.count, time.unit);
  // Beyond ten hours nobody counts minutes.
  constexpr std::int64_t kMinutesMatter = 600;
  const std::int64_t hours = time.count / 60;
  const std::int64_t minutes = time.count % 60;
  if (time.count >= kMinutesMatter) return fmt::format("{} h", hours + (minutes >= 30 ? 1 : 0));
  return minutes == 0 ? fmt::format("{} h", hours) : fmt::format("{} h {} min", hours, minutes);
}

std::string WholeText(const VideoQueue& queue) {
  const QueueCounts counts = queue.Counts();
  std::string text = fmt::format("{} of {} done", counts.done(), counts.total);
  if (counts.already_done > 0) text += fmt::format(" ({} before)", counts.already_done);
  if (counts.failed > 0) text += fmt::format(", {} failed", counts.failed);
  if (counts.cancelled > 0) text += fmt::format(", {} cancelled", counts.cancelled);
  if (counts.not_started > 0) text += fmt::format(", {} not started", counts.not_started);
  if (counts.left > 0) text += fmt::format(", {} left to another command", counts.left);
  if (queue.is_over()) return text;
  if (queue.is_cancelling()) return text + ", cancelling";
  if (const base::Error* trouble = queue.Trouble()) {
    return text + ", paused: " + api::TroubleText(*trouble);
  }
  if (counts.waiting > 0) {
    return text + fmt::format(", looking at video {} of {}", counts.looked_at() + 1,
                              queue.videos().size());
  }
  const auto left = queue.Left();
  return text + ", " + (left ? LeftText(*left) : "starting");
}

std::string NumberedName(const VideoQueue& queue, std::size_t index) {
  return fmt::format("{}/{} {}", index + 1, queue.videos().size(),
                     queue.videos().at(index).file.name);
}

std::string NewsText(const VideoQueue& queue, std::size_t index) {
  const QueuedVideo& video = queue.videos().at(index);
  switch (video.state) {
    case VideoState::kOk:
      return fmt::format("{}, took {}", ResultsText(video), ShortDuration(video.took_s()));
    case VideoState::kAlreadyDone:
      return "already done: " + ResultsText(video);
    case VideoState::kSameFile:
    case VideoState::kSameVideo:
      return fmt::format("the {} as {}", VideoStateWord(video.state),
                         queue.videos().at(*video.same_as).file.name);
    case VideoState::kFailed:
      return base::Shown(video.error->reason + ": " + video.error->message);
    case VideoState::kLeft:
      return "left to the command that began it";
    default:
      return std::string(VideoStateWord(video.state));
  }
}

std::string EndedLine(const VideoQueue& queue, std::size_t index, const Terminal& terminal) {
  const QueuedVideo& video = queue.videos().at(index);
  const Paint paint(terminal.is_coloured);
  const std::string news = NewsText(queue, index);
  const std::string name = Clip(video.file.name, terminal.width / 2);
  const std::string rest = Clip(news, terminal.width - 4 - DisplayWidth(name));
  return GlyphOf(video.state, paint) + " " + name + "  " +
         (video.state == VideoState::kFailed ? paint.Bad(rest) : paint.Dim(rest));
}

std::vector<std::string> QueueLines(const VideoQueue& queue, const Terminal& terminal,
                                    double elapsed_s) {
  const Paint paint(terminal.is_coloured);
  std::vector<const QueuedVideo*> at_work;
  int name_width = 0;
  for (const QueuedVideo& video : queue.videos()) {
    if (video.state != VideoState::kRunning) continue;
    at_work.push_back(&video);
    name_width = std::max(name_width, DisplayWidth(video.file.name));
  }
  name_width = std::min({name_width, kVideoNameMax, terminal.width / 3});
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(at_work.size(), kLinesMax); ++i) {
    AddWork(*at_work[i], name_width, terminal, lines);
  }
  if (at_work.size() > kLinesMax) {
    lines.push_back(paint.Dim(fmt::format("  and {} more", at_work.size() - kLinesMax)));
  }
  const std::string right = ShortDuration(elapsed_s);
  const int room = terminal.width - 2 - DisplayWidth(right) - 2;
  lines.push_back("  " + paint.Bold(PadRight(Clip(WholeText(queue), room), room)) + "  " +
                  paint.Dim(right));
  return lines;
}

}  // namespace rollcall::cli
