#pragma once

#include <set>
#include <string>

#include "store/job_store.h"
#include "store/ledger.h"
#include "store/store_clock.h"

namespace rollcall::store {

// JobStore::JobCancel within a transaction.
base::Result<CancelOutcome> Cancel(Ledger& ledger, JobId id, const Moment& now);

// A job lets go of all its runs, as if it had joined none. Those that nothing else needs, and whose
// work is not among `kept`, are cancelled, and the checkpoints of those that had no attempt are
// dropped.
base::Result<void> LetGoOfAll(Ledger& ledger, JobId id, const std::set<std::string>& kept,
                              const Moment& now);

}  // namespace rollcall::store
