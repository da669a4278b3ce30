#include "control/protocol.h"

#include "api/error_json.h"
#include "base/shown_text.h"
#include "domain/reasons.h"

namespace rollcall::control {
namespace {

using base::Json;
using base::Result;
using domain::MakeError;
namespace reason = domain::reason;

// JSON-RPC wants a number too; ours says nothing that `data` does not.
constexpr int kServerError = -32000;

std::string Line(const Json& document) {
  // A path travels as base::PathToText; other bytes that are no UTF-8 are replaced, never thrown
  // over.
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

const Json* Member(const Json& params, std::string_view name) {
  if (!params.is_object()) return nullptr;
  const auto found = params.find(std::string(name));
  return found == params.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

Result<Request> ParseRequest(std::string_view line) {
  auto document = base::ParseJson(line, "request");
  if (!document.ok()) return MakeError(reason::kBadRequest, document.error().message);
  if (!document->is_object()) return MakeError(reason::kBadRequest, "a request is a JSON object");
  const Json* version = Member(*document, "jsonrpc");
  if (version == nullptr || *version != "2.0") {
    return MakeError(reason::kBadRequest, "a request says \"jsonrpc\": \"2.0\"");
  }
  const Json* id = Member(*document, "id");
  if (id == nullptr || !(id->is_number_integer() || id->is_string())) {
    return MakeError(reason::kBadRequest, "a request has an id, a whole number or a string");
  }
  const Json* method = Member(*document, "method");
  if (method == nullptr || !method->is_string()) {
    return MakeError(reason::kBadRequest, "a request names its method");
  }
  Request request{.id = *id, .method = method->get<std::string>()};
  if (const Json* params = Member(*document, "params")) {
    if (!params->is_object()) return MakeError(reason::kBadRequest, "params must be an object");
    request.params = *params;
  }
  return request;
}

std::string RequestLine(const Request& request) {
  return Line({{"jsonrpc", "2.0"},
               {"id", request.id},
               {"method", request.method},
               {"params", request.params}});
}

std::string ResultLine(const Json& id, const Json& result) {
  return Line({{"jsonrpc", "2.0"}, {"id", id}, {"result", result}});
}

std::string ErrorLine(const Json& id, const base::Error& error) {
  return Line({{"jsonrpc", "2.0"},
               {"id", id},
               {"error",
                {{"code", kServerError},
                 {"message", base::ShownBytes(error.message)},
                 {"data", api::ErrorToJson(error)}}}});
}

std::string NotificationLine(const Notification& notification) {
  return Line(
      {{"jsonrpc", "2.0"}, {"method", notification.method}, {"params", notification.params}});
}

}  // namespace rollcall::control
