#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "domain/time_left.h"
#include "store/records.h"

namespace rollcall::projection {

// A running attempt as its agent sees it now; newer than the store, which hears of it only with
// each renewal.
struct LiveAttempt {
  store::StageRunId run{};
  store::Fence fence;
  int attempt_number = 0;
  std::int64_t pid = 0;
  base::WallTime started_at{};
  store::Liveness liveness;
  base::WallTime progress_wall{};  // When the newest progress came, for people.
  std::optional<domain::TimeLeft> time_left;
  // How long the phase may go without getting on, and since when it has not.
  std::chrono::nanoseconds budget{};
  base::BootTime budget_since{};
  std::string why_stalled;  // Empty while it is not.
  std::string trouble;      // Why it does not end although it should; empty when there is none.
  bool is_over = false;
};

// The running attempts of this process, and the last 64 that are over: what they counted is still
// wanted when the end of their stage is told. And what the store cannot be told while the disk is
// full: that it is.
//
// Thread-safe.
class LiveBoard {
 public:
  void Put(LiveAttempt attempt);
  void MarkOver(store::StageRunId run);
  std::optional<LiveAttempt> Get(store::StageRunId run) const;
  std::vector<LiveAttempt> Running() const;
  // Nothing is begun because of it; nullopt when the disk has room.
  void SetDiskError(std::optional<base::Error> error);
  std::optional<base::Error> disk_error() const;

 private:
  mutable base::Mutex mutex_;
  std::map<store::StageRunId, LiveAttempt> attempts_ ROLLCALL_GUARDED_BY(mutex_);
  std::deque<store::StageRunId> over_ ROLLCALL_GUARDED_BY(mutex_);  // Oldest first.
  std::optional<base::Error> disk_error_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::projection
