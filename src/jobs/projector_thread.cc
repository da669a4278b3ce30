#include "jobs/projector_thread.h"

#include <fmt/format.h>

#include <algorithm>

namespace rollcall::jobs {
namespace {

constexpr int kBatch = 64;

// What of an attempt is worth a rewrite.
std::string ProgressMark(const LiveAttempt& live) {
  const store::Liveness& liveness = live.liveness;
  return fmt::format("{} {} {} {} {} {}", live.fence.token, liveness.done, liveness.total,
                     domain::PhaseName(liveness.phase), liveness.is_stalled,
                     liveness.counters_json);
}

}  // namespace

ProjectorThread::ProjectorThread(std::filesystem::path data_dir, const Projector::Sources& sources,
                                 const RuntimeTimes& times)
    : clock_(sources.clock),
      store_(sources.store),
      board_(sources.board),
      times_(times),
      projector_(std::move(data_dir), sources),
      thread_([this] { Run(); }) {}

ProjectorThread::~ProjectorThread() {
  {
    base::MutexLock lock(mutex_);
    is_ending_ = true;
    is_woken_ = true;  // A last round: what has just ended is told.
    changed_.NotifyAll();
  }
  thread_.join();
}

void ProjectorThread::Wake() {
  base::MutexLock lock(mutex_);
  is_woken_ = true;
  changed_.NotifyAll();
}

void ProjectorThread::ProjectNow(store::StageRunId run, Projector::Mode mode,
                                 std::function<void(base::Result<void>)> done) {
  base::MutexLock lock(mutex_);
  urgent_.push_back({run, mode, std::move(done)});
  changed_.NotifyAll();
}

std::optional<base::Error> ProjectorThread::last_error() const {
  base::MutexLock lock(mutex_);
  return last_error_;
}

void ProjectorThread::Run() {
  while (true) {
    std::vector<Urgent> urgent;
    {
      base::MutexLock lock(mutex_);
      if (!is_woken_ && urgent_.empty() && !is_ending_) {
        changed_.WaitFor(mutex_, times_.projection_min / 4 + std::chrono::milliseconds{1});
      }
      urgent.swap(urgent_);
      if (is_ending_ && !is_woken_ && urgent.empty()) return;
      is_woken_ = false;
    }
    DoUrgent(std::move(urgent));
    RetryFailed();
    if (FollowStore()) Wake();
    FollowLive();
  }
}

void ProjectorThread::DoUrgent(std::vector<Urgent> urgent) {
  for (const Urgent& request : urgent) {
    const auto project = [&]() -> base::Result<void> {
      ROLLCALL_TRY_ASSIGN(const auto run, store_.RunGet(request.run));
      return projector_.ProjectStage(run.subject, run.name, request.mode);
    };
    request.done(project());
  }
}

base::Result<void> ProjectorThread::Project(const Place& place) {
  auto projected =
      projector_.ProjectStage(place.subject, place.stage, Projector::Mode::kWhatChanged);
  const Key key{place.subject.kind + "/" + place.subject.id, place.stage};
  if (projected.ok()) {
    failed_.erase(key);
  } else {
    failed_.insert_or_assign(key, place);
  }
  base::MutexLock lock(mutex_);
  if (!projected.ok()) last_error_ = projected.error();
  if (failed_.empty()) last_error_.reset();
  return projected;
}

void ProjectorThread::RetryFailed() {
  const auto again = failed_;
  for (const auto& [key, place] : again) static_cast<void>(Project(place));
}

bool ProjectorThread::FollowStore() {
  const auto changed = store_.RunsChangedSince(cursor_, kBatch);
  if (!changed.ok()) {
    base::MutexLock lock(mutex_);
    last_error_ = changed.error();
    return false;
  }
  std::map<Key, Place> places;
  for (const store::RunView& view : *changed) {
    cursor_ = std::max(cursor_, view.run.change);
    const store::StageRun& run = view.run;
    if (domain::IsTerminal(run.state)) written_.erase(run.id);
    // A renewal changes the row and nothing that people wait for; FollowLive writes the rest.
    if (projector_.IsProjected(view) && board_.Get(run.id)) continue;
    places.insert_or_assign({run.subject.kind + "/" + run.subject.id, run.name},
                            Place{run.subject, run.name});
  }
  for (const auto& [key, place] : places) static_cast<void>(Project(place));
  return changed->size() == kBatch;
}

void ProjectorThread::FollowLive() {
  const base::BootTime now = clock_.Now().boot;
  for (const LiveAttempt& live : board_.Running()) {
    const auto found = written_.find(live.run);
    const std::string mark = ProgressMark(live);
    if (found != written_.end()) {
      const auto age = now - found->second.at;
      const auto wait =
          found->second.progress == mark ? times_.projection_max : times_.projection_min;
      if (age < wait) continue;
    }
    const auto run = store_.RunGet(live.run);
    if (!run.ok() || domain::IsTerminal(run->state)) continue;
    written_.insert_or_assign(live.run, Written{now, mark});
    static_cast<void>(Project({run->subject, run->name}));
  }
}

}  // namespace rollcall::jobs
