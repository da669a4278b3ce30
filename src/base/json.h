#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace rollcall::base {

using Json = nlohmann::ordered_json;

// kDataLoss / ERR_BAD_JSON with the position of the mistake; `what` names the document.
Result<Json> ParseJson(std::string_view text, std::string_view what);
// The object that `text` is; an empty one where it is none.
Json ObjectFrom(std::string_view text);

}  // namespace rollcall::base
