#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "domain/stage_handler.h"
#include "store/records.h"

namespace rollcall::jobs {

// Whether `path` is where the attempt of `run` with this token puts segments.
bool IsOwnSegment(std::string_view path, const store::StageRun& run, std::int64_t token);

// Whether each artefact is a file that the attempt of `run` with this token has written for itself:
// below <folder>/<subject>/, and called after its token. kDataLoss / ERR_ARTIFACT_CORRUPT names the
// first that is not; a worker may not claim what another one made.
base::Result<void> CheckOwnership(std::span<const domain::Artifact> artifacts,
                                  const store::StageRun& run, std::int64_t token);

}  // namespace rollcall::jobs
