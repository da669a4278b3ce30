#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::projection {

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

struct FilesCheckSources {
  store::JobStore& store;
  vault::Vault& vault;
  const subject::SubjectKinds& kinds;
  const std::filesystem::path& data_dir;
};

// Compares every document of a subject, meta.json, .lock and plain name of a result with the store,
// and looks for those that belong to nothing. What changes all the time (progress, heartbeats) is
// left out. One look: while an engine works, a file may be a moment behind, so look twice. Reads no
// result's bytes.
base::Result<ProjectionReport> CheckProjections(const FilesCheckSources& sources);

}  // namespace rollcall::projection
