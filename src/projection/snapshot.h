#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "projection/live_board.h"
#include "store/job_store.h"

namespace rollcall::projection {

// A stage of a job as a person asks for it: what it is at, since when, how long it will take, and,
// where it waits or has failed, why.
struct StageSnapshot {
  using Seconds = std::chrono::duration<double>;

  std::string name;
  store::StageRunId run{};
  int generation = 0;
  domain::JobState state{};          // kSkipped where a finished result was taken instead.
  std::string wait_reason;           // A sentence; never empty while it waits.
  std::optional<base::Error> error;  // Of the last end; ERR_STALLED while it is stalled.
  std::string result_json = "{}";
  std::optional<base::WallTime> started_at;
  std::optional<base::WallTime> finished_at;
  int interruptions = 0;  // Since it was made: so often it has waited once more.

  // While an attempt runs.
  int attempt_number = 0;  // 0: none does.
  std::int64_t pid = 0;
  domain::Phase phase{};
  // Of an attempt that an owner before a reboot left, nobody can say it.
  std::optional<Seconds> since_pulse;
  std::optional<Seconds> since_progress;
  // How long this phase may take or, in `work`, go without progress, and how much of that is used;
  // nullopt when no worker runs.
  std::optional<Seconds> budget;
  std::optional<Seconds> budget_used;
  bool is_stalled = false;
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;  // Empty before the first progress.
  std::string counters_json = "{}";
  double rate = 0;                            // Units per second.
  double realtime_factor = 0;                 // Seconds of video per second; 0 if unknown.
  std::optional<domain::TimeLeft> time_left;  // nullopt: it is starting, or stalled.
};

// Whether somebody works on the store's tasks.
enum class Working { kNo, kYes };

struct JobSnapshot {
  store::Job job;
  std::vector<StageSnapshot> stages;  // In order.
  Working working = Working::kYes;
  // Nothing is begun, and what has ended may have no row yet, until there is room again.
  std::optional<base::Error> disk_error;
  // Somebody has cancelled it, which the store has no room for yet.
  std::optional<base::Error> unrecorded_cancel;
  // States are kept, but the files that show them cannot be written at the moment.
  std::optional<base::Error> projection_error;
};

StageSnapshot MakeStageSnapshot(const store::RunView& view, const std::optional<LiveAttempt>& live,
                                Working working, base::Instant now);
// Where the queue's row could not take it.
void SayThatDiskIsFull(const base::Error& error, StageSnapshot& stage);

}  // namespace rollcall::projection
