#include "cli/progress_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string_view>

#include "domain/reasons.h"
#include "domain/segment_span.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using api::StageView;
using domain::JobState;

constexpr int kNameWidth = 10;
constexpr int kBarMin = 8;
constexpr int kBarMax = 32;
// A worker says that it lives each second; from here on somebody should look.
constexpr double kLatePulse = 5;
constexpr double kLateProgress = 10;

bool IsLive(const StageView& stage) {
  return stage.state == JobState::kRunning || stage.state == JobState::kLeased ||
         stage.state == JobState::kCancelling;
}

std::string Glyph(const StageView& stage, const Paint& paint) {
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

double ShareDone(const StageView& stage) {
  if (stage.total <= 0) return 0;
  return std::clamp(static_cast<double>(stage.done) / static_cast<double>(stage.total), 0.0, 1.0);
}

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

std::string_view PhaseWords(std::string_view phase) {
  if (phase == "model_load") return "loading models";
  if (phase == "seek") return "finding the place";
  if (phase == "finalise") return "finishing";
  if (phase == "starting" || phase.empty()) return "starting";
  return "";
}

// It has got on for a while: no estimate then means that it does not get on now.
bool IsBeyondStart(const StageView& stage) {
  return stage.progress_age_s.value_or(0) >= kLatePulse;
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
  return *stage.pulse_age_s > kLatePulse ? paint.Warn(text) : paint.Dim(text);
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
  const std::string_view phase = PhaseWords(stage.phase);
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

std::string LiveLine(const StageView& stage, int width, const Paint& paint) {
  constexpr int kGap = 2;
  const int room = width - 2 - kNameWidth - 1;
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
  const std::string head = Glyph(stage, paint) + " ";
  const std::string name = PadRight(Clip(stage.name, kNameWidth), kNameWidth) + " ";
  const int room = terminal.width - 3 - kNameWidth;
  if (IsLive(stage)) {
    lines.push_back(head + paint.Bold(name) + LiveLine(stage, terminal.width, paint));
    for (const std::string& below : {RestartText(stage), Trouble(stage)}) {
      if (below.empty()) continue;
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

// Names that end with a unit are measures, not counts.
bool HasUnit(std::string_view name) {
  constexpr std::array<std::string_view, 5> kUnits{"_ms", "_us", "_px", "_bytes", "_id"};
  return std::any_of(kUnits.begin(), kUnits.end(),
                     [&](std::string_view unit) { return name.ends_with(unit); });
}

// " without 00:01:20–00:01:30": what of the video a result does not tell.
std::string GapsText(const StageView& stage) {
  std::string text;
  const auto gaps = stage.result.find("gaps");
  if (gaps == stage.result.end() || !gaps->is_array()) return text;
  for (const base::Json& gap : *gaps) {
    const std::chrono::milliseconds start{gap.value("start_ms", std::int64_t{0})};
    const std::chrono::milliseconds end{gap.value("end_ms", std::int64_t{0})};
    text += (text.empty() ? " without " : ", ") + domain::TimeRangeText(start, end);
  }
  return text;
}

std::string ResultText(const StageView& stage) {
  const std::string numbers = DescribeNumbers(stage.result);
  return (numbers.empty() ? std::string{} : " (" + numbers + ")") + GapsText(stage);
}

// "effort full, models yunet, ": what `request` asks otherwise than `own`.
std::string OtherWishes(const base::Json& request, const base::Json& own) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kWishes{
      {{"effort", "effort"}, {"model_pack", "models"}, {"provider", "provider"}}};
  std::string text;
  for (const auto& [name, word] : kWishes) {
    const std::string wish = request.value(name, "");
    if (wish == own.value(name, "")) continue;
    text += fmt::format("{} {}, ", word, wish.substr(wish.rfind('/') + 1));
  }
  return text;
}

// " in 56 s, 40 s of it waiting": as after a full disk.
std::string TookText(const StageView& stage) {
  constexpr double kWorthTelling = 1;
  if (!stage.elapsed_s) return {};
  const std::string took = " in " + ShortDuration(*stage.elapsed_s);
  if (stage.waited_s.value_or(0) < kWorthTelling) return took;
  return took + ", " + ShortDuration(*stage.waited_s) + " of it waiting";
}

}  // namespace

std::string DescribeNumbers(const base::Json& numbers) {
  constexpr int kShown = 2;
  std::string text;
  int shown = 0;
  if (!numbers.is_object()) return text;
  for (const auto& [name, value] : numbers.items()) {
    if (!value.is_number_integer() || shown == kShown || HasUnit(name)) continue;
    // Nothing of the second kind is no news.
    if (shown > 0 && value == 0) continue;
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    text +=
        fmt::format("{}{} {}", shown == 0 ? "" : ", ", Grouped(value.get<std::int64_t>()), words);
    ++shown;
  }
  return text;
}

std::string StageSummary(const StageView& stage) {
  const std::string took = TookText(stage);
  switch (stage.state) {
    case JobState::kSucceeded:
    case JobState::kSkipped:
      return stage.is_reused || stage.state == JobState::kSkipped
                 ? "already done" + ResultText(stage)
                 : "ok" + took + ResultText(stage);
    case JobState::kFailed:
      return stage.error ? stage.error->reason + ": " + stage.error->message : "error";
    case JobState::kCancelled:
      return "canceled";
    case JobState::kRetryWait:
      return (stage.error ? stage.error->reason : "error") + ": " +
             (stage.wait_reason.empty() ? "tried again" : stage.wait_reason);
    case JobState::kBlocked:
    case JobState::kQueued:
      if (stage.wait_reason.empty()) return "waiting";
      return (stage.wait_reason.starts_with("wait") ? "" : "waiting: ") + stage.wait_reason;
    case JobState::kCancelling:
      return "cancelling";
    default: {
      if (!stage.wait_reason.empty()) return stage.wait_reason;
      const std::string restart = RestartText(stage);
      return restart.empty() ? "running" : restart;
    }
  }
}

std::string RestartText(const StageView& stage) {
  if (!IsLive(stage) || stage.attempt < 2) return {};
  const std::string text = fmt::format("restarted, attempt {}", stage.attempt);
  const auto before = std::find_if(
      stage.attempts.begin(), stage.attempts.end(),
      [&](const api::AttemptView& attempt) { return attempt.number == stage.attempt - 1; });
  return before == stage.attempts.end()
             ? text
             : fmt::format("{} (attempt {}: {})", text, before->number, AttemptEnding(*before));
}

std::string AttemptEnding(const api::AttemptView& attempt) {
  std::string text = attempt.error_reason.empty() ? attempt.outcome : attempt.error_reason;
  if (attempt.exit.starts_with("signal")) text += ", " + attempt.exit;
  return text;
}

std::string StatusWord(const StageView& stage, bool is_worked_on) {
  if (!IsLive(stage)) return std::string(domain::JobStateWord(stage.state));
  if (!is_worked_on) return "interrupted";
  if (!stage.wait_reason.empty()) return "ending";
  return stage.is_stalled ? "stalled" : std::string(domain::JobStateWord(stage.state));
}

std::string StatusWord(const JobView& job) {
  if (job.is_open() && job.DiskError() != nullptr) return "paused";
  const StageView* stage = job.CurrentStage();
  const bool is_live = job.is_open() && stage != nullptr && IsLive(*stage);
  return is_live ? StatusWord(*stage, job.is_worked_on)
                 : std::string(domain::JobStateWord(job.state));
}

std::string BudgetText(const StageView& stage) {
  if (!stage.budget_s || !stage.budget_used_s) return {};
  return fmt::format("{} of {}", ShortDuration(*stage.budget_used_s),
                     ShortDuration(*stage.budget_s));
}

std::string StageProgress(const StageView& stage) {
  std::string text;
  const auto add = [&](std::string piece) {
    if (piece.empty()) return;
    text += (text.empty() ? "" : ", ") + std::move(piece);
  };
  if (stage.total > 0) {
    add(fmt::format("{:.0f}%", ShareDone(stage) * 100));
    add(fmt::format("{}/{} {}", stage.done, stage.total, stage.unit));
  }
  if (stage.realtime_factor > 0) add(fmt::format("{:.1f}x real time", stage.realtime_factor));
  const std::string_view phase = PhaseWords(stage.phase);
  if (phase.empty() && (stage.is_stalled || (!stage.eta_p50_s && IsBeyondStart(stage)))) {
    // Nobody can say how long it will take.
  } else if (stage.eta_p50_s && phase.empty()) {
    add(ShortDuration(*stage.eta_p50_s) + " left" +
        (stage.eta_p90_s ? " (p90 " + ShortDuration(*stage.eta_p90_s) + ")" : ""));
  } else {
    const std::string budget = BudgetText(stage);
    add(std::string(phase.empty() ? "starting" : phase) +
        (phase.empty() || budget.empty() ? "" : " (" + budget + ")"));
  }
  if (stage.is_stalled) add("stalled: " + StallText(stage));
  if (stage.pulse_age_s) add(fmt::format("heartbeat {:.0f} s ago", std::floor(*stage.pulse_age_s)));
  if (stage.progress_age_s && *stage.progress_age_s >= 2 && !stage.is_stalled) {
    add(fmt::format("progress {:.0f} s ago", std::floor(*stage.progress_age_s)));
  }
  return text;
}

std::string OpenBesideText(const JobView& other, const JobView& own) {
  return fmt::format(
      "job {0} ({1}{2}) of the same episode is open as well: the files under the plain names will "
      "be those of the job that ends last. `rollcall jobs cancel {0}` ends it",
      other.number(), OtherWishes(other.request, own.request), StatusWord(other));
}

std::string TroubleText(const base::Error& trouble) {
  return trouble.reason + ": " + trouble.message;
}

std::string StallText(const StageView& stage) {
  const bool is_silent = stage.pulse_age_s.value_or(0) > kLatePulse;
  return fmt::format(
      "no {} for {} ({})", is_silent ? "sign of life" : "progress",
      ShortDuration((is_silent ? stage.pulse_age_s : stage.progress_age_s).value_or(0)),
      domain::reason::kStalled);
}

std::string WhereItWasLeft(const StageView& stage) {
  std::string text = "interrupted";
  if (stage.total > 0) {
    text += fmt::format(" at {:.0f}%, {}/{} {}", ShareDone(stage) * 100, stage.done, stage.total,
                        stage.unit);
  }
  if (stage.pulse_age_s) text += ", last heartbeat " + ShortDuration(*stage.pulse_age_s) + " ago";
  return text + "; nothing works on it now";
}

std::string LiveNews(const StageView& stage, bool is_worked_on) {
  if (stage.phase.empty()) return StageSummary(stage);
  if (!is_worked_on) return WhereItWasLeft(stage);
  if (!stage.wait_reason.empty()) return stage.wait_reason;
  const std::string restart = RestartText(stage);
  return (restart.empty() ? "" : restart + ", ") + StageProgress(stage);
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
