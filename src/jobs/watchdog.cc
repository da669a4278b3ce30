#include "jobs/watchdog.h"

#include <signal.h>

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace rollcall::jobs {
namespace {

// The clock is read that often while anything is watched: waiting is by a clock that stands still
// while the machine sleeps, and deadlines are not.
constexpr std::chrono::milliseconds kLookAtClock{250};

// SIGKILL after SIGTERM, never the other way.
int Strength(int signal) {
  if (signal == SIGKILL) return 2;
  return signal == SIGTERM ? 1 : 0;
}

}  // namespace

Watchdog::Watchdog(base::Clock& clock, const RuntimeTimes& times)
    : clock_(clock), times_(times), thread_([this] { Run(); }) {}

Watchdog::~Watchdog() {
  {
    base::MutexLock lock(mutex_);
    ROLLCALL_CHECK(watched_.empty(), "a ward outlives its watchdog");
    is_ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

// --- Wards

std::unique_ptr<Watchdog::Ward> Watchdog::Watch(const store::Fence& fence,
                                                const worker::WorkerProcess& process,
                                                base::BootTime renewed_at) {
  base::MutexLock lock(mutex_);
  Watched watched;
  watched.process = &process;
  watched.renewed_at = renewed_at;
  const bool is_new = watched_.emplace(fence.token, watched).second;
  ROLLCALL_CHECK(is_new, "a token is given once");
  changed_.NotifyAll();
  return std::unique_ptr<Ward>(new Ward(*this, fence.token));
}

Watchdog::Ward::~Ward() {
  base::MutexLock lock(watchdog_.mutex_);
  watchdog_.watched_.erase(token_);
}

void Watchdog::Ward::Renew(base::BootTime renewed_at) {
  base::MutexLock lock(watchdog_.mutex_);
  auto& known = watchdog_.watched_.at(token_).renewed_at;
  if (known) known = std::max(*known, renewed_at);
}

void Watchdog::Ward::NeedNoLease() {
  base::MutexLock lock(watchdog_.mutex_);
  watchdog_.watched_.at(token_).renewed_at.reset();
}

void Watchdog::Ward::Cancel() {
  base::MutexLock lock(watchdog_.mutex_);
  watchdog_.Begin(watchdog_.watched_.at(token_));
}

void Watchdog::Ward::LetFinish() {
  base::MutexLock lock(watchdog_.mutex_);
  watchdog_.watched_.at(token_).is_finishing = true;
}

bool Watchdog::Ward::has_fenced() const {
  base::MutexLock lock(watchdog_.mutex_);
  return watchdog_.watched_.at(token_).is_fenced;
}

void Watchdog::Cancel(const store::Fence& fence) {
  base::MutexLock lock(mutex_);
  const auto found = watched_.find(fence.token);
  if (found != watched_.end()) Begin(found->second);
}

void Watchdog::Begin(Watched& watched) {
  if (watched.cancel_at) return;
  watched.cancel_at = clock_.Now().boot;
  changed_.NotifyAll();
}

// --- Time

void Watchdog::Run() {
  base::MutexLock lock(mutex_);
  while (!is_ending_) {
    SignalDue();
    if (watched_.empty()) {
      changed_.Wait(mutex_);
    } else {
      changed_.WaitFor(mutex_, WaitTime());
    }
  }
}

void Watchdog::SignalDue() {
  const base::BootTime now = clock_.Now().boot;
  std::vector<const Watched*> due;
  for (auto& [token, watched] : watched_) {
    const int signal = DueSignal(watched, now);
    if (Strength(signal) <= Strength(watched.signal)) continue;
    watched.signal = signal;
    watched.is_fenced = IsPastFence(watched, now);
    due.push_back(&watched);
  }
  // All groups before anything else: looking for what has left one reads /proc.
  for (const Watched* watched : due) watched->process->SignalGroup(watched->signal);
  for (const Watched* watched : due) watched->process->SignalStrays(watched->signal);
}

bool Watchdog::IsPastFence(const Watched& watched, base::BootTime now) const {
  return watched.renewed_at && now - *watched.renewed_at >= times_.self_fence;
}

int Watchdog::DueSignal(const Watched& watched, base::BootTime now) const {
  if (IsPastFence(watched, now)) return SIGKILL;
  if (!watched.cancel_at || watched.is_finishing) return 0;
  const auto waited = now - *watched.cancel_at;
  if (waited >= times_.cancel_kill) return SIGKILL;
  return waited >= times_.cancel_term ? SIGTERM : 0;
}

std::chrono::nanoseconds Watchdog::WaitTime() {
  // A deadline that has passed is none any more.
  constexpr std::chrono::nanoseconds kAtOnce = std::chrono::milliseconds{1};
  const base::BootTime now = clock_.Now().boot;
  std::chrono::nanoseconds wait = kLookAtClock;
  const auto consider = [&](base::BootTime at) {
    if (at > now) wait = std::min(wait, at - now);
  };
  for (const auto& [token, watched] : watched_) {
    if (watched.renewed_at) consider(*watched.renewed_at + times_.self_fence);
    if (!watched.cancel_at) continue;
    consider(*watched.cancel_at + times_.cancel_term);
    consider(*watched.cancel_at + times_.cancel_kill);
  }
  return std::max(wait, kAtOnce);
}

}  // namespace rollcall::jobs
