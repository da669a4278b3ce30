#include "server/call_threads.h"

#include <system_error>
#include <utility>

#include "base/check.h"

namespace rollcall::server {

using base::MutexLock;

CallThreads::CallThreads(int threads, int threads_max) : threads_max_(threads_max) {
  ROLLCALL_CHECK(threads > 0 && threads <= threads_max);
  MutexLock lock(mutex_);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

CallThreads::~CallThreads() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    is_ending_ = true;
    calls_.clear();
    threads.swap(threads_);
    ready_.NotifyAll();
  }
  for (std::thread& thread : threads) thread.join();
}

bool CallThreads::Post(Call call) {
  MutexLock lock(mutex_);
  if (is_ending_) return false;
  calls_.push_back(std::move(call));
  if (idle_ < calls_.size()) AddThread();
  ready_.NotifyOne();
  return true;
}

void CallThreads::AddThread() {
  if (std::ssize(threads_) >= threads_max_) return;
  try {
    threads_.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    // The host has none left: the call waits for one of those that there are.
  }
}

void CallThreads::Run() {
  while (true) {
    Call call;
    {
      MutexLock lock(mutex_);
      ++idle_;
      while (calls_.empty() && !is_ending_) ready_.Wait(mutex_);
      --idle_;
      if (is_ending_) return;
      call = std::move(calls_.front());
      calls_.pop_front();
    }
    call();
  }
}

}  // namespace rollcall::server
