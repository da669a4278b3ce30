// The engine itself, and what only commands may do: at the unix socket alone.
#include <string>
#include <utility>

#include "api/params.h"
#include "app/api_docs.h"
#include "app/api_routes.h"

namespace rollcall::app {
namespace {

using api::Answer;
using api::Request;
using base::Json;
using base::Result;
using Segments = std::vector<std::string>;

class Engine {
 public:
  explicit Engine(const ApiParts& parts) : parts_(parts) {}

  Result<Answer> Hello() const {
    ROLLCALL_TRY_ASSIGN(const Json hello, parts_.service != nullptr ? parts_.service->Hello()
                                                                    : parts_.queries.Hello());
    return api::JsonAnswer(hello);
  }
  Result<Answer> Ready() const {
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json hello, owner->Hello());
    return api::JsonAnswer({{"ready", true}, {"is_working", hello.at("is_working")}});
  }
  Result<Answer> Metrics() const {
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(std::string text, owner->Metrics());
    return Answer{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = std::move(text)};
  }
  Result<Answer> Tell(Result<Json> (EngineService::*what)()) const {
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json document, (owner->*what)());
    return api::JsonAnswer(document);
  }
  Result<Answer> Settle(const Request& request) const {
    ROLLCALL_TRY_ASSIGN(const std::int64_t id, api::IntegerParam(request.body, "job_id", 0));
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json document, owner->JobSettle(std::to_string(id)));
    return api::JsonAnswer(document);
  }
  Result<Answer> Check(Result<Json> (StoreQueries::*what)()) const {
    ROLLCALL_TRY_ASSIGN(const Json document, (parts_.queries.*what)());
    return api::JsonAnswer(document);
  }

 private:
  ApiParts parts_;
};

}  // namespace

std::vector<server::Route> EngineRoutes(const ApiParts& parts) {
  const Engine engine(parts);
  constexpr auto kUnix = server::Route::From::kUnixSocket;
  const auto tell = [engine](const char* pattern, Result<Json> (EngineService::*what)()) {
    return server::Route{
        .method = "POST",
        .pattern = pattern,
        .run = [engine, what](const Segments&, const Request&) { return engine.Tell(what); },
        .from = kUnix};
  };
  const auto check = [engine](const char* pattern, Result<Json> (StoreQueries::*what)()) {
    return server::Route{
        .method = "GET",
        .pattern = pattern,
        .run = [engine, what](const Segments&, const Request&) { return engine.Check(what); },
        .from = kUnix};
  };
  return {
      {.method = "GET",
       .pattern = "/healthz",
       .run =
           [](const Segments&, const Request&) {
             return api::JsonAnswer({{"ok", true}});
           }},
      {.method = "GET",
       .pattern = "/readyz",
       .run = [engine](const Segments&, const Request&) { return engine.Ready(); }},
      {.method = "GET",
       .pattern = "/metrics",
       .run = [engine](const Segments&, const Request&) { return engine.Metrics(); }},
      {.method = "GET",
       .pattern = "/api/openapi.json",
       .run = [](const Segments&,
                 const Request&) { return Answer{.body = std::string(OpenApiText())}; }},
      {.method = "GET",
       .pattern = "/api/docs",
       .run =
           [](const Segments&, const Request&) {
             return Answer{.fields = {{"Content-Security-Policy",
                                       "default-src 'none'; style-src 'unsafe-inline'"}},
                           .content_type = "text/html; charset=utf-8",
                           .body = ApiDocsPage(OpenApi())};
           }},
      {.method = "GET",
       .pattern = "/api/engine/hello",
       .run = [engine](const Segments&, const Request&) { return engine.Hello(); },
       .from = kUnix},
      tell("/api/engine/work", &EngineService::Work),
      tell("/api/engine/detach", &EngineService::Detach),
      tell("/api/engine/leave", &EngineService::Leave),
      {.method = "POST",
       .pattern = "/api/engine/settle",
       .run = [engine](const Segments&, const Request& request) { return engine.Settle(request); },
       .from = kUnix},
      check("/api/engine/check-store", &StoreQueries::StoreCheck),
      check("/api/engine/check-files", &StoreQueries::FilesCheck),
  };
}

}  // namespace rollcall::app
