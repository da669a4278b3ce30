#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/job_view.h"
#include "app/data_directory.h"
#include "base/clock.h"
#include "base/json.h"
#include "episode/episode_views.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::app {

// What can be asked about a store without changing anything: the reading ones of
// control/protocol.h's methods, carried out. Thread-safe. Borrows everything in Parts.
class StoreQueries {
 public:
  struct Parts {
    jobs::Engine& engine;
    store::JobStore& store;
    base::Clock& clock;
    DataDirectory data;
  };
  explicit StoreQueries(Parts parts) : parts_(std::move(parts)) {}

  static bool Has(std::string_view method);
  // ERR_BAD_REQUEST for a method that is none of these.
  base::Result<base::Json> Call(std::string_view method, const base::Json& params);
  // What a notification tells of a job.
  base::Result<api::JobView> View(std::int64_t job_id);

  // By `job_id`, its number, or `job`, its name or number as a person types it.
  base::Result<store::Job> FindJob(const base::Json& params);
  base::Result<store::Episode> FindEpisode(const base::Json& params);
  // View with the history of each stage.
  base::Result<base::Json> DetailedView(store::JobId id);

 private:
  using Params = base::Json;
  using Answer = base::Result<base::Json>;
  struct Query;
  static const Query* Find(std::string_view method);

  Answer Hello(const Params& params);
  Answer JobShow(const Params& params);
  Answer JobList(const Params& params);
  Answer JobEvents(const Params& params);
  Answer EpisodeList(const Params& params);
  Answer EpisodeShow(const Params& params);
  Answer StoreCheck(const Params& params);
  Answer ProjectionCheck(const Params& params);
  episode::ViewSources Sources();
  base::Result<void> RefuseWhenAmbiguous(const std::string& job_name);

  Parts parts_;
};

}  // namespace rollcall::app
