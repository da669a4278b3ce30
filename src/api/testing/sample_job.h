#pragma once

#include <cstdint>

#include "api/job_view.h"

namespace rollcall::api::testing {

// A job with one running stage.
JobView SampleJob(std::int64_t id);

}  // namespace rollcall::api::testing
