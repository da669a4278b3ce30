#pragma once

#include "domain/stage_handler.h"

namespace rollcall::jobs {

// Tries what the sandbox has to refuse, and what it has to leave; the result says of each what
// errno it got, 0 for success.
base::Result<domain::StageOutput> TryToEscape(domain::JobContext& context);
base::Result<domain::StageOutput> ReachForFiles(domain::JobContext& context);

}  // namespace rollcall::jobs
