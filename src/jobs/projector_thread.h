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
#include "jobs/projector.h"
#include "jobs/runtime_times.h"

namespace rollcall::jobs {

// Keeps the projections up to date: at each transition, else at most every projection_min and at
// least every projection_max while a stage runs. What cannot be written is tried again until it
// can, and last_error() says so meanwhile. Begins with what changed while nobody projected.
//
// Thread-safe. Borrows what `sources` names.
class ProjectorThread {
 public:
  ProjectorThread(std::filesystem::path data_dir, const Projector::Sources& sources,
                  const RuntimeTimes& times);
  ~ProjectorThread();
  ProjectorThread(const ProjectorThread&) = delete;
  ProjectorThread& operator=(const ProjectorThread&) = delete;

  // Something may have changed.
  void Wake();
  // Projects this run next; `done` is called on the projector's thread with how it went.
  void ProjectNow(store::StageRunId run, Projector::Mode mode,
                  std::function<void(base::Result<void>)> done);

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
  bool FollowStore();  // True if there is more.
  void FollowLive();
  void RetryFailed();
  base::Result<void> Project(const Place& place);

  base::Clock& clock_;
  store::JobStore& store_;
  const LiveBoard& board_;
  const RuntimeTimes times_;
  Projector projector_;  // Only the thread's, as the next three.
  std::int64_t cursor_ = 0;
  std::map<store::StageRunId, Written> written_;
  std::map<Key, Place> failed_;

  mutable base::Mutex mutex_;
  base::CondVar changed_;
  bool is_woken_ ROLLCALL_GUARDED_BY(mutex_) = true;
  bool is_ending_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::vector<Urgent> urgent_ ROLLCALL_GUARDED_BY(mutex_);
  std::optional<base::Error> last_error_ ROLLCALL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace rollcall::jobs
