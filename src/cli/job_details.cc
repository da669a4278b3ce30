#include "cli/job_details.h"

#include <fmt/format.h>

#include "cli/progress_lines.h"
#include "cli/text_table.h"

namespace rollcall::cli {
namespace {

using api::AttemptView;
using api::StageView;
using base::Json;

constexpr int kLabelWidth = 11;
constexpr std::size_t kIsoLength = 24;  // 2026-11-22T01:45:56.123Z

std::string Ago(const std::optional<double>& age_s) {
  return age_s ? ShortDuration(*age_s) + " ago" : "before the machine was started";
}

std::string PhaseDetail(const StageView& stage) {
  if (!stage.budget_s || !stage.budget_used_s) return stage.phase;
  const std::string used = ShortDuration(*stage.budget_used_s);
  const std::string budget = ShortDuration(*stage.budget_s);
  return stage.phase == "work"
             ? fmt::format("work; {} of the {} that it may go without progress are used", used,
                           budget)
             : fmt::format("{}; {} of its {} are used", stage.phase, used, budget);
}

std::string RateDetail(const StageView& stage) {
  std::string text;
  if (stage.rate > 0) text = fmt::format("{:.0f} {}/s", stage.rate, stage.unit);
  if (stage.realtime_factor > 0) {
    text += fmt::format("{}{:.1f}x real time", text.empty() ? "" : ", ", stage.realtime_factor);
  }
  return text.empty() ? "not known yet" : text;
}

std::string LeftDetail(const StageView& stage) {
  if (stage.is_stalled) return "nobody knows while it is stalled";
  if (!stage.eta_p50_s || !stage.eta_p90_s) return "not known yet";
  return fmt::format("{} (p50), {} (p90)", ShortDuration(*stage.eta_p50_s),
                     ShortDuration(*stage.eta_p90_s));
}

// Without the day where it is that of the start.
std::string EndTime(const AttemptView& attempt) {
  constexpr std::size_t kDay = 11;
  if (attempt.is_running()) return "–";
  const std::string ended = ShortTime(attempt.ended_at);
  const std::string started = ShortTime(attempt.started_at);
  return ended.substr(0, kDay) == started.substr(0, kDay) ? ended.substr(kDay) : ended;
}

}  // namespace

std::string ShortTime(const std::string& iso) {
  if (iso.size() != kIsoLength) return iso;
  return iso.substr(0, 10) + " " + iso.substr(11, 8);
}

std::string LiveDetails(const StageView& stage, bool is_worked_on) {
  if (stage.phase.empty()) return {};
  std::string text;
  const auto add = [&](std::string_view label, const std::string& fact) {
    text += fmt::format("  {}  {}\n", PadRight(label, kLabelWidth), fact);
  };
  const bool has_counted = stage.total > 0;
  const std::string count =
      has_counted ? fmt::format(", {}/{} {}", stage.done, stage.total, stage.unit) : "";
  const bool is_ending = is_worked_on && !stage.wait_reason.empty();
  if (is_ending) {
    add("trouble", stage.wait_reason);
  } else {
    add("phase", is_worked_on ? PhaseDetail(stage) : stage.phase);
    add(is_worked_on ? "heartbeat" : "last pulse", Ago(stage.pulse_age_s));
    if (stage.is_stalled) add("stalled", StallText(stage));
  }
  add("progress", Ago(stage.progress_age_s) + count);
  if (is_worked_on && !is_ending) {
    add("rate", RateDetail(stage));
    add("left", LeftDetail(stage));
  }
  add("checkpoints", std::to_string(stage.segments));
  return text;
}

std::string AttemptTable(const std::vector<StageView>& stages, const Paint& paint) {
  TextTable table({"STAGE", "ATTEMPT", "STARTED", "ENDED", "HOW", "EXIT", "MEMORY"});
  for (const StageView& stage : stages) {
    for (const AttemptView& attempt : stage.attempts) {
      const std::string how = attempt.error_reason.empty()
                                  ? attempt.outcome
                                  : attempt.outcome + ": " + attempt.error_reason;
      table.Add({stage.name, std::to_string(attempt.number), ShortTime(attempt.started_at),
                 EndTime(attempt), how, attempt.exit,
                 attempt.rss_peak_bytes > 0 ? Bytes(attempt.rss_peak_bytes) : ""});
    }
  }
  return table.is_empty() ? std::string{} : table.ToString(paint);
}

std::string EventText(const Json& body) {
  std::string text;
  const auto add = [&](const std::string& piece) {
    if (!piece.empty()) text += (text.empty() ? "" : ", ") + piece;
  };
  const auto text_of = [&](const char* name) {
    return body.contains(name) && body[name].is_string() ? body[name].get<std::string>() : "";
  };
  const auto number_of = [&](const char* name, const char* label) {
    return body.contains(name) && body[name].is_number_integer()
               ? fmt::format("{} {}", label, body[name].get<std::int64_t>())
               : std::string{};
  };
  add(text_of("stage"));
  add(number_of("attempt", "attempt"));
  add(number_of("number", "segment"));
  add(text_of("outcome"));
  if (body.contains("error") && body["error"].is_object()) {
    add(body["error"].value("reason", "") + ": " + body["error"].value("message", ""));
  }
  add(text_of("wait_reason"));
  if (body.contains("result")) add(DescribeNumbers(body["result"]));
  add(text_of("note"));
  return text;
}

}  // namespace rollcall::cli
