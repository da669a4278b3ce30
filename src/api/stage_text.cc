#include "api/stage_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string_view>

#include "api/measure_text.h"
#include "domain/reasons.h"
#include "domain/segment_span.h"

namespace rollcall::api {
namespace {

using domain::JobState;

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

bool IsLive(const StageView& stage) {
  return stage.state == JobState::kRunning || stage.state == JobState::kLeased ||
         stage.state == JobState::kCancelling;
}

double ShareDone(const StageView& stage) {
  if (stage.total <= 0) return 0;
  return std::clamp(static_cast<double>(stage.done) / static_cast<double>(stage.total), 0.0, 1.0);
}

std::string_view PhaseWords(const StageView& stage) {
  const std::string& phase = stage.phase;
  if (phase == "model_load") return "loading models";
  if (phase == "seek") return "finding the place";
  if (phase == "finalise") return "finishing";
  if (phase == "starting" || phase.empty()) return "starting";
  return "";
}

// It has got on for a while: no estimate then means that it does not get on now.
bool IsBeyondStart(const StageView& stage) {
  return stage.progress_age_s.value_or(0) >= kLatePulse_s;
}

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
  const auto before =
      std::find_if(stage.attempts.begin(), stage.attempts.end(),
                   [&](const AttemptView& attempt) { return attempt.number == stage.attempt - 1; });
  return before == stage.attempts.end()
             ? text
             : fmt::format("{} (attempt {}: {})", text, before->number, AttemptEnding(*before));
}

std::string AttemptEnding(const AttemptView& attempt) {
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
  const std::string_view phase = PhaseWords(stage);
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
  const bool is_silent = stage.pulse_age_s.value_or(0) > kLatePulse_s;
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

}  // namespace rollcall::api
