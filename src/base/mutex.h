#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// Clang's thread-safety annotations; nothing under other compilers.
#if defined(__clang__)
#define ROLLCALL_ANNOTATE(x) __attribute__((x))
#else
#define ROLLCALL_ANNOTATE(x)
#endif
#define ROLLCALL_GUARDED_BY(x) ROLLCALL_ANNOTATE(guarded_by(x))
#define ROLLCALL_REQUIRES(...) ROLLCALL_ANNOTATE(requires_capability(__VA_ARGS__))
#define ROLLCALL_EXCLUDES(...) ROLLCALL_ANNOTATE(locks_excluded(__VA_ARGS__))

namespace rollcall::base {

// std::mutex that Clang can reason about.
class ROLLCALL_ANNOTATE(capability("mutex")) Mutex {
 public:
  void Lock() ROLLCALL_ANNOTATE(acquire_capability()) { mutex_.lock(); }
  void Unlock() ROLLCALL_ANNOTATE(release_capability()) { mutex_.unlock(); }

  // BasicLockable, for CondVar.
  void lock() ROLLCALL_ANNOTATE(acquire_capability()) { mutex_.lock(); }      // NOLINT
  void unlock() ROLLCALL_ANNOTATE(release_capability()) { mutex_.unlock(); }  // NOLINT

 private:
  std::mutex mutex_;
};

class ROLLCALL_ANNOTATE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ROLLCALL_ANNOTATE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ROLLCALL_ANNOTATE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Condition variable over Mutex. Wake-ups may be spurious: wait in a loop.
class CondVar {
 public:
  void Wait(Mutex& mutex) ROLLCALL_REQUIRES(mutex) { cv_.wait(mutex); }
  // False on time-out.
  template <typename Rep, typename Period>
  bool WaitFor(Mutex& mutex, std::chrono::duration<Rep, Period> limit) ROLLCALL_REQUIRES(mutex) {
    return cv_.wait_for(mutex, limit) == std::cv_status::no_timeout;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable_any cv_;
};

}  // namespace rollcall::base
