#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "jobs/runtime_times.h"
#include "projection/live_board.h"
#include "projection/worker_log.h"
#include "store/job_store.h"

namespace rollcall::jobs {

// How much room a disk has.
struct DiskSpace {
  std::int64_t free_bytes = 0;   // For this user; 0 if it cannot be asked.
  std::int64_t total_bytes = 0;  // 0 if it cannot be asked, or has no size.
};
DiskSpace SpaceOf(const std::filesystem::path& folder);

// Pauses the queues while the disk is full and resumes them when there is room for what could not
// be written, and a little more. Says so in the queues' rows and, because there may be no room for
// those, on the board. Between two resumptions it waits longer each time the disk turns out to be
// full still (a quota does not show in the free space). Not thread-safe. Borrows store, clock, log
// and board.
class DiskGuard {
 public:
  struct Options {
    std::filesystem::path data_dir;
    std::vector<std::string> stages;
    // To go on with where nobody knows how much is needed; on a smaller disk, a sixteenth of it.
    std::int64_t free_bytes_min = 0;
    RuntimeTimes times;
    std::function<DiskSpace()> space = {};  // For tests; else that of data_dir.
  };
  DiskGuard(store::JobStore& store, base::Clock& clock, projection::WorkerLog& log,
            projection::LiveBoard& board, Options options)
      : store_(store), clock_(clock), log_(log), board_(board), options_(std::move(options)) {}

  // Something could not be written. While it is paused, the larger need counts.
  void Pause(const base::Error& error);
  // Looks again when it is time.
  void Tick();
  // Takes back what an owner before us paused.
  base::Result<void> ResumeAll();

  bool is_paused() const { return paused_since_.has_value(); }
  // Whether a process that ended by itself just now may have done so for want of room: somebody
  // else has met the full disk, or a small file cannot be written. The error says which.
  std::optional<base::Error> WhyFull() const;

 private:
  DiskSpace Space() const;
  std::int64_t Needed(const base::Error& error) const;
  void Tell(const base::Error& error);
  void WriteReason();

  store::JobStore& store_;
  base::Clock& clock_;
  projection::WorkerLog& log_;
  projection::LiveBoard& board_;
  const Options options_;
  std::optional<base::BootTime> paused_since_;
  base::BootTime resumed_at_{};
  std::chrono::milliseconds pause_{};
  std::int64_t needed_bytes_ = 0;       // To end the present pause.
  std::string reason_;                  // Of the present pause.
  std::vector<std::string> unwritten_;  // Queues whose rows do not have it yet.
};

}  // namespace rollcall::jobs
