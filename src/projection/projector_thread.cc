#include "projection/projector_thread.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"

namespace rollcall::projection {
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

ProjectorThread::ProjectorThread(const Projector::Sources& sources, const Cadence& cadence)
    : data_dir_(sources.data_dir),
      cursor_path_(data_dir_.held_path() / "jobs" / ".projected.json"),
      clock_(sources.clock),
      store_(sources.store),
      board_(sources.board),
      cadence_(cadence),
      projector_(sources),
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
  const base::BootTime now = clock_.Now().boot;
  base::MutexLock lock(mutex_);
  if (!behind_since_) behind_since_ = now;
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

std::chrono::nanoseconds ProjectorThread::lag() const {
  const base::BootTime now = clock_.Now().boot;
  base::MutexLock lock(mutex_);
  return behind_since_ ? now - *behind_since_ : base::BootTime{};
}

int ProjectorThread::failing_count() const {
  base::MutexLock lock(mutex_);
  return failing_count_;
}

void ProjectorThread::LoadCursor() {
  const auto epoch = store_.StreamEpoch();
  if (!epoch.ok()) return;  // FollowStore will say what is wrong with the store.
  epoch_ = *epoch;
  const auto text = base::ReadFile(cursor_path_);
  if (!text.ok()) return;
  const auto saved = base::Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!saved.is_object() || saved.value("epoch", base::Json()) != base::Json(epoch_)) return;
  const auto change = saved.find("change");
  if (change == saved.end() || !change->is_number_integer()) return;
  const auto cursor = change->get<std::int64_t>();
  // A store that has not come that far is an older copy of the one that was projected.
  const auto newest = store_.RunsChangedSince(cursor - 1, 1);
  if (newest.ok() && !newest->empty()) cursor_ = saved_cursor_ = cursor;
}

// Only what is durable in the files is behind the cursor, so it may be written late or never.
void ProjectorThread::SaveCursor() {
  const base::Json saved{{"epoch", epoch_}, {"change", cursor_}};
  if (epoch_.empty() || !data_dir_.IsInPlace()) return;
  if (!base::WriteFileAtomic(cursor_path_, saved.dump() + "\n").ok()) return;
  saved_cursor_ = cursor_;
  saved_at_ = clock_.Now().boot;
}

void ProjectorThread::CloseRound(const base::Result<bool>& has_more) {
  if (!has_more.ok()) return;
  if (*has_more) return Wake();
  if (!failed_.empty()) return;
  bool is_ending = false;
  {
    base::MutexLock lock(mutex_);
    if (!is_woken_) behind_since_.reset();
    is_ending = is_ending_;
  }
  const bool is_time = is_ending || clock_.Now().boot - saved_at_ >= cadence_.most;
  if (cursor_ > saved_cursor_ && is_time) SaveCursor();
}

void ProjectorThread::Run() {
  LoadCursor();
  while (true) {
    std::vector<Urgent> urgent;
    {
      base::MutexLock lock(mutex_);
      if (!is_woken_ && urgent_.empty() && !is_ending_) {
        changed_.WaitFor(mutex_, cadence_.least / 4 + std::chrono::milliseconds{1});
      }
      urgent.swap(urgent_);
      if (is_ending_ && !is_woken_ && urgent.empty()) return;
      is_woken_ = false;
    }
    // First, so that the end of a stage is told before the start of the one that needed it.
    const auto has_more = FollowStore();
    DoUrgent(std::move(urgent));
    RetryFailed();
    FollowLive();
    CloseRound(has_more);
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
  failing_count_ = static_cast<int>(failed_.size());
  if (!projected.ok()) last_error_ = projected.error();
  if (failed_.empty()) last_error_.reset();
  return projected;
}

void ProjectorThread::RetryFailed() {
  const auto again = failed_;
  for (const auto& [key, place] : again) static_cast<void>(Project(place));
}

base::Result<bool> ProjectorThread::FollowStore() {
  const auto changed = store_.RunsChangedSince(cursor_, kBatch);
  if (!changed.ok()) {
    base::MutexLock lock(mutex_);
    last_error_ = changed.error();
    return changed.error();
  }
  std::vector<std::pair<Key, Place>> places;  // By their last change: what ends before what starts.
  for (const store::RunView& view : *changed) {
    cursor_ = std::max(cursor_, view.run.change);
    const store::StageRun& run = view.run;
    if (domain::IsTerminal(run.state)) written_.erase(run.id);
    // A renewal changes the row and nothing that people wait for; FollowLive writes the rest.
    if (projector_.IsProjected(view) && board_.Get(run.id)) continue;
    const Key key{run.subject.kind + "/" + run.subject.id, run.name};
    std::erase_if(places, [&key](const auto& place) { return place.first == key; });
    places.emplace_back(key, Place{run.subject, run.name});
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
      const auto wait = found->second.progress == mark ? cadence_.most : cadence_.least;
      if (age < wait) continue;
    }
    const auto run = store_.RunGet(live.run);
    if (!run.ok() || domain::IsTerminal(run->state)) continue;
    // What came before it, the end of another stage perhaps, is told first, in the next round.
    if (run->change > cursor_) continue;
    written_.insert_or_assign(live.run, Written{now, mark});
    static_cast<void>(Project({run->subject, run->name}));
  }
}

}  // namespace rollcall::projection
