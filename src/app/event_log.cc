#include "app/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/json.h"

namespace rollcall::app {
namespace {

using base::Json;
using base::MutexLock;
using base::Result;
using std::chrono::steady_clock;

// More views than this are of jobs that nobody follows any more.
constexpr std::size_t kViewsMax = 1024;

std::string OneLine(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What shows only that time has passed.
constexpr const char* kAges[] = {"pulse_age_s", "progress_age_s", "elapsed_s", "budget_used_s"};

std::string WithoutAges(Json job) {
  for (Json& stage : job.at("stages")) {
    for (const char* age : kAges) stage.erase(age);
  }
  return OneLine(job);
}

}  // namespace

Result<void> EventLog::Begin() {
  if (!epoch_.empty()) return {};
  ROLLCALL_TRY_ASSIGN(const std::int64_t newest, store_.EventPosition());
  ROLLCALL_TRY_ASSIGN(epoch_, store_.StreamEpoch());
  kept_from_ = newest;
  newest_ = newest;
  return {};
}

// A change is told after it was written; what was told before this look is seen by it.
Result<void> EventLog::Look() {
  ROLLCALL_TRY(Begin());
  const std::int64_t change = engine_.feed().count();
  const auto now = steady_clock::now();
  if (change == seen_change_ && now - looked_at_ < options_.look_again) return {};
  while (true) {
    ROLLCALL_TRY_ASSIGN(const auto events, store_.EventsSince(newest_, options_.page));
    for (const store::Event& event : events) {
      kept_.push_back(EntryOf(event));
      newest_ = event.position;
      ForgetView(static_cast<std::int64_t>(event.job));
    }
    while (kept_.size() > options_.kept_max) {
      kept_from_ = kept_.front()->position;
      kept_.pop_front();
    }
    if (std::ssize(events) < options_.page) break;
  }
  seen_change_ = change;
  looked_at_ = now;
  return {};
}

std::shared_ptr<const EventLog::Entry> EventLog::EntryOf(const store::Event& event) const {
  auto body = base::ParseJson(event.body_json, "event");
  const auto job_id = static_cast<std::int64_t>(event.job);
  const Json data{{"job_id", job_id},
                  {"seq", event.seq},
                  {"at", base::IsoTime(event.at)},
                  {"kind", event.kind},
                  {"body", body.ok() ? std::move(*body) : Json::object()}};
  return std::make_shared<Entry>(Entry{.position = event.position,
                                       .job_id = job_id,
                                       .text = fmt::format("event: job\nid: {}.{}\ndata: {}\n\n",
                                                           epoch_, event.position, OneLine(data))});
}

Result<EventLog::Page> EventLog::After(std::int64_t position) {
  const MutexLock lock(mutex_);
  ROLLCALL_TRY(Look());
  const auto most = static_cast<std::size_t>(options_.page);
  Page page{.entries = {}, .position = position};
  if (position < kept_from_) {
    ROLLCALL_TRY_ASSIGN(const auto events, store_.EventsSince(position, options_.page));
    for (const store::Event& event : events) page.entries.push_back(EntryOf(event));
  } else {
    const auto first = std::ranges::upper_bound(kept_, position, {}, &Entry::position);
    const auto count = std::min(most, static_cast<std::size_t>(kept_.end() - first));
    page.entries.assign(first, first + static_cast<std::ptrdiff_t>(count));
  }
  page.has_more = page.entries.size() == most;
  if (!page.entries.empty()) page.position = page.entries.back()->position;
  return page;
}

Result<api::Place> EventLog::Newest() {
  const MutexLock lock(mutex_);
  ROLLCALL_TRY(Look());
  return api::Place{.epoch = epoch_, .position = newest_};
}

// Whoever is told of an event is not shown what was before it.
void EventLog::ForgetView(std::int64_t job_id) {
  const MutexLock lock(views_mutex_);
  views_.erase(job_id);
}

Result<std::shared_ptr<const EventLog::View>> EventLog::ViewOf(std::int64_t job_id) {
  const MutexLock lock(views_mutex_);
  const std::int64_t change = engine_.feed().count();
  const auto now = steady_clock::now();
  if (views_.size() > kViewsMax) views_.clear();
  KnownView& known = views_[job_id];
  const auto age = now - known.read_at;
  const bool is_good =
      age < options_.view_age_max || (known.change == change && age < options_.look_again);
  if (known.view != nullptr && is_good) return known.view;
  const auto view = queries_.View(job_id);
  if (!view.ok()) {
    views_.erase(job_id);
    return view.error();
  }
  const Json job = ToJson(*view);
  known = {.change = change,
           .read_at = now,
           .view = std::make_shared<View>(
               View{.is_open = view->is_open(),
                    .is_running = view->state == domain::JobState::kRunning,
                    .text = fmt::format("event: view\ndata: {}\n\n", OneLine(job)),
                    .look = WithoutAges(job)})};
  return known.view;
}

}  // namespace rollcall::app
