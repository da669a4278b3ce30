#pragma once

#include "store/job_store.h"
#include "store/ledger.h"

namespace rollcall::store {

// JobStore::JobCancel within a transaction.
base::Result<CancelOutcome> Cancel(Ledger& ledger, JobId id, base::Instant now);

}  // namespace rollcall::store
