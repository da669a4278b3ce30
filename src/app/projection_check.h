#pragma once

#include <string>
#include <vector>

#include "app/data_directory.h"
#include "base/result.h"
#include "store/job_store.h"

namespace rollcall::app {

// One file that does not say what the store says.
struct ProjectionProblem {
  std::string path;    // In the data directory.
  std::string kind;    // "missing", "differs", "left over"
  std::string detail;  // "states/detected is true, the store says false"; may be empty.

  friend bool operator==(const ProjectionProblem&, const ProjectionProblem&) = default;
};

struct ProjectionReport {
  int compared = 0;  // Files, links and places where nothing may be.
  std::vector<ProjectionProblem> problems;
};

// Compares every state.json, runtime.json, meta.json, .lock and plain name of a result with the
// store, and looks for those that belong to nothing. What changes all the time (progress,
// heartbeats) is left out. One look: while an engine works, a file may be a moment behind, so look
// twice. Reads no result's bytes.
base::Result<ProjectionReport> CheckProjections(store::JobStore& store, const DataDirectory& data);

}  // namespace rollcall::app
