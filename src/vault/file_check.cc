#include "vault/file_check.h"

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <system_error>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;

struct Claimed {
  std::string_view path;
  std::int64_t size_bytes;
  std::string_view sha256;
};

// Empty when the file is as claimed, else what is wrong with it. An error where that cannot be
// found out: it says nothing about the file.
base::Result<std::string> WhatIsWrong(const fs::path& data_dir, const Claimed& claimed,
                                      const base::DigestFunction& digest_of) {
  if (!IsInside(claimed.path)) return std::string("is not inside the data directory");
  const fs::path path = data_dir / claimed.path;
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::none) {
    return base::ErrnoError(failure.value(), "look at", path);
  }
  // A folder may be an artefact too: its digest is over its entries.
  if (!fs::is_regular_file(status) && !fs::is_directory(status)) {
    return std::string("is not there");
  }
  const auto digest = digest_of(path);
  if (!digest.ok() && digest.error().code == base::ErrorCode::kNotFound) {
    return std::string("is not there");
  }
  ROLLCALL_TRY(digest);
  if (digest->size_bytes != claimed.size_bytes) {
    return fmt::format("has {} bytes instead of {}", digest->size_bytes, claimed.size_bytes);
  }
  if (digest->sha256 != claimed.sha256) return std::string("has other bytes than were written");
  return std::string();
}

}  // namespace

bool IsInside(std::string_view path) {
  const fs::path parts{path};
  if (path.empty() || parts.is_absolute()) return false;
  for (const fs::path& part : parts) {
    if (part == "..") return false;
  }
  return true;
}

base::Result<base::FileDigest> ReadDigest(const fs::path& path) { return base::DigestFile(path); }

base::Result<void> CheckArtifacts(const fs::path& data_dir,
                                  std::span<const domain::Artifact> artifacts,
                                  const base::DigestFunction& digest) {
  for (const domain::Artifact& artifact : artifacts) {
    std::string wrong =
        fmt::format("has the name \"{}\" outside the data directory", artifact.name);
    if (IsInside(artifact.name)) {
      ROLLCALL_TRY_ASSIGN(
          wrong,
          WhatIsWrong(data_dir, {artifact.path, artifact.size_bytes, artifact.sha256}, digest));
    }
    if (!wrong.empty()) {
      return domain::MakeError(domain::reason::kArtifactCorrupt,
                               fmt::format("{} {}", artifact.path, wrong));
    }
  }
  return {};
}

bool HasArtifacts(const fs::path& data_dir, std::span<const domain::Artifact> artifacts) {
  for (const domain::Artifact& artifact : artifacts) {
    std::error_code failure;
    // A folder's size is that of its entries together; that it is there must do here.
    if (fs::is_directory(data_dir / artifact.path, failure)) continue;
    const auto size = fs::file_size(data_dir / artifact.path, failure);
    if (failure || size != static_cast<std::uintmax_t>(artifact.size_bytes)) return false;
  }
  return true;
}

base::Result<void> CheckSegment(const fs::path& data_dir, const domain::Segment& segment,
                                const base::DigestFunction& digest) {
  if (segment.path.empty()) return {};  // Its resume_blob holds everything.
  ROLLCALL_TRY_ASSIGN(
      const std::string wrong,
      WhatIsWrong(data_dir, {segment.path, segment.size_bytes, segment.sha256}, digest));
  if (wrong.empty()) return {};
  return domain::MakeError(domain::reason::kArtifactCorrupt,
                           fmt::format("{} {}", segment.path, wrong));
}

IntactSegments CountIntactSegments(const fs::path& data_dir,
                                   std::span<const domain::Segment> segments,
                                   const base::DigestFunction& digest) {
  IntactSegments intact;
  for (const domain::Segment& segment : segments) {
    if (segment.number != static_cast<std::int64_t>(intact.count)) break;
    const auto checked = CheckSegment(data_dir, segment, digest);
    if (!checked.ok() && checked.error().reason != domain::reason::kArtifactCorrupt) {
      intact.unreadable = checked.error();
    }
    if (!checked.ok()) break;
    ++intact.count;
  }
  return intact;
}

}  // namespace rollcall::vault
