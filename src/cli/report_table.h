#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/terminal.h"

namespace rollcall::cli {

// outputs/<key>/report.json as the table that a person came for:
//
//   Person          Screen time      Share  Appearances
//   Person 1   1:23.4 ± 0.3 s        34.2%           12  ██████████████████
//
// and below it the warnings, one a line. ERR_ARTIFACT_CORRUPT when it is no report.
// A line that says of results that an older program made them.
std::string OlderResults(const Paint& paint);

base::Result<std::string> ReportTable(const base::Json& report, const Terminal& terminal);

}  // namespace rollcall::cli
