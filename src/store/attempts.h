#pragma once

#include "store/job_store.h"
#include "store/ledger.h"
#include "store/store_clock.h"

namespace rollcall::store {

// The life of an attempt, each step within one transaction; see JobStore for what each means.

base::Result<std::optional<LeasedTask>> Claim(Ledger& ledger, const ClaimRequest& request,
                                              const Moment& now);

// What stands behind a fence that holds: all that a worker's write is about.
struct HeldTask {
  Lease lease;
  Task task;
  StageRun run;
};
// kCancelled / ERR_FENCED unless task, token, attempt id and a lease all agree.
base::Result<HeldTask> CheckFence(Ledger& ledger, const Fence& fence);

struct WorkerProcess {
  std::int64_t pid = 0;
  std::int64_t start = 0;
};
base::Result<void> Start(Ledger& ledger, const Fence& fence, const WorkerProcess& process,
                         const Moment& now);

base::Result<void> CommitSegment(Ledger& ledger, const Fence& fence, const domain::Segment& segment,
                                 const Moment& now);
base::Result<void> DropSegments(Ledger& ledger, std::string_view work_key,
                                std::int64_t first_number, const Moment& now);

struct Success {
  const std::string& result_json;
  std::span<const domain::Artifact> artifacts;
  const AttemptEnd& end;
};
base::Result<void> Succeed(Ledger& ledger, const Fence& fence, const Success& success,
                           const Moment& now);
base::Result<void> End(Ledger& ledger, const Fence& fence, const AttemptEnd& end,
                       const Moment& now);

}  // namespace rollcall::store
