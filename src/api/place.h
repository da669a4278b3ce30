#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall::api {

// Where in a store's log of events a client is: "EPOCH.POSITION", the id of a stream's events.
struct Place {
  std::string epoch;  // Positions of another one mean nothing here.
  std::int64_t position = 0;

  std::string Text() const;
};

// Nullopt for what is none: a client may send anything.
std::optional<Place> PlaceOf(std::string_view text);

}  // namespace rollcall::api
