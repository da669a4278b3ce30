#pragma once

#include <string_view>

namespace rollcall::cli {

// Whether `a` comes before `b` as a person has them in order: "e2" before "e10", letters without
// regard to their case. Names that differ only in case or in leading zeros are ordered by their
// bytes, so that no two names are equal.
bool ComesBefore(std::string_view a, std::string_view b);

}  // namespace rollcall::cli
