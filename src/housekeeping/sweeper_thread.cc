#include "housekeeping/sweeper_thread.h"

#include <utility>

namespace rollcall::housekeeping {

SweeperThread::SweeperThread(Sweeper sweeper, const base::HeldFolder& data_dir,
                             std::chrono::milliseconds period)
    : sweeper_(std::move(sweeper)),
      data_dir_(data_dir),
      period_(period),
      thread_([this] { Run(); }) {}

SweeperThread::~SweeperThread() {
  {
    base::MutexLock lock(mutex_);
    is_ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

bool SweeperThread::is_ending() {
  if (!data_dir_.IsInPlace()) return true;
  base::MutexLock lock(mutex_);
  return is_ending_;
}

void SweeperThread::Run() {
  while (!is_ending()) {
    // An error of the store is its users' matter; here it means: another time.
    static_cast<void>(sweeper_.Sweep([this] { return is_ending(); }));
    base::MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + period_;
    while (!is_ending_) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left.count() <= 0 || !changed_.WaitFor(mutex_, left)) break;
    }
  }
}

}  // namespace rollcall::housekeeping
