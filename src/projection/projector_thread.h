#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "projection/projector.h"

namespace rollcall::projection {

// Keeps the projections up to date: at each transition, else at most every `least` and at least
// every `most` of its Cadence while a stage runs. What cannot be written is tried again until it
// can, and last_error() says so meanwhile. Begins with what changed since the projector before it
// wrote down how far it had come (jobs/.projected.json): a start costs what changed, not what is
// there. Without that file, or with one that does not fit the store, everything is projected.
//
// Thread-safe. Borrows what `sources` names.
class ProjectorThread {
 public:
  struct Cadence {
    std::chrono::milliseconds least{};  // Between two projections of a running stage.
    std::chrono::milliseconds most{};
  };
  ProjectorThread(const Projector::Sources& sources, const Cadence& cadence);
  ~ProjectorThread();
  ProjectorThread(const ProjectorThread&) = delete;
  ProjectorThread& operator=(const ProjectorThread&) = delete;

  // Something may have changed.
  void Wake();
  // Projects this run next; `done` is called on the projector's thread with how it went.
  void ProjectNow(store::StageRunId run, Projector::Mode mode,
                  std::function<void(base::Result<void>)> done);

  // How long the files have been behind the store; 0 if they are not.
  std::chrono::nanoseconds lag() const;
  // Stages whose files could not be written and still have to be.
  int failing_count() const;

  // Of the newest projection that could not be made and is still wanted.
  std::optional<base::Error> last_error() const;

 private:
  using Key = std::pair<std::string, std::string>;  // Subject's kind and id joined, stage.
  struct Place {
    store::Subject subject;
    std::string stage;
  };
  struct Urgent {
    store::StageRunId run{};
    Projector::Mode mode{};
    std::function<void(base::Result<void>)> done;
  };
  // When a running stage was last written, and what of it.
  struct Written {
    base::BootTime at{};
    std::string progress;
  };

  void Run();
  void DoUrgent(std::vector<Urgent> urgent);
  void LoadCursor();
  void SaveCursor();
  base::Result<bool> FollowStore();  // True if there is more.
  void CloseRound(const base::Result<bool>& has_more);
  void FollowLive();
  void RetryFailed();
  base::Result<void> Project(const Place& place);

  const base::HeldFolder& data_dir_;
  const std::filesystem::path cursor_path_;
  base::Clock& clock_;
  store::JobStore& store_;
  const LiveBoard& board_;
  const Cadence cadence_;
  Projector projector_;  // Only the thread's, as the next six.
  std::string epoch_;
  std::int64_t cursor_ = 0;        // Of the store's changes: what is up to it has been projected.
  std::int64_t saved_cursor_ = 0;  // As cursor_path_ has it.
  base::BootTime saved_at_{};
  std::map<store::StageRunId, Written> written_;
  std::map<Key, Place> failed_;

  mutable base::Mutex mutex_;
  base::CondVar changed_;
  bool is_woken_ ROLLCALL_GUARDED_BY(mutex_) = true;
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::vector<Urgent> urgent_ ROLLCALL_GUARDED_BY(mutex_);
  std::optional<base::BootTime> behind_since_ ROLLCALL_GUARDED_BY(mutex_);
  int failing_count_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  std::optional<base::Error> last_error_ ROLLCALL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace rollcall::projection
