#pragma once

#include "base/result.h"
#include "store/ledger.h"

namespace rollcall::store {

// Reads every job, run, lease, segment and event and checks what must hold between them: one
// terminal event for an ended job and none for an open one, events and segments without holes,
// a lease exactly while a run is leased, running or cancelling, one live run per dedupe key, every
// live run wanted by an open job. kDataLoss / ERR_STORE_DAMAGED names the first that does not.
base::Result<void> Audit(Ledger& ledger);

}  // namespace rollcall::store
