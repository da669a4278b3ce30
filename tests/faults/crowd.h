#pragma once

#include <functional>

#include "table.h"

namespace rollcall::faults {

// Does rounds 0 … `rounds` - 1, `at_once` of them at a time, each on a thread of the crowd, and
// adds up what they saw. For rounds that mostly wait. `round` must not touch what others use.
Row InCrowd(const std::string& name, int rounds, int at_once,
            const std::function<void(int round, Row& row)>& round);

}  // namespace rollcall::faults
