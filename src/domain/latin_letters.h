#pragma once

#include <string>
#include <string_view>

namespace rollcall::domain {

// UTF-8 `text` with the Latin letters of Latin-1 and Latin Extended-A as the nearest lower-case
// letters a…z ("É" → "e", "ß" → "ss", "Œ" → "oe") and without combining marks, so that "é" written
// as two characters, as macOS names files, is the same. Everything else stays, byte for byte.
std::string WithPlainLatinLetters(std::string_view text);

}  // namespace rollcall::domain
