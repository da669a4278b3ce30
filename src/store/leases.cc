#include "store/leases.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "domain/reasons.h"
#include "store/attempts.h"
#include "store/run_changes.h"

namespace rollcall::store {

using base::Result;

namespace {

// The end of an attempt that nobody looks after. As far as is known it ran until its last pulse.
AttemptEnd Interruption(const Lease& lease, AttemptOutcome outcome, base::Error error) {
  const auto in_vain = lease.liveness.last_pulse - lease.liveness.progress_at;
  return {.outcome = outcome,
          .error = std::move(error),
          .fruitless = std::chrono::duration_cast<std::chrono::milliseconds>(
              std::max(base::BootTime{}, in_vain))};
}

}  // namespace

Result<std::vector<RenewReply>> Renew(Ledger& ledger, const Renewal& renewal, const Moment& now) {
  ROLLCALL_TRY_ASSIGN(const auto are_held,
                      ledger.LeasesRenew(renewal.agent, renewal.heartbeats, now.In(renewal.lease)));
  // Also after a new job joined: that job gets a fresh attempt, this one ends.
  ROLLCALL_TRY_ASSIGN(const auto cancelling, ledger.TasksCancelling(renewal.agent));
  std::vector<RenewReply> replies;
  for (std::size_t i = 0; i < are_held.size(); ++i) {
    const Fence& fence = renewal.heartbeats[i].fence;
    const bool is_cancelling = std::ranges::binary_search(cancelling, fence.task);
    replies.push_back(
        {.fence = fence, .is_held = are_held[i], .is_cancel_wanted = are_held[i] && is_cancelling});
  }
  return replies;
}

Result<void> MarkStalled(Ledger& ledger, const Fence& fence, std::string_view why,
                         const Moment& now) {
  const bool is_stalled = !why.empty();
  ROLLCALL_TRY_ASSIGN(auto held, CheckFence(ledger, fence));
  if (held.lease.liveness.is_stalled == is_stalled) return {};
  held.lease.liveness.is_stalled = is_stalled;
  ROLLCALL_TRY(ledger.LeaseUpdate(held.lease));
  RunChanges changes(ledger, now);
  ROLLCALL_TRY(changes.Touch(held.run));
  const Liveness& liveness = held.lease.liveness;
  base::Json body{{"phase", domain::PhaseName(liveness.phase)},
                  {"done", liveness.done},
                  {"total", liveness.total},
                  {"unit", liveness.unit}};
  if (is_stalled) body["error"] = {{"reason", domain::reason::kStalled}, {"message", why}};
  return changes.Tell(held.run, is_stalled ? "stage_stalled" : "stage_moving", std::move(body));
}

Result<std::vector<Lease>> Reap(Ledger& ledger, const Moment& now) {
  ROLLCALL_TRY_ASSIGN(auto leases, ledger.LeaseAll());
  std::erase_if(leases, [&](const Lease& lease) { return !now.IsDue(lease.expires); });
  for (const Lease& lease : leases) {
    const AttemptEnd end =
        Interruption(lease, AttemptOutcome::kExpired,
                     domain::MakeError(domain::reason::kFenced, "the lease ran out"));
    ROLLCALL_TRY(End(ledger, lease.fence, end, now));
  }
  return leases;
}

Result<std::vector<Lease>> Leftovers(Ledger& ledger, const AgentIdentity& agent) {
  ROLLCALL_TRY_ASSIGN(auto leases, ledger.LeaseAll());
  std::erase_if(leases, [&](const Lease& lease) {
    return lease.agent.id != agent.id || lease.agent.incarnation == agent.incarnation;
  });
  return leases;
}

Result<void> Void(Ledger& ledger, const Fence& fence, const Moment& now) {
  ROLLCALL_TRY_ASSIGN(const auto held, CheckFence(ledger, fence));
  return End(ledger, fence,
             Interruption(held.lease, AttemptOutcome::kInterrupted,
                          domain::MakeError(domain::reason::kInterrupted,
                                            "the program that looked after it ended")),
             now);
}

}  // namespace rollcall::store
