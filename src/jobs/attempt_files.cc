#include "jobs/attempt_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "domain/reasons.h"

namespace rollcall::jobs {

namespace fs = std::filesystem;
using base::Result;

bool IsOwnSegment(std::string_view path, const fs::path& folder, std::int64_t token) {
  const fs::path parts{path};
  return vault::IsInside(path) && parts.parent_path() == folder &&
         parts.filename().string().find(fmt::format(".t{}.", token)) != std::string::npos;
}

Result<void> CheckOwnership(std::span<const domain::Artifact> artifacts,
                            const std::vector<subject::Area>& areas, const store::StageRun& run,
                            std::int64_t token) {
  for (const domain::Artifact& artifact : artifacts) {
    const fs::path name{artifact.name};
    const bool is_of_subject =
        vault::IsInside(artifact.name) && std::distance(name.begin(), name.end()) > 2 &&
        std::ranges::count(areas, name.begin()->string(), &subject::Area::name) > 0 &&
        *std::next(name.begin()) == run.subject.id;
    if (is_of_subject && artifact.path == fmt::format("{}.g{}", artifact.name, token)) continue;
    return domain::MakeError(domain::reason::kArtifactCorrupt,
                             fmt::format("{} is no file that this attempt of {} may have made",
                                         artifact.path, run.job_name()));
  }
  return {};
}

Result<void> CheckArtifacts(vault::Vault& vault, std::span<const domain::Artifact> artifacts,
                            vault::Depth depth) {
  for (const domain::Artifact& artifact : artifacts) {
    ROLLCALL_TRY(vault::CheckInside(artifact.name));
    ROLLCALL_TRY(vault.Verify(vault::FileOf(artifact), depth));
  }
  return {};
}

IntactSegments CountIntactSegments(vault::Vault& vault, std::span<const domain::Segment> segments) {
  IntactSegments intact;
  for (const domain::Segment& segment : segments) {
    if (segment.number != static_cast<std::int64_t>(intact.count)) break;
    // Without a file its resume_blob holds everything.
    const auto checked = segment.path.empty()
                             ? Result<void>()
                             : vault.Verify(vault::FileOf(segment), vault::Depth::kBytes);
    if (!checked.ok() && checked.error().reason != domain::reason::kArtifactCorrupt) {
      intact.unreadable = checked.error();
    }
    if (!checked.ok()) break;
    ++intact.count;
  }
  return intact;
}

Result<FilesAtHand> BringFiles(vault::Vault& vault, const store::LeasedTask& task,
                               const fs::path& segment_folder) {
  FilesAtHand files{.segments = CountIntactSegments(vault, task.segments),
                    .segment_shelf = {},
                    .inputs = task.inputs};
  ROLLCALL_TRY(CheckArtifacts(vault, files.inputs, vault::Depth::kBytes));
  ROLLCALL_TRY_ASSIGN(files.segment_shelf, vault.Shelf(segment_folder.string()));
  for (domain::Artifact& input : files.inputs) {
    ROLLCALL_TRY_ASSIGN(input.file, vault.Fetch(input.path));
  }
  return files;
}

}  // namespace rollcall::jobs
