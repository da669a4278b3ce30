#pragma once

#include "store/job_store.h"
#include "store/ledger.h"
#include "store/store_clock.h"

namespace rollcall::store {

// What keeps or takes away the right to write, each within one transaction; see JobStore.

struct Renewal {
  const AgentIdentity& agent;
  std::span<const Heartbeat> heartbeats;
  std::chrono::nanoseconds lease;
};
base::Result<std::vector<RenewReply>> Renew(Ledger& ledger, const Renewal& renewal,
                                            const Moment& now);
base::Result<void> MarkStalled(Ledger& ledger, const Fence& fence, std::string_view why,
                               const Moment& now);
base::Result<std::vector<Lease>> Reap(Ledger& ledger, const Moment& now);
base::Result<std::vector<Lease>> Leftovers(Ledger& ledger, const AgentIdentity& agent);
base::Result<void> Void(Ledger& ledger, const Fence& fence, const Moment& now);

}  // namespace rollcall::store
