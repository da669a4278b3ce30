#pragma once

#include <string>
#include <vector>

#include "control/job_view.h"

namespace rollcall::cli {

// Why a job is where it is and what to do about it, in sentences for a person.
struct Diagnosis {
  std::vector<std::string> findings;  // Never empty.
  std::string advice;                 // A command or "nothing to do".
};

// `is_worked_on`: an engine of this data directory takes work.
Diagnosis Diagnose(const control::JobView& job, bool is_worked_on);

}  // namespace rollcall::cli
