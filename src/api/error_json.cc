#include "api/error_json.h"

#include <string>
#include <string_view>

#include "base/shown_text.h"

namespace rollcall::api {

using base::Json;

Json ErrorToJson(const base::Error& error) {
  return {{"code", base::ErrorCodeName(error.code)},
          {"reason", error.reason},
          {"message", base::ShownBytes(error.message)},
          {"hint", base::ShownBytes(error.hint)}};
}

base::Error ErrorFromJson(const Json& json) {
  const auto text = [&](std::string_view name) {
    const auto member = json.find(std::string(name));
    return json.is_object() && member != json.end() && member->is_string()
               ? member->get<std::string>()
               : std::string{};
  };
  return {.code = base::ErrorCodeFromName(text("code")),
          .reason = text("reason"),
          .message = text("message"),
          .hint = text("hint")};
}

}  // namespace rollcall::api
