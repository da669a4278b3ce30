#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/stage_handler.h"
#include "store/records.h"
#include "subject/subject_files.h"
#include "vault/vault.h"

namespace rollcall::jobs {

// Whether `path` is where an attempt with this token puts segments, those of its stage being in
// `folder`.
bool IsOwnSegment(std::string_view path, const std::filesystem::path& folder, std::int64_t token);

// Whether each artefact is a file that the attempt of `run` with this token has written for itself:
// below <area>/<subject>/ of its kind, and called after its token. kDataLoss / ERR_ARTIFACT_CORRUPT
// names the first that is not; a worker may not claim what another one made.
base::Result<void> CheckOwnership(std::span<const domain::Artifact> artifacts,
                                  const std::vector<subject::Area>& areas,
                                  const store::StageRun& run, std::int64_t token);

// Whether every artefact is there as its row says. As Vault::Verify, of the first that is not.
base::Result<void> CheckArtifacts(vault::Vault& vault, std::span<const domain::Artifact> artifacts,
                                  vault::Depth depth);

// How many segments from the first on are contiguous, there, and have the size and hash of their
// row. Stops at the first bad one. Reads all bytes.
struct IntactSegments {
  std::size_t count = 0;
  std::optional<base::Error> unreadable;  // Why it is not known of the next one.
};
IntactSegments CountIntactSegments(vault::Vault& vault, std::span<const domain::Segment> segments);

// What an attempt goes on from, looked at and brought to where its worker can read it.
struct FilesAtHand {
  IntactSegments segments;
  std::filesystem::path segment_shelf;
  std::vector<domain::Artifact> inputs;  // Each with its `file`.
};
// Errors of the inputs, and of bringing them here; damage to a segment is none.
base::Result<FilesAtHand> BringFiles(vault::Vault& vault, const store::LeasedTask& task,
                                     const std::filesystem::path& segment_folder);

}  // namespace rollcall::jobs
