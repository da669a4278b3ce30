#pragma once

#include <string>
#include <vector>

#include "api/job_view.h"
#include "base/json.h"
#include "jobs/runtime_times.h"

namespace rollcall::cli {

// Why a job is where it is and what to do about it, in sentences for a person.
struct Diagnosis {
  std::vector<std::string> findings;  // Never empty.
  std::string advice;                 // A command or "nothing to do".
};

// `times`: those of the engine that works, or would.
Diagnosis Diagnose(const api::JobView& job, const jobs::RuntimeTimes& times);

// The `runtime` of an answer to engine.hello; what it does not name is the product's own.
jobs::RuntimeTimes TimesFrom(const base::Json& runtime);

}  // namespace rollcall::cli
