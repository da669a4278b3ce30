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

base::Result<void> CheckJobName(const std::string& typed) {
  if (!typed.empty() && std::ranges::all_of(typed, IsOfName)) return {};
  return domain::MakeError(domain::reason::kJobNotFound, "there is no job " + typed);
}

}  // namespace

base::Result<api::Request> OfJob(const std::string& typed, Reading reading) {
  ROLLCALL_TRY(CheckJobName(typed));
  api::Request request = api::Get({"api", "jobs", typed});
  if (reading == Reading::kDiagnosis) request.path.emplace_back("diagnosis");
  if (reading == Reading::kLog) request.path.emplace_back("log");
  return request;
}

base::Result<api::Request> OfJob(const std::string& typed, const char* verb) {
  ROLLCALL_TRY(CheckJobName(typed));
  return api::Post({"api", "jobs", typed, verb});
}

base::Result<api::Request> OfEpisode(const std::string& typed) {
  ROLLCALL_TRY_ASSIGN(const auto key, domain::EpisodeKey::Parse(typed));
  return api::Get({"api", "episodes", key.text()});
}

}  // namespace rollcall::cli
