#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace rollcall::app {

// The API's own description: OpenAPI 3.1, of openapi.json beside this file.
std::string_view OpenApiText();
const base::Json& OpenApi();

// The same as a page to read, with nothing from elsewhere and no script.
std::string ApiDocsPage(const base::Json& api);

}  // namespace rollcall::app
