#pragma once

#include "store/job_store.h"
#include "store/ledger.h"
#include "store/store_clock.h"

namespace rollcall::store {

// JobStore::JobSubmit within a transaction. kInvalidArgument / ERR_BAD_PARAMS for a request that
// contradicts itself: no stages, a stage twice, a need that does not stand before, a `reuse` that
// is not a finished run of that work.
// kFailedPrecondition / ERR_JOB_ALREADY_RUNNING of a job or run, with how to wait for it or end it.
base::Error IsAtWork(std::string_view job_name, std::string_view what);

base::Result<Submission> Submit(Ledger& ledger, const JobRequest& request, const Moment& now);

// JobStore::JobReplan within a transaction.
base::Result<Submission> Replan(Ledger& ledger, JobId id, const JobRequest& request,
                                const Moment& now);

}  // namespace rollcall::store
