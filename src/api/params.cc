#include "api/params.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "domain/reasons.h"

namespace rollcall::api {
namespace {

using base::Json;
using base::Result;

const Json* ParamOf(const Json& params, std::string_view name) {
  if (!params.is_object()) return nullptr;
  const auto found = params.find(std::string(name));
  return found == params.end() || found->is_null() ? nullptr : &*found;
}

base::Error WrongType(std::string_view name, std::string_view wanted) {
  return domain::MakeError(domain::reason::kBadRequest,
                           fmt::format("'{}' must be {}", name, wanted));
}

}  // namespace

Result<std::string> TextParam(const Json& params, std::string_view name, std::string fallback) {
  const Json* member = ParamOf(params, name);
  if (member == nullptr) return fallback;
  if (!member->is_string()) return WrongType(name, "a text");
  return member->get<std::string>();
}

Result<std::int64_t> IntegerParam(const Json& params, std::string_view name,
                                  std::int64_t fallback) {
  const Json* member = ParamOf(params, name);
  if (member == nullptr) return fallback;
  if (!member->is_number_integer()) return WrongType(name, "a whole number");
  return member->get<std::int64_t>();
}

Result<bool> FlagParam(const Json& params, std::string_view name, bool fallback) {
  const Json* member = ParamOf(params, name);
  if (member == nullptr) return fallback;
  if (!member->is_boolean()) return WrongType(name, "true or false");
  return member->get<bool>();
}

Result<std::int64_t> IntegerQuery(const Request& request, std::string_view name,
                                  std::int64_t fallback, std::int64_t least) {
  const auto text = request.Query(name);
  if (!text) return fallback;
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, number);
  if (failure == std::errc{} && stop == end && number >= least) return number;
  return domain::MakeError(domain::reason::kBadRequest,
                           fmt::format("{} is no number of at least {}", name, least), "");
}

}  // namespace rollcall::api
