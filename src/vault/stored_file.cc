#include "vault/stored_file.h"

#include <fmt/format.h>

#include "domain/reasons.h"

namespace rollcall::vault {

StoredFile FileOf(const domain::Artifact& artifact) {
  return {.path = artifact.path, .size_bytes = artifact.size_bytes, .sha256 = artifact.sha256};
}

StoredFile FileOf(const domain::Segment& segment) {
  return {.path = segment.path, .size_bytes = segment.size_bytes, .sha256 = segment.sha256};
}

bool IsInside(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t end = path.find('/');
    const std::string_view name = path.substr(0, end);
    if (name.empty() || name == "." || name == "..") return false;
    if (end == std::string_view::npos) return true;
    path.remove_prefix(end + 1);
  }
}

base::Error NotAsDescribed(std::string_view path, std::string_view what) {
  return domain::MakeError(domain::reason::kArtifactCorrupt, fmt::format("{} {}", path, what));
}

base::Result<void> CheckInside(std::string_view path) {
  if (IsInside(path)) return {};
  return NotAsDescribed(path, "is not inside the data directory");
}

base::Result<void> CompareSize(const StoredFile& file, std::int64_t size_bytes) {
  if (size_bytes == file.size_bytes) return {};
  return NotAsDescribed(file.path,
                        fmt::format("has {} bytes instead of {}", size_bytes, file.size_bytes));
}

base::Result<void> CompareDigest(const StoredFile& file, const base::FileDigest& digest) {
  ROLLCALL_TRY(CompareSize(file, digest.size_bytes));
  if (digest.sha256 == file.sha256) return {};
  return NotAsDescribed(file.path, "has other bytes than were written");
}

}  // namespace rollcall::vault
