#include "housekeeping/own_name.h"

#include <charconv>
#include <regex>

namespace rollcall::housekeeping {
namespace {

std::int64_t NumberOf(const std::csub_match& match) {
  std::int64_t number = 0;
  std::from_chars(match.first, match.second, number);
  return number;
}

}  // namespace

std::optional<OwnName> ParseOwnName(const std::string& name) {
  // Of worker::StageSegmentFile (with .tmp: of engines of before), artifacts::ArtifactFolder and
  // base::WriteFileAtomic.
  static const std::regex kSegment(R"(seg-\d{5,}\.t(\d{1,18})\.[0-9a-f]{8}(\.tmp)?)");
  static const std::regex kResult(R"(.+\.g(\d{1,18}))");
  static const std::regex kTemporary(R"(.+\.tmp(\d{1,18})\.\d+)");
  std::cmatch parts;
  if (std::regex_match(name.c_str(), parts, kTemporary)) return OwnName{.pid = NumberOf(parts[1])};
  if (std::regex_match(name.c_str(), parts, kSegment)) return OwnName{.token = NumberOf(parts[1])};
  if (std::regex_match(name.c_str(), parts, kResult)) {
    return OwnName{.token = NumberOf(parts[1]), .is_result = true};
  }
  return std::nullopt;
}

}  // namespace rollcall::housekeeping
