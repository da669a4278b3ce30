#pragma once

#include <memory>

#include "base/clock.h"
#include "simulator.h"
#include "store/job_store.h"

namespace rollcall::faults {

// A store that is broken on purpose in front of a good one, whose clock `clock` is. Borrows it.
std::unique_ptr<store::JobStore> Break(std::unique_ptr<store::JobStore> store, Breakage breakage,
                                       base::Clock& clock);

}  // namespace rollcall::faults
