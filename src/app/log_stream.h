#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "api/http.h"
#include "app/event_log.h"

namespace rollcall::app {

// What one client is told of jobs, from where it has come to: docs/api.md, Events.
//
// Borrows `log`.
class LogStream final : public api::EventStream {
 public:
  struct Options {
    std::set<std::int64_t> jobs;  // Empty: all.
    // Open ones, to begin with, where `jobs` is empty.
    std::set<std::int64_t> open;
    std::string cursor;  // Of the last event that the client has; empty: it has none.
    // Jobs at work are shown at least as often, for a display whose ages should move.
    std::chrono::milliseconds every{std::chrono::hours{1}};
    std::int64_t behind_max = 4096;  // Who is more events behind begins anew: about 1 MB.
  };
  LogStream(EventLog& log, Options options)
      : log_(log),
        options_(std::move(options)),
        followed_(options_.jobs.empty() ? options_.open : options_.jobs) {}

  std::string Take() override;
  bool is_over() const override { return is_over_; }
  std::chrono::milliseconds patience() const override;

 private:
  struct Shown {
    std::string look;
    std::chrono::steady_clock::time_point at{};
  };

  // Where to go on from; says so in `text`.
  base::Result<void> Begin(std::string& text);
  void AddEvents(const EventLog::Page& page, std::string& text);
  void AddViews(std::string& text);
  // False when there is nothing more to show of it.
  bool AddView(std::int64_t job_id, std::string& text);

  EventLog& log_;
  const Options options_;
  std::set<std::int64_t> followed_;  // Whose views are shown.
  std::set<std::int64_t> changed_;   // Of those, what an event was about, or what is new here.
  std::set<std::int64_t> running_;   // Of those, whose progress is shown.
  std::map<std::int64_t, Shown> shown_;
  std::chrono::steady_clock::time_point looked_at_{};  // At all that are followed.
  std::int64_t position_ = 0;
  bool has_begun_ = false;
  bool has_more_ = false;
  bool has_trouble_ = false;  // The store could not be asked: again in a while.
  bool is_over_ = false;
};

}  // namespace rollcall::app
