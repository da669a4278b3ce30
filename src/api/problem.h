#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace rollcall::api {

// An Error as HTTP tells it (RFC 9457): {type, title, status, detail, instance} and ours: reason,
// code, hint. Nothing of the error is lost on the way.

// The one table: by reason where HTTP has a status of its own for it, else by code.
int StatusOf(const base::Error& error);
// "Not Found"; "" for a status that is not in the table of those that we send.
std::string_view StatusTitle(int status);

// `instance`: the path that was asked for.
base::Json ProblemOf(const base::Error& error, std::string_view instance);
// Never fails, as ErrorFromJson.
base::Error ErrorOfProblem(const base::Json& problem);

}  // namespace rollcall::api
