#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace rollcall::server {

// Threads for what may block: no call waits for another, because one more thread is begun whenever
// all are busy, up to a limit. So a cancel is not held up by any number of slow calls (starts that
// read large files, a check of the whole store).
//
// Thread-safe. When destroyed, calls that have not begun are dropped and those that run are waited
// for.
class CallThreads {
 public:
  using Call = std::function<void()>;

  CallThreads(int threads, int threads_max);
  ~CallThreads();
  CallThreads(const CallThreads&) = delete;
  CallThreads& operator=(const CallThreads&) = delete;

  // `call` must not throw. False: it will not be made, for these threads are ending.
  [[nodiscard]] bool Post(Call call);

 private:
  void Run();
  void AddThread() ROLLCALL_REQUIRES(mutex_);

  const int threads_max_;
  base::Mutex mutex_;
  base::CondVar ready_;
  std::deque<Call> calls_ ROLLCALL_GUARDED_BY(mutex_);
  std::size_t idle_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::server
