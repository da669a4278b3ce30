#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "api/job_view.h"
#include "app/data_directory.h"
#include "base/json.h"
#include "episode/episode_views.h"
#include "episode/people/people_snapshot.h"
#include "jobs/engine.h"
#include "store/job_store.h"

namespace rollcall::app {

// What can be asked about a store without changing anything. Thread-safe. Borrows everything in
// Parts.
class StoreQueries {
 public:
  struct Parts {
    jobs::Engine& engine;
    store::JobStore& store;
    DataDirectory data;
  };
  explicit StoreQueries(Parts parts)
      : parts_(std::move(parts)), people_(parts_.store, parts_.engine.vault()) {}

  // {version, protocol, pid, data_dir, is_working, has_open_jobs, runtime}.
  base::Result<base::Json> Hello();

  // {job, events}: with the history of each stage and the newest events.
  base::Result<base::Json> JobShow(std::string_view job);
  // {jobs, left_out, …}: the newest `limit` and all open ones; all ever where it is 0.
  base::Result<base::Json> JobList(std::int64_t limit);
  // {epoch, events}: those behind `after`.
  base::Result<base::Json> JobEvents(std::string_view job, std::int64_t after);
  // {job_id, job, status, findings, advice}: why it is where it is and what to do, in sentences.
  base::Result<base::Json> JobDiagnosis(std::string_view job);
  // {path, lines}: the last lines of its log, at most so many. A stage has a log of its own; of a
  // job of several it is what the common one says of its subject.
  base::Result<base::Json> JobLog(std::string_view job, std::size_t lines_max);
  // A job as a person names it, by its number or its name. ERR_JOB_NOT_FOUND; ERR_BAD_PARAMS where
  // several open jobs have the name.
  base::Result<store::Job> FindJob(std::string_view job);
  base::Result<api::JobView> View(std::int64_t job_id);
  // View with the history of each stage.
  base::Result<base::Json> DetailedView(store::JobId id);

  // {episodes}: all, with their states.
  base::Result<base::Json> EpisodeList();
  base::Result<base::Json> EpisodeShow(std::string_view key);
  // By any spelling of its key.
  base::Result<store::Episode> FindEpisode(std::string_view key);

  // Who is in an episode, as it is now.
  episode::PeopleReader& people() { return people_; }

  // Whether the store is whole. Reads all of it.
  base::Result<base::Json> StoreCheck();
  // {compared, problems}: whether the files say what the store says.
  base::Result<base::Json> FilesCheck();

 private:
  episode::ViewSources Sources();
  base::Result<void> RefuseWhenAmbiguous(const std::string& job_name);

  Parts parts_;
  episode::PeopleReader people_;
};

}  // namespace rollcall::app
