#include "cli/requests.h"

#include <algorithm>
#include <string_view>

#include "domain/episode_key.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

bool IsOfName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

base::Result<api::Request> OfJob(const std::string& typed, const std::string& verb) {
  if (typed.empty() || !std::ranges::all_of(typed, IsOfName)) {
    return domain::MakeError(domain::reason::kJobNotFound, "there is no job " + typed);
  }
  if (verb.empty()) return api::Get({"api", "jobs", typed});
  return api::Post({"api", "jobs", typed, verb});
}

base::Result<api::Request> OfEpisode(const std::string& typed) {
  ROLLCALL_TRY_ASSIGN(const auto key, domain::EpisodeKey::Parse(typed));
  return api::Get({"api", "episodes", key.text()});
}

}  // namespace rollcall::cli
