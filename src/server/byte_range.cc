#include "server/byte_range.h"

#include <algorithm>
#include <charconv>

namespace rollcall::server {
namespace {

constexpr std::int64_t kNone = -1;
constexpr std::int64_t kNoNumber = -2;

// The number, kNone for an empty text, kNoNumber for another.
std::int64_t BoundIn(std::string_view text) {
  if (text.empty()) return kNone;
  std::int64_t number = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = failure == std::errc{} && stop == text.data() + text.size();
  return is_whole && text.front() != '-' ? number : kNoNumber;
}

}  // namespace

ByteRange RangeOf(std::optional<std::string_view> field, std::int64_t size) {
  using Kind = ByteRange::Kind;
  constexpr std::string_view kUnit = "bytes=";
  const ByteRange whole{.last = size - 1};
  if (!field || !field->starts_with(kUnit)) return whole;
  const std::string_view range = field->substr(kUnit.size());
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos || range.find(',') != std::string_view::npos) return whole;
  const std::int64_t first = BoundIn(range.substr(0, dash));
  const std::int64_t last = BoundIn(range.substr(dash + 1));
  const bool is_malformed = first == kNoNumber || last == kNoNumber || first + last == 2 * kNone ||
                            (last != kNone && first > last);
  if (is_malformed) return whole;
  const bool is_tail = first == kNone;
  const bool is_nothing = is_tail ? last == 0 || size == 0 : first >= size;
  if (is_nothing) return {.kind = Kind::kUnsatisfiable};
  if (is_tail) {
    return {.kind = Kind::kPart, .first = std::max<std::int64_t>(0, size - last), .last = size - 1};
  }
  const std::int64_t end = last == kNone ? size - 1 : std::min(last, size - 1);
  return {.kind = Kind::kPart, .first = first, .last = end};
}

}  // namespace rollcall::server
