#pragma once

#include <chrono>
#include <vector>

#include "base/clock.h"
#include "projection/worker_log.h"
#include "store/job_store.h"

namespace rollcall::jobs {

// Takes tasks back from attempts that nobody looks after any more. Not thread-safe. Borrows all.
class Reaper {
 public:
  Reaper(store::JobStore& store, projection::WorkerLog& log, store::AgentIdentity identity)
      : store_(store), log_(log), identity_(std::move(identity)) {}

  // Once, before the first claim: the owner before us left without goodbye. Its workers of this
  // boot are killed, by identity and not by number alone, and only then are their leases void. A
  // worker that does not end within `limit` keeps its lease until that runs out. How many leases
  // were ended, or an error of the store.
  base::Result<int> EndLeftovers(std::chrono::milliseconds limit);

  // Ends the attempts whose lease ran out; their processes on this host are killed. Which ones.
  base::Result<std::vector<store::Lease>> Reap(std::chrono::milliseconds limit);

 private:
  // Whether no process of the lease's attempt is left on this host.
  bool EndProcesses(const store::Lease& lease, std::chrono::milliseconds limit);

  store::JobStore& store_;
  projection::WorkerLog& log_;
  const store::AgentIdentity identity_;
};

}  // namespace rollcall::jobs
