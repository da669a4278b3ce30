#pragma once

#include <string>
#include <string_view>

namespace rollcall::artifacts {

// `text` with every byte that is not part of well-formed UTF-8 replaced by U+FFFD. Parquet and
// XLSX readers refuse a whole file for one such byte, and names come from anywhere.
std::string ToUtf8(std::string_view text);

}  // namespace rollcall::artifacts
