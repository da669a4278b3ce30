#include "jobs/cancel_wishes.h"

#include <fmt/format.h>

#include "domain/reasons.h"

namespace rollcall::jobs {

std::string CancelOf(store::JobId id) {
  return fmt::format("the cancel of job {}", static_cast<std::int64_t>(id));
}

base::Error CancelWaits(store::JobId id, std::string_view why) {
  return domain::MakeError(
      domain::reason::kDiskFull,
      fmt::format("{} cannot be recorded yet: {}; this engine keeps it in mind and carries it out "
                  "as soon as there is room",
                  CancelOf(id), why),
      fmt::format("free some space; if the engine ends before, the cancel is lost: then give "
                  "`rollcall jobs cancel {}` again",
                  static_cast<std::int64_t>(id)));
}

base::Result<store::CancelOutcome> CancelWishes::Cancel(store::JobId id) {
  return store_.JobCancel(id);
}

void CancelWishes::Keep(store::JobId id) {
  base::MutexLock lock(mutex_);
  kept_.insert(id);
}

void CancelWishes::Forget(store::JobId id) {
  base::MutexLock lock(mutex_);
  kept_.erase(id);
}

bool CancelWishes::IsKept(store::JobId id) const {
  base::MutexLock lock(mutex_);
  return kept_.contains(id);
}

bool CancelWishes::is_empty() const {
  base::MutexLock lock(mutex_);
  return kept_.empty();
}

std::vector<store::Fence> CancelWishes::TryAgain() {
  std::set<store::JobId> kept;
  {
    base::MutexLock lock(mutex_);
    kept = kept_;
  }
  std::vector<store::Fence> to_stop;
  for (const store::JobId id : kept) {
    const auto outcome = Cancel(id);
    const bool is_gone = !outcome.ok() && outcome.error().code == base::ErrorCode::kNotFound;
    if (!outcome.ok() && !is_gone) continue;
    Forget(id);
    if (outcome.ok())
      to_stop.insert(to_stop.end(), outcome->to_stop.begin(), outcome->to_stop.end());
  }
  return to_stop;
}

}  // namespace rollcall::jobs
