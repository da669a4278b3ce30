#include "cli/progress_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace rollcall::cli {
namespace {

using api::JobView;
using api::StageView;
using domain::JobState;

constexpr int kNameWidth = 10;
constexpr int kBarMin = 8;
constexpr int kBarMax = 32;
constexpr double kLateProgress = 10;

// "━━━━━╸────"
std::string ProgressBar(double share, int width, const Paint& paint) {
  const auto halves = static_cast<int>(std::floor(share * width * 2));
  std::string filled;
  for (int i = 0; i < halves / 2; ++i) filled += "━";
  int used = halves / 2;
  if (halves % 2 == 1) {
    filled += "╸";
    ++used;
  }
  std::string rest;
  for (int i = used; i < width; ++i) rest += "─";
  return paint.Accent(filled) + paint.Dim(rest);
}

std::string RateText(const StageView& stage) {
  if (stage.realtime_factor > 0) {
    return fmt::format("{:.{}f}×", stage.realtime_factor, stage.realtime_factor < 9.95 ? 1 : 0);
  }
  if (stage.rate > 0 && !stage.unit.empty()) return fmt::format("{:.0f}/s", stage.rate);
  return {};
}

std::string PulseText(const StageView& stage, const Paint& paint) {
  if (!stage.pulse_age_s) return {};
  const std::string text = PadRight(fmt::format("♥ {:.0f} s", std::floor(*stage.pulse_age_s)), 5);
  return *stage.pulse_age_s > api::kLatePulse_s ? paint.Warn(text) : paint.Dim(text);
}

// Pieces after the bar, the dearest first; as many as fit are shown, in `order`. Numbers that grow
// have a fixed width, so that the line stands still.
struct Piece {
  int order = 0;
  std::string text;
};

std::vector<Piece> PiecesOf(const StageView& stage, const Paint& paint) {
  std::vector<Piece> pieces;
  if (stage.total > 0) pieces.push_back({0, fmt::format("{:3.0f}%", ShareDone(stage) * 100)});
  pieces.push_back({4, PulseText(stage, paint)});
  const std::string_view phase = PhaseWords(stage);
  if (stage.state == JobState::kCancelling) {
    pieces.push_back({3, paint.Warn("cancelling")});
  } else if (!stage.wait_reason.empty()) {
    pieces.push_back({3, paint.Warn("ending")});
  } else if (stage.eta_p50_s) {
    pieces.push_back({3, PadLeft(ShortDuration(*stage.eta_p50_s), 5) + " left"});
  } else if (stage.is_stalled) {
    pieces.push_back({3, paint.Warn("stalled")});
  } else if (!phase.empty() || !IsBeyondStart(stage)) {
    pieces.push_back({3, std::string(phase.empty() ? "starting" : phase)});
  }
  pieces.push_back({2, PadLeft(RateText(stage), 5)});
  if (stage.total > 0) {
    const std::string total = Grouped(stage.total);
    pieces.push_back({1, fmt::format("{}/{} {}", PadLeft(Grouped(stage.done), DisplayWidth(total)),
                                     total, stage.unit)});
  }
  std::erase_if(pieces, [](const Piece& piece) {
    return piece.text.find_first_not_of(' ') == std::string::npos;
  });
  return pieces;
}

// What stands after the name of a stage that does not run.
std::string RestText(const StageView& stage) {
  switch (stage.state) {
    case JobState::kBlocked:
      return {};
    case JobState::kQueued:
      return stage.wait_reason;
    case JobState::kRetryWait:
      return stage.error ? stage.error->reason + ", " + stage.wait_reason : stage.wait_reason;
    default:
      return StageSummary(stage);
  }
}

std::string Trouble(const StageView& stage) {
  if (!stage.wait_reason.empty()) return stage.wait_reason;
  if (stage.is_stalled) {
    return fmt::format("stalled: {}; goes on by itself", StallText(stage));
  }
  if (stage.progress_age_s.value_or(0) < kLateProgress || stage.phase != "work") return {};
  return "no progress for " + ShortDuration(*stage.progress_age_s);
}

void AddStage(const StageView& stage, const Terminal& terminal, std::vector<std::string>& lines) {
  const Paint paint(terminal.is_coloured);
  const std::string head = StageGlyph(stage, paint) + " ";
  const std::string name = PadRight(Clip(stage.name, kNameWidth), kNameWidth) + " ";
  const int room = terminal.width - 3 - kNameWidth;
  if (IsLive(stage)) {
    lines.push_back(head + paint.Bold(name) + LiveStageText(stage, room, paint));
    for (const std::string& below : TroublesOf(stage)) {
      lines.push_back(std::string(3 + kNameWidth, ' ') + paint.Warn(Clip(below, room)));
    }
    return;
  }
  const std::string rest = Clip(RestText(stage), room);
  const bool is_bad = stage.state == JobState::kFailed;
  lines.push_back(head +
                  (domain::IsTerminal(stage.state) && !stage.is_reused ? name : paint.Dim(name)) +
                  (is_bad ? paint.Bad(rest) : paint.Dim(rest)));
}

}  // namespace

std::string StageGlyph(const StageView& stage, const Paint& paint) {
  switch (stage.state) {
    case JobState::kSucceeded:
      return paint.Good("✓");
    case JobState::kSkipped:
      return paint.Dim(stage.is_reused ? "✓" : "–");
    case JobState::kFailed:
      return paint.Bad("✗");
    case JobState::kCancelled:
      return paint.Warn("–");
    case JobState::kRetryWait:
      return paint.Warn("↻");
    case JobState::kCancelling:
      return paint.Warn("●");
    case JobState::kRunning:
    case JobState::kLeased:
      return stage.is_stalled ? paint.Warn("●") : paint.Accent("●");
    default:
      return paint.Dim("○");
  }
}

std::string LiveStageText(const StageView& stage, int room, const Paint& paint) {
  constexpr int kGap = 2;
  std::vector<Piece> shown;
  int used = kBarMin;
  for (Piece& piece : PiecesOf(stage, paint)) {
    const int wanted = DisplayWidth(piece.text) + kGap;
    if (used + wanted > room) continue;
    used += wanted;
    shown.push_back(std::move(piece));
  }
  std::sort(shown.begin(), shown.end(),
            [](const Piece& a, const Piece& b) { return a.order < b.order; });
  const int bar = std::clamp(room - used + kBarMin, kBarMin, kBarMax);
  std::string line = ProgressBar(ShareDone(stage), bar, paint);
  for (const Piece& piece : shown) line += "  " + piece.text;
  return line;
}

std::vector<std::string> TroublesOf(const StageView& stage) {
  std::vector<std::string> troubles{RestartText(stage), Trouble(stage)};
  std::erase(troubles, "");
  return troubles;
}

std::vector<std::string> ProgressLines(const JobView& job, const Terminal& terminal,
                                       double elapsed_s) {
  const Paint paint(terminal.is_coloured);
  const std::string right = job.kind + " · " + ShortDuration(elapsed_s);
  const std::string left = Clip(job.subject_id, terminal.width - DisplayWidth(right) - 2);
  std::vector<std::string> lines;
  lines.push_back(paint.Bold(PadRight(left, terminal.width - DisplayWidth(right))) +
                  paint.Dim(right));
  if (const base::Error* full = job.is_open() ? job.DiskError() : nullptr) {
    lines.push_back(paint.Warn(Clip("paused: " + TroubleText(*full), terminal.width)));
  }
  for (const StageView& stage : job.stages) AddStage(stage, terminal, lines);
  return lines;
}

}  // namespace rollcall::cli
