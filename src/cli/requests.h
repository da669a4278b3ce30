#pragma once

#include <string>

#include "api/http.h"
#include "base/result.h"

namespace rollcall::cli {

// What a command asks the engine about something that a person has typed. What can be no part of a
// path is refused here, as the engine would.

// A job by its name or its number: GET of what is to be read of it, or POST of `verb`.
// ERR_JOB_NOT_FOUND.
enum class Reading { kAll, kDiagnosis, kLog };
base::Result<api::Request> OfJob(const std::string& typed, Reading reading = Reading::kAll);
base::Result<api::Request> OfJob(const std::string& typed, const char* verb);

// GET of an episode, by any spelling of its key. ERR_BAD_EPISODE_KEY.
base::Result<api::Request> OfEpisode(const std::string& typed);

}  // namespace rollcall::cli
