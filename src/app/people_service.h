#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/store_queries.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/result.h"
#include "episode/stages/episode_planner.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::app {

// What changes who is who: edits, undo, redo, and the numbers that people get. Where edits stand
// that the files do not know, an analytics job is submitted, one at a time for an episode.
//
// Thread-safe. Borrows everything in Parts.
class PeopleService {
 public:
  struct Parts {
    jobs::Engine& engine;
    store::JobStore& store;
    StoreQueries& queries;
    episode::EpisodePlanner& planner;
    std::function<base::Result<void>()> begin_to_work;
    std::function<void(const std::string& line)> say;  // For the log.
  };
  explicit PeopleService(Parts parts);
  ~PeopleService();
  PeopleService(const PeopleService&) = delete;
  PeopleService& operator=(const PeopleService&) = delete;

  // {episode_key, edits}: the lines that were written, or that the same request has written before.
  // `body`: one edit, or {edits: […]}; `who` in it.
  base::Result<base::Json> Edit(const std::string& key, const base::Json& body,
                                std::optional<std::string> idempotency_key);
  enum class Step { kUndo, kRedo };
  // `body`: {sequence?, who?}.
  base::Result<base::Json> Take(const std::string& key, Step step, const base::Json& body,
                                std::optional<std::string> idempotency_key);

  // Writes down who has which number, as far as that is not said yet; whether anything was. Of an
  // episode without people: false.
  base::Result<bool> GiveLabels(const std::string& key);
  // The files shall say what is said: at once, or when what runs has ended.
  void Follow(const std::string& key);
  // Whether some wait for that.
  bool is_following();
  // The same for all that anything was ever said of.
  base::Result<void> FollowAll();

 private:
  base::Result<std::shared_ptr<const episode::PeopleSnapshot>> Labelled(const std::string& key);
  // Whether it has to be asked again.
  base::Result<bool> FollowNow(const std::string& key);
  base::Result<episode::EpisodePlan> PlanAnalytics(const episode::PeopleSnapshot& snapshot);
  void Run();

  Parts parts_;
  base::Mutex edit_mutex_;    // One that reads, decides and writes at a time.
  base::Mutex follow_mutex_;  // One that submits.
  base::Mutex mutex_;
  base::CondVar changed_;
  // Keys, and how often it has failed in a row.
  std::map<std::string, int> waiting_ ROLLCALL_GUARDED_BY(mutex_);
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Follows what waits.
};

}  // namespace rollcall::app
