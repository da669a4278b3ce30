#include "artifacts/utf8.h"

#include <algorithm>
#include <cstddef>

#include "base/utf8.h"

namespace rollcall::artifacts {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string ToUtf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = base::Utf8SequenceLength(text);
    clean += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

}  // namespace rollcall::artifacts
