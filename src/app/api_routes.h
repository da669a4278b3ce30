#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "control/control_server.h"
#include "jobs/engine.h"
#include "server/router.h"
#include "store/job_store.h"

namespace rollcall::app {

// What programs can ask over HTTP: docs/api.md. Each route is a function of a request and calls
// what commands call, so that both are told the same.
//
// Borrows all in it.
struct ApiParts {
  control::Service& service;  // Carries out control/protocol.h's methods.
  jobs::Engine& engine;
  store::JobStore& store;
  // What a start asks for that does not say it.
  std::string effort = "normal";
  std::filesystem::path model_pack;
  std::string provider = "cpu";
};

std::vector<server::Route> ApiRoutes(const ApiParts& parts);

}  // namespace rollcall::app
