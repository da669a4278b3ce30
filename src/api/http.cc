#include "api/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/problem.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::api {
namespace {

using base::Json;

std::optional<std::string> First(const Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
  return found == fields.end() ? std::nullopt : std::optional(found->second);
}

// RFC 3986 §2.3.
bool IsUnreserved(char c) {
  constexpr std::string_view kMarks = "-._~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

std::string Encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    encoded +=
        IsUnreserved(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string Text(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::optional<std::string> Request::Query(std::string_view name) const {
  return First(query, name);
}

std::optional<std::string> Request::Field(std::string_view name) const {
  return First(fields, name);
}

std::string Request::Path() const {
  std::string text;
  for (const std::string& segment : path) text += "/" + Encoded(segment);
  return text.empty() ? "/" : text;
}

std::string Request::Target() const {
  std::string text = Path();
  char mark = '?';
  for (const auto& [name, value] : query) {
    text += std::exchange(mark, '&') + Encoded(name) + "=" + Encoded(value);
  }
  return text;
}

Request Get(std::vector<std::string> path, Fields query) {
  return {.path = std::move(path), .query = std::move(query), .door = Door::kUnixSocket};
}

Request Post(std::vector<std::string> path, Json body) {
  return {.method = "POST",
          .path = std::move(path),
          .body = std::move(body),
          .door = Door::kUnixSocket};
}

Request Delete(std::vector<std::string> path, Fields query) {
  Request request = Get(std::move(path), std::move(query));
  request.method = "DELETE";
  return request;
}

base::Result<Json> DocumentOf(const Answer& answer) {
  const bool is_problem = answer.content_type.starts_with("application/problem+json");
  if (!is_problem && !answer.content_type.starts_with("application/json")) {
    return Json{{"text", answer.body}};
  }
  auto document = base::ParseJson(answer.body, "answer");
  if (!document.ok()) return domain::MakeError(domain::reason::kProtocol, document.error().message);
  if (is_problem) return ErrorOfProblem(*document);
  return document;
}

bool NamesTag(std::string_view field, std::string_view tag) {
  while (!field.empty()) {
    std::string_view member = field.substr(0, field.find(','));
    field.remove_prefix(std::min(field.size(), member.size() + 1));
    while (member.starts_with(' ') || member.starts_with('\t')) member.remove_prefix(1);
    while (member.ends_with(' ') || member.ends_with('\t')) member.remove_suffix(1);
    if (member == "*") return true;
    if (member.starts_with("W/")) member.remove_prefix(2);
    if (member == tag) return true;
  }
  return false;
}

Answer WithTag(const Request& request, Answer answer) {
  constexpr std::size_t kDigits = 32;
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  const bool is_whole = answer.status == 200 && !answer.file && !answer.events;
  if (!is_read || !is_whole) return answer;
  const std::string tag = '"' + base::Sha256(answer.body).substr(0, kDigits) + '"';
  answer.fields.emplace_back("ETag", tag);
  // What was answered may be kept, and is to be asked for again.
  answer.fields.emplace_back("Cache-Control", "no-cache");
  const auto known = request.Field("if-none-match");
  if (!known || !NamesTag(*known, tag)) return answer;
  answer.status = 304;
  answer.body.clear();
  return answer;
}

Answer JsonAnswer(const Json& document, int status) {
  return {.status = status, .body = Text(document)};
}

Answer ProblemAnswer(const base::Error& error, std::string_view instance) {
  return {.status = StatusOf(error),
          .content_type = "application/problem+json",
          .body = Text(ProblemOf(error, instance))};
}

}  // namespace rollcall::api
