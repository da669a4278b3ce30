#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace rollcall::base {

// A path where only UTF-8 may stand (JSON, the store): a file's name is bytes, whatever they mean.
//
// What is UTF-8 is itself. Anything else is "file://" and its bytes, those other than letters,
// digits and "/-._~" as %XX, as in a file URI. No path reads so by itself: one of ours is
// normalized, and has no empty part.
std::string PathToText(const std::filesystem::path& path);

// The path that PathToText has written; text that is no such thing is itself the path.
std::filesystem::path PathFromText(std::string_view text);

}  // namespace rollcall::base
