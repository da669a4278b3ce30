#pragma once

#include <string>
#include <vector>

#include "cli/job_follower.h"
#include "cli/session.h"
#include "episode/stages/episode_planner.h"

namespace rollcall::cli {

// A request for `session` with what its configuration says: effort, models, provider.
episode::StartRequest RequestFor(const Session& session);

// How a job that a command began came to its end.
struct JobRun {
  ExitCode exit = ExitCode::kOk;
  api::JobView job;
  std::vector<std::string> warnings;  // Said already; for the document of --json.
};

// Submits and, unless `is_detached`, stays with the job. Prints everything but the result: whether
// it runs already, from where it goes on, which other job is open beside it, progress, how to
// resume, why it failed.
base::Result<JobRun> StartJob(Session& session, const episode::StartRequest& request,
                              bool is_detached);

// Waits until the files that people and scripts read show how the job ended: what a command has
// said is true everywhere when it returns.
void Settle(Session& session, std::int64_t job_id);

// Warns of each job that a start or a resume found open beside `job`, and gives the sentences.
base::Result<std::vector<std::string>> WarnOfOthers(const Session& session,
                                                    const base::Json& answer,
                                                    const api::JobView& job);

// "resuming detect_rhobh_s05_e03 from segment 7": of the first stage that has not ended.
void SayWhereItGoesOn(const Session& session, const api::JobView& job);

// How to stay with a job that exists.
struct FollowOptions {
  bool is_own = false;         // A Ctrl-C cancels it; else it only ends the waiting.
  bool shows_progress = true;  // And how it ended.
};
base::Result<JobRun> FollowJob(Session& session, std::int64_t job_id, const FollowOptions& options);

}  // namespace rollcall::cli
