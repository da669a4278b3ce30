#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::server::testing {

struct BadHead {
  const char* name;
  std::string text;
  std::string_view reason = "ERR_BAD_REQUEST";
};
void PrintTo(const BadHead& head, std::ostream* out);

// Shapes that two readers of HTTP take differently, or that are no request to this server (which
// is called localhost).
std::vector<BadHead> BadHeads();

}  // namespace rollcall::server::testing
