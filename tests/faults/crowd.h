#pragma once

#include <functional>

#include "table.h"

namespace rollcall::faults {

// Does rounds 0, 1, … until `hits` faults hit, `at_once` of them at a time, each on a thread of the
// crowd, and adds up what they saw. A round hits once or not at all; too many that do not are a
// violation. For rounds that mostly wait. `round` must not touch what others use.
Row InCrowd(const std::string& name, int hits, int at_once,
            const std::function<void(int round, Row& row)>& round);

}  // namespace rollcall::faults
