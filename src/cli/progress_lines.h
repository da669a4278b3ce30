#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"
#include "control/job_view.h"

namespace rollcall::cli {

// A job as lines for a terminal, one per stage:
//
//   rhobh_s05_e03                                              analyze · 0:42
//   ✓ validate   0.1 s
//   ● detect     ━━━━━━━━━━━━━╸─────────  54%  6 804/12 600 frames  8.5×  1:02 left  ♥ 1 s
//   ○ track
//
// `elapsed_s`: since the command began. No line is wider than the terminal. Pure: the same view
// gives the same lines.
std::vector<std::string> ProgressLines(const control::JobView& job, const Terminal& terminal,
                                       double elapsed_s);

// What happened to a stage, in words for a log: "ok in 42 s (5678 faces detected)".
std::string StageSummary(const control::StageView& stage);
// Where a running stage is: "54%, 6804/12600 frames, 8.5x real time, 1:02 left, heartbeat 1 s ago".
std::string StageProgress(const control::StageView& stage);
// "5678 faces detected, 812 embeddings computed": the whole numbers of a result or of counters.
std::string DescribeNumbers(const base::Json& numbers);

}  // namespace rollcall::cli
