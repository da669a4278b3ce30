#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/exit_code.h"
#include "cli/session.h"
#include "cli/video_list.h"
#include "episode/stages/episode_planner.h"

namespace rollcall::cli {

// `rollcall analyze` of folders and of several files: docs/analyze-many.md.

// Whether these arguments are a queue, as opposed to one file.
bool IsQueue(const std::vector<std::string>& typed);

// Analyses each by `request`, says what came of it, and ends when all have ended.
base::Result<ExitCode> AnalyzeMany(Session& session, VideoList list,
                                   const episode::StartRequest& request);

// Says of a list of which nothing can be analysed why.
ExitCode ReportHopeless(const GlobalFlags& flags, VideoList list);

}  // namespace rollcall::cli
