#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "jobs/live_board.h"
#include "jobs/runtime_times.h"
#include "jobs/worker_log.h"
#include "store/job_store.h"

namespace rollcall::jobs {

// Pauses the queues while the disk is full and resumes them when there is space again. Says so in
// the queues' rows and, because there may be no room for those, on the board. Between two
// resumptions it waits longer each time the disk turns out to be full still (a quota does not show
// in the free space). Not thread-safe. Borrows store, clock, log and board.
class DiskGuard {
 public:
  struct Options {
    std::filesystem::path data_dir;
    std::vector<std::string> stages;
    std::int64_t free_bytes_min = 0;  // To begin again with.
    RuntimeTimes times;
  };
  DiskGuard(store::JobStore& store, base::Clock& clock, WorkerLog& log, LiveBoard& board,
            Options options)
      : store_(store), clock_(clock), log_(log), board_(board), options_(std::move(options)) {}

  // Something could not be written.
  void Pause(const base::Error& error);
  // Looks again when it is time.
  void Tick();
  // Takes back what an owner before us paused.
  base::Result<void> ResumeAll();

  bool is_paused() const { return paused_since_.has_value(); }

 private:
  void WriteReason();

  store::JobStore& store_;
  base::Clock& clock_;
  WorkerLog& log_;
  LiveBoard& board_;
  const Options options_;
  std::optional<base::BootTime> paused_since_;
  base::BootTime resumed_at_{};
  std::chrono::milliseconds pause_{};
  std::string reason_;                  // Of the present pause.
  std::vector<std::string> unwritten_;  // Queues whose rows do not have it yet.
};

}  // namespace rollcall::jobs
