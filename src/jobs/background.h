#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "base/mutex.h"

namespace rollcall::jobs {

// One thread that does what takes long (hashing files), in the order it was given, so that the
// thread that supervises workers never waits for a disk. Thread-safe.
class Background {
 public:
  Background() : thread_([this] { Run(); }) {}
  // Drops what has not begun, waits for what has.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Do(std::function<void()> work);

 private:
  void Run();

  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::function<void()>> waiting_ ROLLCALL_GUARDED_BY(mutex_);
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace rollcall::jobs
