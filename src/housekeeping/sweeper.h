#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/held_folder.h"
#include "base/mutex.h"
#include "projection/worker_log.h"
#include "store/job_store.h"

namespace rollcall::housekeeping {

// Removes what attempts that are over have left in a data directory and no row refers to, once it
// is old: segments (`seg-*`) without a row, results (`name.g<token>`, files and folders) that no
// run's row names and no plain name shows, what was being written (`*.tmp…`) when its process
// ended, and the last words of workers of runs that have ended or are gone.
//
// It removes only what has a name of ours, below harvest/, outputs/, episodes/ and jobs/, of an
// episode that the store knows; nothing whose token an attempt holds; and it follows no link.
// A result that a row names stays, however many newer ones there are: a start with its parameters
// takes it over. It goes with its episode.
//
// Not thread-safe. Borrows all.
class Sweeper {
 public:
  struct Options {
    std::filesystem::path data_dir;
    std::vector<std::string> stages;
    std::chrono::milliseconds retention{};
  };
  struct Swept {
    int files = 0;  // A folder that is a result counts as one.
    int kept_by_failure = 0;
    std::string first_failure;
    std::vector<std::string> examples;  // The first few, relative to the data directory.
  };

  Sweeper(Options options, store::JobStore& store, base::Clock& clock, projection::WorkerLog& log)
      : options_(std::move(options)), store_(store), clock_(clock), log_(log) {}

  // Looks once through everything; ends early when `is_ending` says so. What went, and what could
  // not be removed, is a line in the log. An error of the store: it is not known what is referred
  // to, and the rest is left for the next time.
  base::Result<Swept> Sweep(const std::function<bool()>& is_ending);

 private:
  struct Candidate;
  class Walk;

  base::Result<void> SweepEpisode(const std::string& key, const std::vector<Candidate>& candidates,
                                  Swept& swept);
  base::Result<void> SweepJobs(const std::vector<Candidate>& candidates, Swept& swept);
  base::Result<bool> HasEnded(const std::string& public_id);
  void Remove(const Candidate& candidate, Swept& swept);
  template <typename Act>
  base::Result<void> ForEachIn(const char* area, const std::function<bool()>& is_ending,
                               const Act& act) const;
  bool IsRealFolder(const std::filesystem::path& path) const;
  bool IsOld(const std::filesystem::path& path) const;
  void Tell(const Swept& swept);

  const Options options_;
  store::JobStore& store_;
  base::Clock& clock_;
  projection::WorkerLog& log_;
};

// Sweeps at once and then every `period`, on a thread of its own, so that nobody waits for a disk.
class SweeperThread {
 public:
  // Ends when `data_dir` is not at its path any more: another's files may be there.
  SweeperThread(Sweeper sweeper, const base::HeldFolder& data_dir,
                std::chrono::milliseconds period);
  // Waits for the file in hand, not for the sweep.
  ~SweeperThread();
  SweeperThread(const SweeperThread&) = delete;
  SweeperThread& operator=(const SweeperThread&) = delete;

 private:
  void Run();
  bool is_ending();

  Sweeper sweeper_;
  const base::HeldFolder& data_dir_;
  const std::chrono::milliseconds period_;
  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace rollcall::housekeeping
