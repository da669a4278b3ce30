#pragma once

#include "app/episode_planner.h"
#include "cli/job_follower.h"
#include "cli/session.h"

namespace rollcall::cli {

// A request for `session` with what its configuration says: effort, models, provider.
app::StartRequest RequestFor(const Session& session);

// How a job that a command began came to its end.
struct JobRun {
  ExitCode exit = ExitCode::kOk;
  control::JobView job;
};

// Submits and, unless `is_detached`, stays with the job. Prints everything but the result: whether
// it runs already, from where it goes on, progress, how to resume, why it failed.
base::Result<JobRun> StartJob(Session& session, const app::StartRequest& request,
                              bool is_detached);

// Stays with a job that exists. `is_own`: a Ctrl-C cancels it.
base::Result<JobRun> FollowJob(Session& session, std::int64_t job_id, bool is_own);

}  // namespace rollcall::cli
