#include "base/json.h"

#include <utility>

namespace rollcall::base {
namespace {

// Writing a document out recurses once per level. None of ours comes near.
constexpr int kNestingMax = 256;

bool IsTooDeep(std::string_view text) {
  int depth = 0;
  bool is_in_text = false;
  for (std::size_t i = 0; i < text.size() && depth <= kNestingMax; ++i) {
    const char c = text[i];
    if (is_in_text) {
      if (c == '\\') ++i;
      if (c == '"') is_in_text = false;
    } else if (c == '"') {
      is_in_text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return depth > kNestingMax;
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view what) {
  if (IsTooDeep(text)) {
    return Error{.code = ErrorCode::kDataLoss,
                 .reason = "ERR_BAD_JSON",
                 .message = std::string(what) + ": it is nested too deep",
                 .hint = {}};
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& failure) {
    return Error{.code = ErrorCode::kDataLoss,
                 .reason = "ERR_BAD_JSON",
                 .message = std::string(what) + ": " + failure.what(),
                 .hint = {}};
  }
}

Json ObjectFrom(std::string_view text) {
  auto json = ParseJson(text, "json");
  return json.ok() && json->is_object() ? *std::move(json) : Json::object();
}

}  // namespace rollcall::base
