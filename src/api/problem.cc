#include "api/problem.h"

#include <algorithm>
#include <array>

#include "api/error_json.h"
#include "domain/reasons.h"

namespace rollcall::api {
namespace {

using base::ErrorCode;
using base::Json;
namespace reason = domain::reason;

struct OfReason {
  std::string_view reason;
  int status;
};
constexpr std::array<OfReason, 10> kOfReasons{{
    {reason::kForbidden, 403},
    {reason::kMethodNotAllowed, 405},
    {reason::kRequestTimeout, 408},
    {reason::kJobAlreadyRunning, 409},
    {reason::kTooLarge, 413},
    {reason::kUnsupportedMedia, 415},
    {reason::kMisdirected, 421},
    {reason::kHeadTooLarge, 431},
    {reason::kTooManyOpenFiles, 503},
    {reason::kIdempotencyKeyReused, 422},
}};

struct OfCode {
  ErrorCode code;
  int status;
};
constexpr std::array<OfCode, 10> kOfCodes{{
    {ErrorCode::kInvalidArgument, 400},
    {ErrorCode::kNotFound, 404},
    {ErrorCode::kAlreadyExists, 409},
    {ErrorCode::kFailedPrecondition, 409},
    {ErrorCode::kUnavailable, 503},
    {ErrorCode::kResourceExhausted, 507},
    {ErrorCode::kCancelled, 409},
    {ErrorCode::kDataLoss, 500},
    {ErrorCode::kUnimplemented, 501},
    {ErrorCode::kInternal, 500},
}};

struct Title {
  int status;
  std::string_view text;
};
constexpr std::array<Title, 24> kTitles{{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
}};

}  // namespace

int StatusOf(const base::Error& error) {
  const auto* const by_reason = std::ranges::find(kOfReasons, error.reason, &OfReason::reason);
  if (by_reason != kOfReasons.end()) return by_reason->status;
  const auto* const by_code = std::ranges::find(kOfCodes, error.code, &OfCode::code);
  return by_code != kOfCodes.end() ? by_code->status : 500;
}

std::string_view StatusTitle(int status) {
  const auto* const found = std::ranges::find(kTitles, status, &Title::status);
  return found != kTitles.end() ? found->text : std::string_view();
}

Json ProblemOf(const base::Error& error, std::string_view instance) {
  const int status = StatusOf(error);
  const Json parts = ErrorToJson(error);
  return {{"type", "about:blank"},    {"title", StatusTitle(status)},
          {"status", status},         {"detail", parts.at("message")},
          {"instance", instance},     {"reason", parts.at("reason")},
          {"code", parts.at("code")}, {"hint", parts.at("hint")}};
}

base::Error ErrorOfProblem(const Json& problem) {
  Json parts = problem.is_object() ? problem : Json::object();
  if (const auto detail = parts.find("detail"); detail != parts.end()) {
    Json text = *detail;
    parts["message"] = std::move(text);
  }
  return ErrorFromJson(parts);
}

}  // namespace rollcall::api
