#include "server/router.h"

#include <fmt/format.h>

#include <exception>
#include <set>
#include <utility>

#include "base/shown_text.h"
#include "domain/reasons.h"

namespace rollcall::server {
namespace {

using api::Answer;
using api::Request;
using base::Result;
namespace reason = domain::reason;

bool IsVariable(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

// The values of the variables, where `path` is of the pattern.
std::optional<std::vector<std::string>> PartsOf(std::string_view pattern,
                                                const std::vector<std::string>& path) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const std::string_view segment = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(segment.size());
    if (segment.empty()) break;  // "/"
    if (at == path.size()) return std::nullopt;
    if (IsVariable(segment)) {
      parts.push_back(path[at]);
    } else if (segment != path[at]) {
      return std::nullopt;
    }
    ++at;
  }
  if (at != path.size()) return std::nullopt;
  return parts;
}

bool IsAt(const Route& route, const Request& request) {
  return route.from == Route::From::kAnywhere || request.door == api::Door::kUnixSocket;
}

bool Changes(const Request& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

// A page elsewhere can make a browser send requests here; the browser says so.
Result<void> CheckOrigin(const Request& request) {
  if (!Changes(request) || request.door == api::Door::kUnixSocket) return {};
  const auto site = request.Field("sec-fetch-site");
  const bool is_cross = site && *site != "same-origin" && *site != "none";
  const auto origin = request.Field("origin");
  const std::string host = request.Field("host").value_or("");
  const bool is_ours = !origin || *origin == "http://" + host || *origin == "https://" + host;
  if (is_ours && !is_cross) return {};
  return domain::MakeError(reason::kForbidden,
                           fmt::format("a page of {} may change nothing here",
                                       base::Shown(origin.value_or("another site"))));
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

Result<Router::Match> Router::Find(const Request& request) const {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  bool is_there = false;
  for (const Route& route : routes_) {
    if (!IsAt(route, request)) continue;
    auto parts = PartsOf(route.pattern, request.path);
    if (!parts) continue;
    is_there = true;
    if (route.method == method) return Match{.route = &route, .parts = std::move(*parts)};
  }
  if (!is_there) {
    return domain::MakeError(reason::kNoSuchResource,
                             fmt::format("there is no {}", base::Shown(request.Path())));
  }
  return domain::MakeError(
      reason::kMethodNotAllowed,
      fmt::format("{} is not for {}", base::Shown(request.method), base::Shown(request.Path())));
}

std::string Router::Allowed(const Request& request) const {
  std::set<std::string> methods;
  for (const Route& route : routes_) {
    if (!IsAt(route, request) || !PartsOf(route.pattern, request.path)) continue;
    methods.insert(route.method);
    if (route.method == "GET") methods.insert("HEAD");
  }
  return fmt::format("{}", fmt::join(methods, ", "));
}

Answer Router::Run(const Request& request) const {
  const auto attempt = [&]() -> Result<Answer> {
    ROLLCALL_TRY_ASSIGN(const Match match, Find(request));
    ROLLCALL_TRY(CheckOrigin(request));
    return match.route->run(match.parts, request);
  };
  try {
    auto answer = attempt();
    if (answer.ok()) return api::WithTag(request, *std::move(answer));
    Answer problem = api::ProblemAnswer(answer.error(), request.Path());
    if (answer.error().reason == reason::kMethodNotAllowed) {
      problem.fields.emplace_back("Allow", Allowed(request));
    }
    return problem;
  } catch (const std::exception& thrown) {
    return api::ProblemAnswer(domain::MakeError(reason::kInternal, thrown.what()), request.Path());
  }
}

}  // namespace rollcall::server
