#include "api/place.h"

#include <charconv>
#include <system_error>
#include <utility>

namespace rollcall::api {

std::string Place::Text() const { return epoch + "." + std::to_string(position); }

std::optional<Place> PlaceOf(std::string_view text) {
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const std::string_view digits = text.substr(dot + 1);
  Place place{.epoch = std::string(text.substr(0, dot))};
  const char* end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, place.position);
  const bool is_whole = failure == std::errc{} && stop == end && place.position >= 0;
  return is_whole ? std::optional(std::move(place)) : std::nullopt;
}

}  // namespace rollcall::api
