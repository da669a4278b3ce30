#include "app/api_routes.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "domain/reasons.h"

namespace rollcall::app {

std::vector<server::Route> ApiRoutes(const ApiParts& parts) {
  std::vector<server::Route> routes = EngineRoutes(parts);
  for (std::vector<server::Route> more :
       {EpisodeRoutes(parts), PeopleRoutes(parts), JobRoutes(parts)}) {
    std::move(more.begin(), more.end(), std::back_inserter(routes));
  }
  return routes;
}

base::Result<void> CheckNamesNoFile(const api::Request& request) {
  if (request.door == api::Door::kUnixSocket) return {};
  for (const char* name : {"video", "model_pack"}) {
    if (!request.body.contains(name)) continue;
    return domain::MakeError(
        domain::reason::kForbidden, fmt::format("{} cannot be named over TCP", name),
        "add the video with `rollcall episodes add VIDEO`, and name the episode's key here");
  }
  return {};
}

}  // namespace rollcall::app
