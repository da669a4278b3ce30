#include "floors.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <string>

namespace rollcall::faults {
namespace {

// -1: it is not in the file.
std::int64_t FloorOf(std::string_view name) {
  std::ifstream file(ROLLCALL_SOURCE_DIR "/tests/floors.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    std::int64_t floor = -1;
    if (words >> word >> floor && word == name) return floor;
  }
  return -1;
}

}  // namespace

void CheckFloor(std::string_view name, std::int64_t count, Row& row) {
  const std::int64_t floor = FloorOf(name);
  if (floor < 0) {
    row.violations.push_back(fmt::format("tests/floors.txt does not say how many {}", name));
  } else if (count < floor) {
    row.violations.push_back(fmt::format("{} {}, there were {}", count, name, floor));
  }
}

}  // namespace rollcall::faults
