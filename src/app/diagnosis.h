#pragma once

#include <string>
#include <vector>

#include "api/job_view.h"
#include "jobs/runtime_times.h"

namespace rollcall::app {

// Why a job is where it is and what to do about it, in sentences for a person.
struct Diagnosis {
  std::vector<std::string> findings;  // Never empty.
  std::string advice;                 // A command or "nothing to do".
};

// `times`: those of the engine that works, or would.
Diagnosis Diagnose(const api::JobView& job, const jobs::RuntimeTimes& times);

}  // namespace rollcall::app
