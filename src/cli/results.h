#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/session.h"
#include "domain/stage_handler.h"

namespace rollcall::cli {

// The last good results of an episode, as the engine's store has them. Read from the files of the
// run itself, not through the plain-name links, which the projector sets a moment later.

// A path as the store has it (base/path_text.h), for a person.
std::string ShownPath(const base::Json& stored);

// Of one stage in an answer of episode.show.
std::vector<domain::Artifact> ArtifactsOf(const base::Json& stage);

// Absolute path of the result `name` ("outputs/<key>/report.json"), its bytes verified.
// ERR_EPISODE_NOT_REGISTERED; ERR_PREREQ_FAILED when there is no such result yet;
// ERR_ARTIFACT_CORRUPT.
base::Result<std::filesystem::path> FindResult(Session& session, const std::string& key,
                                               const std::string& name);

// outputs/<key>/report.json. Errors as FindResult.
base::Result<base::Json> ReadReport(Session& session, const std::string& key);

// The report as a table, and where the files are.
base::Result<void> PrintReport(const Session& session, const base::Json& report);

}  // namespace rollcall::cli
