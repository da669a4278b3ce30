#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/engine_service.h"
#include "app/event_log.h"
#include "app/store_queries.h"
#include "base/error.h"
#include "jobs/engine.h"
#include "server/router.h"
#include "store/job_store.h"

namespace rollcall::app {

// What everybody can ask: docs/api.md. Each route is a function of a request, whether it came over
// HTTP or from a command that looks at the store itself.
//
// Borrows all in it.
struct ApiParts {
  StoreQueries& queries;
  EngineService* service = nullptr;  // Null where nobody owns the data directory; then whoever
  base::Error refusal = {};          // would change something meets this.
  jobs::Engine& engine;
  store::JobStore& store;
  EventLog& log;
  // What a start asks for that does not say it.
  std::string effort = "normal";
  std::filesystem::path model_pack = {};
  std::string provider = "cpu";

  // ERR_PERMISSION, or what `refusal` is.
  base::Result<EngineService*> Owner() const {
    if (service == nullptr) return refusal;
    return service;
  }
};

std::vector<server::Route> ApiRoutes(const ApiParts& parts);

// Parts of it.
std::vector<server::Route> EpisodeRoutes(const ApiParts& parts);
std::vector<server::Route> JobRoutes(const ApiParts& parts);
std::vector<server::Route> EngineRoutes(const ApiParts& parts);
std::vector<server::Route> PeopleRoutes(const ApiParts& parts);

// Over TCP nobody names a file of this host: it could be any. ERR_FORBIDDEN.
base::Result<void> CheckNamesNoFile(const api::Request& request);

}  // namespace rollcall::app
