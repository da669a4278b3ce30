#include "base/json.h"

namespace rollcall::base {

Result<Json> ParseJson(std::string_view text, std::string_view what) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& failure) {
    return Error{.code = ErrorCode::kDataLoss,
                 .reason = "ERR_BAD_JSON",
                 .message = std::string(what) + ": " + failure.what(),
                 .hint = {}};
  }
}

}  // namespace rollcall::base
