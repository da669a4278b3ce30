#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "store/job_store.h"

namespace rollcall::jobs {

// "the cancel of job 7"
std::string CancelOf(store::JobId id);
// ERR_DISK_FULL of a cancel that is kept: it cannot be recorded because of `why`.
base::Error CancelWaits(store::JobId id, std::string_view why);

// Cancels jobs in the store, and keeps in mind those cancels that a full disk does not let it
// record, until it does.
//
// Thread-safe. Borrows `store`.
class CancelWishes {
 public:
  explicit CancelWishes(store::JobStore& store) : store_(store) {}

  // Errors of JobCancel.
  base::Result<store::CancelOutcome> Cancel(store::JobId id);

  void Keep(store::JobId id);
  // Somebody wants the job after all.
  void Forget(store::JobId id);
  bool IsKept(store::JobId id) const;
  bool is_empty() const;
  // Cancels what can be cancelled now of what is kept; the attempts that are to be stopped for it.
  std::vector<store::Fence> TryAgain();

 private:
  store::JobStore& store_;
  mutable base::Mutex mutex_;
  std::set<store::JobId> kept_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::jobs
