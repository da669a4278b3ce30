#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/data_directory.h"
#include "app/engine_life.h"
#include "app/store_queries.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "control/control_server.h"
#include "episode/stages/episode_planner.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::app {

// What commands can ask of the engine: control/protocol.h's methods, carried out.
//
// Until somebody submits or resumes a job, or asks for work, the engine only observes: a command
// that reads never starts work. Thread-safe. Borrows everything in Parts.
class EngineService final : public control::Service {
 public:
  struct Parts {
    jobs::Engine& engine;
    store::JobStore& store;
    base::Clock& clock;
    EngineLife& life;
    episode::EpisodePlanner& planner;
    DataDirectory data;
    std::function<void(const std::string& line)> say = [](const std::string&) {};  // For the log.
  };
  explicit EngineService(Parts parts)
      : parts_(std::move(parts)),
        queries_({.engine = parts_.engine,
                  .store = parts_.store,
                  .clock = parts_.clock,
                  .data = parts_.data}) {}

  base::Result<base::Json> Call(std::string_view method, const base::Json& params) override;
  base::Result<api::JobView> View(std::int64_t job_id) override { return queries_.View(job_id); }
  void OnClientCount(int count) override;
  // Starts the engine's work. At the first time open jobs that an older program planned are planned
  // anew, or cancelled where that cannot be.
  base::Result<void> BeginToWork();

 private:
  using Params = base::Json;
  using Answer = base::Result<base::Json>;
  struct Method;

  Answer Hello(const Params& params);
  Answer Work(const Params& params);
  Answer Detach(const Params& params);
  Answer Leave(const Params& params);
  Answer Metrics(const Params& params);
  Answer JobStart(const Params& params);
  Answer JobCancel(const Params& params);
  Answer JobResume(const Params& params);
  Answer JobSettle(const Params& params);
  Answer EpisodeAdd(const Params& params);
  Answer EpisodeRemove(const Params& params);

  base::Result<std::vector<std::string>> ReplanOlder();  // A sentence for each.
  base::Result<episode::EpisodePlan> PlanAnew(const store::Job& job);
  base::Result<store::Submission> SubmitAnew(const store::Job& job);
  base::Result<void> RefuseWhenEnding();
  base::Result<void> SettleAll(const std::string& key);
  base::Result<void> ProjectAdded(const store::Episode& episode);
  const subject::SubjectKind& kind() const;
  base::Json OpenBeside(const store::Job& job);
  base::Result<store::Job> EndedNamesake(store::Job job);

  Parts parts_;
  StoreQueries queries_;
  // One start at a time: "was anybody working before" must not be asked by two at once.
  base::Mutex start_mutex_;
  base::Mutex work_mutex_;  // One that begins to work at a time.
};

}  // namespace rollcall::app
