#pragma once

#include <string>
#include <vector>

#include "api/job_view.h"
#include "api/stage_text.h"
#include "cli/terminal.h"

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
std::vector<std::string> ProgressLines(const api::JobView& job, const Terminal& terminal,
                                       double elapsed_s);

// "✓", "●", "✗" …, painted.
std::string StageGlyph(const api::StageView& stage, const Paint& paint);
// A stage at work as it fits into `room` columns: its bar, and as many of its numbers as there is
// room for.
std::string LiveStageText(const api::StageView& stage, int room, const Paint& paint);
// What of a stage at work is to be said in lines of their own: "restarted, attempt 2".
std::vector<std::string> TroublesOf(const api::StageView& stage);

using api::DescribeNumbers;
using api::TroubleText;  // Others are found by the job or stage that they speak of.

}  // namespace rollcall::cli
