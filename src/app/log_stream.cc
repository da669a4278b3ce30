#include "app/log_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/place.h"
#include "api/problem.h"
#include "base/json.h"

namespace rollcall::app {
namespace {

using base::Result;

std::string Gone(std::int64_t job_id, const base::Error& error) {
  base::Json problem = api::ProblemOf(error, fmt::format("/api/jobs/{}", job_id));
  problem["job_id"] = job_id;
  return fmt::format("event: gone\ndata: {}\n\n", problem.dump());
}

}  // namespace

// Views are read before events, so that a job whose end is shown has told all of its events.
std::string LogStream::Take() {
  std::string text;
  has_trouble_ = !has_begun_ && !Begin(text).ok();
  if (has_trouble_) return {};
  std::string views;
  if (!has_more_) AddViews(views);
  const auto page = log_.After(position_);
  has_trouble_ = has_trouble_ || !page.ok();
  if (!page.ok()) return text + views;
  AddEvents(*page, text);
  is_over_ = !options_.jobs.empty() && followed_.empty() && !has_more_;
  return text + views;
}

std::chrono::milliseconds LogStream::patience() const {
  constexpr std::chrono::milliseconds kAgain{1000};
  if (has_trouble_) return std::min(kAgain, options_.every);
  if (has_more_ || !changed_.empty()) return std::chrono::milliseconds{0};
  return options_.every;
}

Result<void> LogStream::Begin(std::string& text) {
  ROLLCALL_TRY_ASSIGN(const api::Place newest, log_.Newest());
  has_begun_ = true;
  changed_ = followed_;
  const std::string here = "id: " + newest.Text() + "\n";
  if (options_.cursor.empty()) {
    position_ = newest.position;
    text += "event: begin\n" + here + "data: {}\n\n";
    return {};
  }
  const auto place = api::PlaceOf(options_.cursor);
  const bool is_known = place && place->epoch == newest.epoch &&
                        place->position <= newest.position &&
                        newest.position - place->position <= options_.behind_max;
  position_ = is_known ? place->position : newest.position;
  text += is_known ? "event: begin\ndata: {}\n\n" : "event: reset\n" + here + "data: {}\n\n";
  return {};
}

void LogStream::AddEvents(const EventLog::Page& page, std::string& text) {
  for (const auto& entry : page.entries) {
    if (!options_.jobs.empty() && !options_.jobs.contains(entry->job_id)) continue;
    text += entry->text;
    // Of a job that has been shown as ended there is nothing to show but that.
    if (options_.jobs.empty()) followed_.insert(entry->job_id);
    if (followed_.contains(entry->job_id)) changed_.insert(entry->job_id);
  }
  position_ = page.position;
  has_more_ = page.has_more;
}

void LogStream::AddViews(std::string& text) {
  constexpr std::chrono::seconds kLookAgain{5};
  const auto now = std::chrono::steady_clock::now();
  if (!options_.jobs.empty() && now - looked_at_ > kLookAgain) {
    looked_at_ = now;
    changed_ = followed_;  // Whatever was missed: a job that was forgotten tells of nothing.
  }
  std::set<std::int64_t> due = std::exchange(changed_, {});
  due.insert(running_.begin(), running_.end());
  for (const std::int64_t job_id : due) {
    if (AddView(job_id, text)) continue;
    followed_.erase(job_id);
    running_.erase(job_id);
    shown_.erase(job_id);
  }
}

bool LogStream::AddView(std::int64_t job_id, std::string& text) {
  const auto view = log_.ViewOf(job_id);
  if (!view.ok()) {
    if (view.error().code != base::ErrorCode::kNotFound) {
      changed_.insert(job_id);
      has_trouble_ = true;
      return true;
    }
    text += Gone(job_id, view.error());
    return false;
  }
  const EventLog::View& now_shown = **view;
  const auto now = std::chrono::steady_clock::now();
  Shown& before = shown_[job_id];
  const bool is_due = now_shown.is_running && now - before.at >= options_.every;
  if (now_shown.look != before.look || is_due) {
    before = {.look = now_shown.look, .at = now};
    text += now_shown.text;
  }
  if (now_shown.is_running) {
    running_.insert(job_id);
  } else {
    running_.erase(job_id);
  }
  return now_shown.is_open;
}

}  // namespace rollcall::app
