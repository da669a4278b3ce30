#pragma once

#include <string>
#include <vector>

#include "api/job_view.h"
#include "base/json.h"
#include "cli/terminal.h"

namespace rollcall::cli {

// All that is known of a stage that runs, or ran when the last engine ended, a fact a line:
//
//   phase        work; 2.1 s of the 30 s that it may go without progress are used
//   heartbeat    0.4 s ago
//   progress     0.2 s ago, 6804/12600 frames
//   rate         340 frames/s, 8.5x real time
//   left         1:02 (p50), 1:20 (p90)
//   checkpoints  7
//
// Empty for a stage without an attempt.
std::string LiveDetails(const api::StageView& stage, bool is_worked_on);

// The attempts of each stage, oldest first; empty without any.
std::string AttemptTable(const std::vector<api::StageView>& stages, const Paint& paint);

// What an event of the store says, in words: "detect, attempt 2, ERR_STALLED: no change of …".
std::string EventText(const base::Json& body);

// "2026-11-22 01:45:56" of an ISO time; what is no time stays as it is.
std::string ShortTime(const std::string& iso);

}  // namespace rollcall::cli
