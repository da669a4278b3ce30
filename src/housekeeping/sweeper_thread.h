#pragma once

#include <chrono>
#include <thread>

#include "base/held_folder.h"
#include "base/mutex.h"
#include "housekeeping/sweeper.h"

namespace rollcall::housekeeping {

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
