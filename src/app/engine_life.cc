#include "app/engine_life.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/file.h"

namespace rollcall::app {

using base::MutexLock;
using base::Result;
using base::UniqueFd;

Result<std::unique_ptr<EngineLife>> EngineLife::Create(Kind kind, IsNeeded is_needed,
                                                       HasLostGround has_lost_ground) {
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&watched, number);
  ::pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  UniqueFd signals(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.is_open()) return base::ErrnoError(errno, "make a", "signalfd");
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return base::ErrnoError(errno, "make an", "eventfd");
  return std::unique_ptr<EngineLife>(new EngineLife(
      kind, std::move(is_needed), std::move(has_lost_ground), std::move(signals), std::move(wake)));
}

void EngineLife::Run() {
  // A look now and then, in case that a job ended without anybody saying so.
  constexpr int kLookMs = 1000;
  while (!Decide()) WaitForNews(kLookMs);
  MutexLock lock(mutex_);
  is_ending_ = true;
  answered_.NotifyAll();
}

void EngineLife::Detach() {
  MutexLock lock(mutex_);
  const int mine = ++detaches_wanted_;
  Wake();
  while (detaches_done_ < mine && !is_ending_) answered_.Wait(mutex_);
}

bool EngineLife::Leave() {
  MutexLock lock(mutex_);
  const int mine = ++leaves_wanted_;
  Wake();
  while (leaves_done_ < mine && !is_ending_) answered_.Wait(mutex_);
  return !is_ending_;
}

bool EngineLife::is_ending() {
  MutexLock lock(mutex_);
  return is_ending_;
}

void EngineLife::SetClientCount(int count) {
  MutexLock lock(mutex_);
  clients_ = count;
  Wake();
}

void EngineLife::LookAgain() { Wake(); }

void EngineLife::Wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void EngineLife::WaitForNews(int timeout_ms) {
  pollfd fds[2]{{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  ::poll(fds, 2, timeout_ms);
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = ::read(wake_.get(), &count, sizeof count);
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    // A terminal that closes ends a command, not the engine.
    if (signal.ssi_signo == SIGHUP) continue;
    MutexLock lock(mutex_);
    is_ending_ = true;
  }
}

bool EngineLife::Decide() {
  // The store is asked outside the lock: a client may wait for it there.
  const base::Result<bool> needed = is_needed_();
  const bool is_needed = !needed.ok() || *needed;
  const bool has_lost_ground = has_lost_ground_();
  MutexLock lock(mutex_);
  is_ending_ = is_ending_ || has_lost_ground;
  if (is_ending_) return true;
  const bool has_leaver = leaves_wanted_ > leaves_done_;
  if (kind_ == Kind::kChild) {
    // One who is just leaving is still connected.
    const bool is_wanted = is_needed || clients_ > (has_leaver ? 1 : 0);
    if (detaches_wanted_ > detaches_done_ || (has_leaver && is_wanted)) is_detached_ = true;
    if (is_detached_) ::prctl(PR_SET_PDEATHSIG, 0);
    if ((is_detached_ || has_leaver) && !is_wanted) is_ending_ = true;
  }
  detaches_done_ = detaches_wanted_;
  if (!is_ending_) leaves_done_ = leaves_wanted_;
  answered_.NotifyAll();
  return is_ending_;
}

}  // namespace rollcall::app
