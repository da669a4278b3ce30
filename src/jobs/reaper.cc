#include "jobs/reaper.h"

#include <fmt/format.h>

#include "worker/process_table.h"

namespace rollcall::jobs {

bool Reaper::EndProcesses(const store::Lease& lease, std::chrono::milliseconds limit) {
  if (lease.agent.id != identity_.id) return true;            // Another host looks after its own.
  if (lease.agent.boot_id != identity_.boot_id) return true;  // Ended with that boot.
  const int left = worker::KillLeftBehind({.pid = static_cast<pid_t>(lease.pid),
                                           .start_ticks = lease.pid_start,
                                           .attempt_uuid = lease.fence.attempt_uuid},
                                          limit);
  if (left > 0) log_.Note(fmt::format("{} processes of attempt {} do not end", left, lease.pid));
  return left == 0;
}

base::Result<int> Reaper::EndLeftovers(std::chrono::milliseconds limit) {
  ROLLCALL_TRY_ASSIGN(const auto leftovers, store_.LeaseLeftovers(identity_));
  int ended = 0;
  for (const store::Lease& lease : leftovers) {
    if (!EndProcesses(lease, limit)) continue;
    ROLLCALL_TRY(store_.LeaseVoid(lease.fence));
    log_.Note(fmt::format("ended attempt {} (process {}), which the last owner left behind",
                          lease.attempt_number, lease.pid));
    ++ended;
  }
  return ended;
}

base::Result<std::vector<store::Lease>> Reaper::Reap(std::chrono::milliseconds limit) {
  ROLLCALL_TRY_ASSIGN(auto reaped, store_.LeaseReap());
  for (const store::Lease& lease : reaped) {
    const bool is_ours = lease.agent.incarnation == identity_.incarnation;
    if (!is_ours) EndProcesses(lease, limit);
    log_.Note(fmt::format("the lease of attempt {} (process {}) ran out", lease.attempt_number,
                          lease.pid));
  }
  return reaped;
}

}  // namespace rollcall::jobs
