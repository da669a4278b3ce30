#pragma once

#include <memory>

#include "simulator.h"
#include "store/job_store.h"

namespace rollcall::faults {

// A store that is broken on purpose in front of a good one.
std::unique_ptr<store::JobStore> Break(std::unique_ptr<store::JobStore> store, Breakage breakage);

}  // namespace rollcall::faults
