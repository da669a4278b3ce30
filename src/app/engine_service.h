#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/data_directory.h"
#include "app/engine_life.h"
#include "app/people_service.h"
#include "app/store_queries.h"
#include "base/mutex.h"
#include "episode/stages/episode_planner.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::app {

// What changes what the engine has and does: the calls behind the API's routes.
//
// Until somebody starts or resumes a job, or asks for work, the engine only observes: a command
// that reads never starts work. Thread-safe. Borrows everything in Parts.
class EngineService {
 public:
  struct Parts {
    jobs::Engine& engine;
    store::JobStore& store;
    StoreQueries& queries;
    EngineLife& life;
    episode::EpisodePlanner& planner;
    DataDirectory data;
    std::function<void(const std::string& line)> say = [](const std::string&) {};  // For the log.
  };
  explicit EngineService(Parts parts);

  // --- The engine
  // As StoreQueries::Hello. ERR_ENGINE_UNAVAILABLE from one that is about to end.
  base::Result<base::Json> Hello();
  base::Result<base::Json> Work();
  // It outlives the command that began it.
  base::Result<base::Json> Detach();
  // The same if there is a reason to, which {stays} says.
  base::Result<base::Json> Leave();
  // For Prometheus.
  base::Result<std::string> Metrics();
  // Starts the engine's work. At the first time open jobs that an older program planned are planned
  // anew, or cancelled where that cannot be.
  base::Result<void> BeginToWork();

  // --- Jobs. A job is named as in StoreQueries::FindJob.
  // `body`: episode::StartRequest. {job, existing, resumed, repeated, open_beside}. `key`: of a
  // request that may come again (store::JobRequest::idempotency_key).
  base::Result<base::Json> JobStart(const base::Json& body,
                                    std::optional<std::string> key = std::nullopt);
  // {job, had_finished}.
  base::Result<base::Json> JobCancel(std::string_view job);
  // `body`: {skip_poison}. {job, existing, planned_anew, open_beside}.
  base::Result<base::Json> JobResume(std::string_view job, const base::Json& body);
  // Waits until the files show its state.
  base::Result<base::Json> JobSettle(std::string_view job);

  // --- People
  PeopleService& people() { return people_; }

  // --- Episodes
  // `body`: {video, episode}. As EpisodeSummary, with is_new and video_path_before.
  base::Result<base::Json> EpisodeAdd(const base::Json& body);
  enum class Files { kRemove, kKeep };
  base::Result<base::Json> EpisodeRemove(std::string_view key, Files files);

 private:
  base::Result<std::vector<std::string>> ReplanOlder();  // A sentence for each.
  base::Result<episode::EpisodePlan> PlanAnew(const store::Job& job);
  base::Result<store::Submission> SubmitAnew(const store::Job& job);
  base::Result<void> RefuseWhenEnding();
  base::Result<void> PlanWithLabels(episode::StartRequest request, episode::EpisodePlan& plan);
  base::Result<void> SettleAll(const std::string& key);
  base::Result<void> ProjectAdded(const store::Episode& episode);
  const subject::SubjectKind& kind() const;
  base::Json OpenBeside(const store::Job& job);
  base::Result<store::Job> EndedNamesake(store::Job job);

  Parts parts_;
  bool has_followed_ ROLLCALL_GUARDED_BY(work_mutex_) = false;  // All edits, once.
  // One start at a time: "was anybody working before" must not be asked by two at once.
  base::Mutex start_mutex_;
  base::Mutex work_mutex_;  // One that begins to work at a time.
  PeopleService people_;    // The last: it uses the rest.
};

}  // namespace rollcall::app
