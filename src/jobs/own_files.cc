#include "jobs/own_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <iterator>
#include <string>

#include "domain/reasons.h"
#include "vault/file_check.h"
#include "worker/segment_file.h"

namespace rollcall::jobs {

namespace fs = std::filesystem;

bool IsOwnSegment(std::string_view path, const store::StageRun& run, std::int64_t token) {
  const fs::path parts{path};
  return vault::IsInside(path) &&
         parts.parent_path() == worker::SegmentFolder(run.subject.id, run.name) &&
         parts.filename().string().find(fmt::format(".t{}.", token)) != std::string::npos;
}

base::Result<void> CheckOwnership(std::span<const domain::Artifact> artifacts,
                                  const store::StageRun& run, std::int64_t token) {
  for (const domain::Artifact& artifact : artifacts) {
    const fs::path name{artifact.name};
    const bool is_of_subject = vault::IsInside(artifact.name) &&
                               std::distance(name.begin(), name.end()) > 2 &&
                               *std::next(name.begin()) == run.subject.id;
    if (is_of_subject && artifact.path == fmt::format("{}.g{}", artifact.name, token)) continue;
    return domain::MakeError(domain::reason::kArtifactCorrupt,
                             fmt::format("{} is no file that this attempt of {} may have made",
                                         artifact.path, run.public_id()));
  }
  return {};
}

}  // namespace rollcall::jobs
