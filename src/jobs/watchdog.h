#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "jobs/runtime_times.h"
#include "store/records.h"
#include "worker/worker_process.h"

namespace rollcall::jobs {

// Ends workers whose time is up, whatever the agent's thread is doing meanwhile: those whose lease
// could not be renewed in time, and those that do not obey a cancel. It only signals; what that
// means is for the agent's thread, which sees the worker's end. See docs/job-lifecycle.md.
//
// One thread, which calls no store and takes no lock that is held across a call of one.
// Thread-safe. Borrows `clock`.
class Watchdog {
 public:
  // A worker that is watched for as long as this lives, so that it must go before the process is
  // reaped. Only one thread; the watchdog outlives it.
  class Ward {
   public:
    ~Ward();
    Ward(const Ward&) = delete;
    Ward& operator=(const Ward&) = delete;

    // The lease was good at that time; it only moves on.
    void Renew(base::BootTime renewed_at);
    // What it did is written: it needs no lease any more.
    void NeedNoLease();
    // It is to stop: SIGTERM and SIGKILL follow in their time, counted from the first such call.
    void Cancel();
    // It has said its last word: no cancel hurries it any more, not even one that comes later.
    void LetFinish();
    // It was killed because its lease had not been renewed in time.
    bool has_fenced() const;

   private:
    friend class Watchdog;
    Ward(Watchdog& watchdog, std::int64_t token) : watchdog_(watchdog), token_(token) {}

    Watchdog& watchdog_;
    const std::int64_t token_;
  };

  Watchdog(base::Clock& clock, const RuntimeTimes& times);
  // No ward is left.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Borrows `process` for as long as the ward lives. `renewed_at`: from before its lease began.
  std::unique_ptr<Ward> Watch(const store::Fence& fence, const worker::WorkerProcess& process,
                              base::BootTime renewed_at);
  // As Ward::Cancel, from any thread; nothing if that attempt is not watched.
  void Cancel(const store::Fence& fence);

 private:
  struct Watched {
    const worker::WorkerProcess* process = nullptr;
    std::optional<base::BootTime> renewed_at;  // None: it needs no lease.
    std::optional<base::BootTime> cancel_at;
    bool is_finishing = false;
    bool is_fenced = false;
    int signal = 0;  // The strongest that was sent.
  };

  void Run();
  void Begin(Watched& watched) ROLLCALL_REQUIRES(mutex_);
  void SignalDue() ROLLCALL_REQUIRES(mutex_);
  int DueSignal(const Watched& watched, base::BootTime now) const;
  std::chrono::nanoseconds WaitTime() ROLLCALL_REQUIRES(mutex_);
  bool IsPastFence(const Watched& watched, base::BootTime now) const;

  base::Clock& clock_;
  const RuntimeTimes times_;

  // Held while signals are sent: a process whose ward has gone is signalled no more.
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::map<std::int64_t, Watched> watched_ ROLLCALL_GUARDED_BY(mutex_);  // By their token.
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace rollcall::jobs
