#pragma once

#include <cstdint>
#include <string_view>

#include "table.h"

namespace rollcall::faults {

// A violation of `row` when there are fewer than tests/floors.txt says, or it says nothing: a proof
// whose list has shrunk proves less. The file is changed by hand, and only upwards without a
// reason.
void CheckFloor(std::string_view name, std::int64_t count, Row& row);

}  // namespace rollcall::faults
