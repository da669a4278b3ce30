#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/http.h"
#include "base/json.h"
#include "base/result.h"

namespace rollcall::api {

// Member `name` of an object as the type of `fallback`; `fallback` if it is missing or null.
// kInvalidArgument / ERR_BAD_REQUEST when it is there with another type.
base::Result<std::string> TextParam(const base::Json& params, std::string_view name,
                                    std::string fallback);
base::Result<std::int64_t> IntegerParam(const base::Json& params, std::string_view name,
                                        std::int64_t fallback);
base::Result<bool> FlagParam(const base::Json& params, std::string_view name, bool fallback);

// A query's whole number, none below `least`; `fallback` where there is none. kInvalidArgument /
// ERR_BAD_REQUEST.
base::Result<std::int64_t> IntegerQuery(const Request& request, std::string_view name,
                                        std::int64_t fallback, std::int64_t least = 0);

}  // namespace rollcall::api
