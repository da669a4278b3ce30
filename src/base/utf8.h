#pragma once

#include <cstddef>
#include <string_view>

namespace rollcall::base {

// Bytes of the well-formed UTF-8 sequence at the front of `text` (Unicode 15, table 3-7); 0 if
// there is none.
std::size_t Utf8SequenceLength(std::string_view text);

bool IsUtf8(std::string_view text);

}  // namespace rollcall::base
