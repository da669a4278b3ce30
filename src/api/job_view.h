#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/result.h"
#include "domain/job_state.h"

namespace rollcall::api {

// One worker process at a stage, as a person sees it.
struct AttemptView {
  int number = 0;
  std::string started_at;    // ISO, UTC.
  std::string ended_at;      // Empty while it runs.
  std::string outcome;       // "succeeded failed interrupted cancelled crashed stalled expired", or
                             // "running".
  std::string error_reason;  // "ERR_STALLED"; empty for a success.
  std::string exit;          // "exit 0", "signal 9"; empty while it runs or when nobody saw it.
  std::int64_t rss_peak_bytes = 0;  // 0 if unknown.

  bool is_running() const { return ended_at.empty(); }
};

// One stage of a job as a person sees it at one moment. Ages and durations are seconds and were
// measured by the engine, so that they mean the same on both ends.
struct StageView {
  std::string name;  // "detect"
  std::string job;   // "detect_rhobh_s05_e03": its own name as a job.
  domain::JobState state = domain::JobState::kQueued;
  bool is_reused = false;  // Finished before this job came; nothing runs for it.
  bool is_stalled = false;
  int generation = 0;
  int attempt = 0;       // Of the live or last attempt, from 1; 0 before the first.
  std::int64_t pid = 0;  // Of its worker process; 0 while there is none.
  std::string wait_reason;
  std::string phase;  // "starting model_load seek work finalise"; empty when not running.
  // How long this phase may take or, in `work`, go without progress before it counts as stalled,
  // and how much of that is used.
  std::optional<double> budget_s;
  std::optional<double> budget_used_s;
  // While it is open; in JSON both are null once it has ended, see `result` then.
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;            // "frames"
  double rate = 0;             // `unit` per second; 0 if unknown.
  double realtime_factor = 0;  // Seconds of video per second; 0 if unknown.
  std::optional<double> eta_p50_s;
  std::optional<double> eta_p90_s;
  std::optional<double> pulse_age_s;     // Since the worker last said that it lives.
  std::optional<double> progress_age_s;  // Since `done` last changed.
  std::optional<double> elapsed_s;       // Since its start; of the whole run once it has ended.
  std::optional<double> waited_s;        // How much of that no worker was at it; once it has ended.
  std::int64_t segments = 0;             // Checkpoints that exist for this work.
  // Of this generation, oldest first. Snapshots of a watched job have them only after a restart.
  std::vector<AttemptView> attempts;
  base::Json counters = base::Json::object();
  base::Json result = base::Json::object();
  std::optional<base::Error> error;  // Of a failure or retry; ERR_STALLED while it is stalled.
};

// A job and its stages at one moment.
struct JobView {
  std::int64_t job_id = 0;
  std::string name;          // "analyze_rhobh_s05_e03"; in JSON `job`.
  std::string kind;          // "analyze", or a stage's name
  std::string subject_kind;  // "episode"
  std::string subject_id;    // The episode key.
  domain::JobState state = domain::JobState::kQueued;
  std::string created_at;   // ISO, UTC.
  std::string finished_at;  // Empty while open.
  base::Json request = base::Json::object();
  // False: no engine takes work, so what is said to run was left by one that has ended.
  bool is_worked_on = true;
  // What keeps the engine from its work now, whatever the job: a full disk, for example.
  std::vector<base::Error> troubles;
  std::vector<StageView> stages;  // In stage order.

  // What names this job and no other: several may have one public id.
  std::string number() const { return std::to_string(job_id); }
  bool is_open() const { return !domain::IsTerminal(state); }
  // The stage that runs now, else the first that has not ended, else null.
  const StageView* CurrentStage() const;
  // The first stage that failed, or null.
  const StageView* FailedStage() const;
  // The full disk among the troubles, or null: everything waits for room.
  const base::Error* DiskError() const;
};

// ToJson and FromJson of a job are inverse. FromJson: kInvalidArgument / ERR_BAD_REQUEST when a
// field is missing or of another type.
base::Json ToJson(const JobView& view);
base::Json ToJson(const std::vector<AttemptView>& attempts);
base::Result<JobView> JobViewFromJson(const base::Json& json);
base::Result<std::vector<AttemptView>> AttemptsFromJson(const base::Json& json);

}  // namespace rollcall::api
