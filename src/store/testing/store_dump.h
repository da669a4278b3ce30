#pragma once

#include "base/json.h"
#include "store/job_store.h"

namespace rollcall::store {

// All that a store shows through its interface, but for random ids: two stores that went through
// the same have the same dump.
base::Json DumpStore(JobStore& store);

}  // namespace rollcall::store
