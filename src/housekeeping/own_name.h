#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rollcall::housekeeping {

// A name that only we give, and what it says about who is writing under it.
struct OwnName {
  std::int64_t token = 0;  // Of the attempt; 0: it says none.
  std::int64_t pid = 0;    // Of the process; 0: it says none.
  bool is_result =
      false;  // "name.g<token>": in a shared area ours only if a row has had that name.
};
// nullopt for a name that is none of ours.
std::optional<OwnName> ParseOwnName(const std::string& name);

}  // namespace rollcall::housekeeping
