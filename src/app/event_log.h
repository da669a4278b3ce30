#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/place.h"
#include "app/store_queries.h"
#include "base/mutex.h"
#include "base/result.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::app {

// What has happened to jobs, and how they are, for any number of streams: one look at the store
// serves all of them.
//
// Thread-safe. Borrows what it is made of.
class EventLog {
 public:
  struct Options {
    std::size_t kept_max = 4096;  // Events in memory; older ones are read from the store.
    int page = 1000;              // Events that are given at once.
    // How long a job's view is good for another stream although progress was told meanwhile.
    std::chrono::milliseconds view_age_max{200};
    // How long nothing new is looked for while nobody has told of a change.
    std::chrono::milliseconds look_again{1000};
  };
  EventLog(StoreQueries& queries, jobs::Engine& engine, store::JobStore& store, Options options)
      : queries_(queries), engine_(engine), store_(store), options_(options) {}
  EventLog(StoreQueries& queries, jobs::Engine& engine, store::JobStore& store)
      : EventLog(queries, engine, store, Options()) {}

  // One event, as a stream sends it.
  struct Entry {
    std::int64_t position = 0;
    std::int64_t job_id = 0;
    std::string text;
  };
  struct Page {
    std::vector<std::shared_ptr<const Entry>> entries;  // Shared by streams.
    std::int64_t position = 0;                          // From which to ask on.
    bool has_more = false;
  };
  // What follows `position`, in order.
  base::Result<Page> After(std::int64_t position);

  // Of the newest event.
  base::Result<api::Place> Newest();

  // A job as it is, and as a stream sends it.
  struct View {
    bool is_open = false;
    bool is_running = false;  // Progress is told of it.
    std::string text;         // "event: view …"
    std::string look;         // Differs when the job looks different, but for ages.
  };
  base::Result<std::shared_ptr<const View>> ViewOf(std::int64_t job_id);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct KnownView {
    std::int64_t change = -1;  // The feed's count when it was read.
    SteadyTime read_at{};
    std::shared_ptr<const View> view;
  };

  base::Result<void> Begin() ROLLCALL_REQUIRES(mutex_);
  base::Result<void> Look() ROLLCALL_REQUIRES(mutex_);
  void ForgetView(std::int64_t job_id) ROLLCALL_REQUIRES(mutex_);
  std::shared_ptr<const Entry> EntryOf(const store::Event& event) const ROLLCALL_REQUIRES(mutex_);

  StoreQueries& queries_;
  jobs::Engine& engine_;
  store::JobStore& store_;
  const Options options_;

  base::Mutex mutex_;
  std::string epoch_ ROLLCALL_GUARDED_BY(mutex_);  // Empty until it is known.
  std::deque<std::shared_ptr<const Entry>> kept_ ROLLCALL_GUARDED_BY(mutex_);
  std::int64_t kept_from_ ROLLCALL_GUARDED_BY(mutex_) = 0;  // All behind this position are kept.
  std::int64_t newest_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  std::int64_t seen_change_ ROLLCALL_GUARDED_BY(mutex_) = -1;
  SteadyTime looked_at_ ROLLCALL_GUARDED_BY(mutex_){};

  base::Mutex views_mutex_;
  std::map<std::int64_t, KnownView> views_ ROLLCALL_GUARDED_BY(views_mutex_);
};

}  // namespace rollcall::app
