#include "artifacts/artifact_folder.h"

#include <unistd.h>

#include <system_error>

#include "artifacts/output_file.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;

bool IsInside(const fs::path& relative) {
  if (relative.empty() || relative.is_absolute() || !relative.has_filename()) return false;
  for (const fs::path& part : relative) {
    if (part == ".." || part == ".") return false;
  }
  return true;
}

std::string TokenName(std::string_view name, std::int64_t token) {
  return std::string(name) + ".g" + std::to_string(token);
}

}  // namespace

base::Result<fs::path> ArtifactFolder::PathFor(std::string_view name) const {
  if (!IsInside(name)) {
    return domain::MakeError(
        reason::kBadParams,
        "'" + std::string(name) + "' is no name of a file in the data directory");
  }
  std::error_code failure;
  const fs::path root = fs::absolute(staging_dir_, failure);
  fs::path path = root / TokenName(name, token_);
  if (failure) return base::ErrnoError(failure.value(), "find", staging_dir_);
  ROLLCALL_TRY(base::MakeFoldersIn(root, path.parent_path()));
  return path;
}

base::Result<domain::Artifact> ArtifactFolder::Seal(std::string_view name,
                                                    std::int64_t count) const {
  ROLLCALL_TRY_ASSIGN(const fs::path path, PathFor(name));
  const auto seal = [&]() -> base::Result<base::FileDigest> {
    ROLLCALL_TRY(base::SyncFile(path, on_bytes_));
    ROLLCALL_TRY(base::Failpoint("artefact.synced"));
    return base::DigestFile(path, on_bytes_);
  };
  auto digest = seal();
  if (!digest.ok()) {
    ::unlink(path.c_str());
    return std::move(digest).error();
  }
  return domain::Artifact{.name = std::string(name),
                          .path = TokenName(name, token_),
                          .size_bytes = digest->size_bytes,
                          .sha256 = std::move(digest->sha256),
                          .count = count};
}

base::Result<domain::Artifact> ArtifactFolder::Write(std::string_view name, std::string_view bytes,
                                                     std::int64_t count) const {
  ROLLCALL_TRY_ASSIGN(const fs::path path, PathFor(name));
  ROLLCALL_TRY_ASSIGN(OutputFile file, OutputFile::Create(path));
  ROLLCALL_TRY(file.Append(bytes));
  ROLLCALL_TRY(file.Close());
  return Seal(name, count);
}

base::Result<domain::Artifact> FindInput(const domain::StageAssignment& assignment,
                                         std::string_view name) {
  for (const domain::Artifact& input : assignment.inputs) {
    if (input.name == name) return input;
  }
  return domain::MakeError(
      reason::kPrereqFailed,
      assignment.stage + " of " + assignment.subject_id + " needs " + std::string(name) +
          ", which is not there",
      "`rollcall jobs start analyze " + assignment.subject_id + " --force` makes it again");
}

}  // namespace rollcall::artifacts
