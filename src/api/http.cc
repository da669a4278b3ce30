#include "api/http.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/problem.h"

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
  for (const std::string& segment : path) {
    text += '/';
    for (const char c : segment) {
      text += IsUnreserved(c) ? std::string(1, c)
                              : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text.empty() ? "/" : text;
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
