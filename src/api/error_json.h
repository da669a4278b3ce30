#pragma once

#include "base/error.h"
#include "base/json.h"

namespace rollcall::api {

// {code, reason, message, hint}: an Error as a document, both ways. ErrorFromJson never fails:
// what is missing becomes empty, an unknown code kInternal.
base::Json ErrorToJson(const base::Error& error);
base::Error ErrorFromJson(const base::Json& json);

}  // namespace rollcall::api
