#pragma once

#include <functional>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::app {

// Decides when an engine process ends. Its main thread sits in Run; everybody else tells it what
// happens.
//
// An engine that a command began is tied to that command by the kernel (PR_SET_PDEATHSIG, a
// property of the main thread) until it is detached; then it lives until no job is open and no
// client is connected. One in the foreground (`serve`) lives until a signal. Both end when they
// have lost the ground that they stand on.
//
// Thread-safe.
class EngineLife {
 public:
  enum class Kind {
    kForeground,  // Until SIGTERM or SIGINT.
    kChild,       // Of the command that began it.
  };
  // Whether a job is open on which this engine works. Asked by the main thread. An error means yes:
  // who cannot find out does not leave work alone; it is asked again within a second.
  using IsNeeded = std::function<base::Result<bool>()>;
  // Whether it can do nothing more, whoever needs it. Asked by the main thread, once a second at
  // least.
  using HasLostGround = std::function<bool()>;

  // To be created on the main thread before any other thread: blocks SIGTERM, SIGINT and SIGHUP in
  // all of them.
  static base::Result<std::unique_ptr<EngineLife>> Create(
      Kind kind, IsNeeded is_needed, HasLostGround has_lost_ground = [] { return false; });

  // Returns when the engine shall end.
  void Run();

  // --- From other threads
  // The kernel's tie is cut when this returns.
  void Detach();
  // The command that began this engine says goodbye: detaches if a job or another client needs the
  // engine and returns true, else lets it end and returns false. In the foreground: true.
  bool Leave();
  // From then on clients are to be turned away.
  bool is_ending();
  void SetClientCount(int count);
  // A job may have ended.
  void LookAgain();

 private:
  EngineLife(Kind kind, IsNeeded is_needed, HasLostGround has_lost_ground, base::UniqueFd signals,
             base::UniqueFd wake)
      : kind_(kind),
        is_needed_(std::move(is_needed)),
        has_lost_ground_(std::move(has_lost_ground)),
        signals_(std::move(signals)),
        wake_(std::move(wake)) {}

  void Wake();
  void WaitForNews(int timeout_ms);
  // True when the engine shall end.
  bool Decide();

  const Kind kind_;
  const IsNeeded is_needed_;
  const HasLostGround has_lost_ground_;
  const base::UniqueFd signals_;
  const base::UniqueFd wake_;

  base::Mutex mutex_;
  base::CondVar answered_;
  int clients_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  int detaches_wanted_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  int detaches_done_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  int leaves_wanted_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  int leaves_done_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  bool is_detached_ ROLLCALL_GUARDED_BY(mutex_) = false;
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
};

}  // namespace rollcall::app
