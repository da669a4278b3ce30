#include "worker/staging.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "vault/file_check.h"
#include "worker/process_table.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;
using base::Result;

constexpr const char* kArea = "staging";

base::Error Corrupt(const std::string& path, std::string_view what) {
  return domain::MakeError(domain::reason::kArtifactCorrupt, fmt::format("{} {}", path, what));
}

// A file with this one name, or a folder of such: no link that leads elsewhere, no pipe that is
// waited for, and no second name by which the worker would keep hold of it.
bool IsPlain(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return false;
  if (S_ISREG(status.st_mode)) return status.st_nlink == 1;
  if (!S_ISDIR(status.st_mode)) return false;
  std::error_code failure;
  for (fs::directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (!IsPlain(at->path())) return false;
  }
  return !failure;
}

// Every file below, too.
Result<void> SyncTree(const fs::path& path) {
  std::error_code failure;
  if (fs::is_directory(path, failure)) {
    for (fs::directory_iterator at(path, failure), end; !failure && at != end;
         at.increment(failure)) {
      ROLLCALL_TRY(SyncTree(at->path()));
    }
  }
  if (failure) return base::ErrnoError(failure.value(), "list", path);
  return base::SyncFile(path);
}

// Where its place is on another disk, by a link that somebody made.
Result<void> CopyAcross(const fs::path& from, const fs::path& to) {
  struct stat status {};
  if (::lstat(to.c_str(), &status) == 0) return Corrupt(to.string(), "is there already");
  if (!IsPlain(from)) return Corrupt(to.string(), "is no plain file");
  std::error_code failure;
  fs::copy(from, to, fs::copy_options::recursive, failure);
  auto copied = failure ? base::ErrnoError(failure.value(), "copy to", to) : SyncTree(to);
  std::error_code ignored;  // What stays of `from` goes with the staging folder.
  fs::remove_all(copied.ok() ? from : to, ignored);
  return copied;
}

// As rename(2), but never over something that is there.
int RenameAnew(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system that does not know how.
  struct stat status {};
  if (::lstat(to.c_str(), &status) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

fs::path Staging::FolderOf(std::string_view attempt_uuid) const {
  return data_dir_ / kArea / attempt_uuid;
}

Result<void> Staging::Make(std::string_view attempt_uuid) const {
  return base::MakeFoldersIn(data_dir_, FolderOf(attempt_uuid));
}

Result<void> Staging::Move(const fs::path& folder, const std::string& path) const {
  if (!vault::IsInside(path)) return Corrupt(path, "is not inside the data directory");
  const fs::path from = folder / path;
  const fs::path to = data_dir_ / path;
  ROLLCALL_TRY(base::MakeFoldersIn(data_dir_, to.parent_path()));
  ROLLCALL_TRY(base::Failpoint("file.write"));
  const int failure = RenameAnew(from, to);
  if (failure == ENOENT) return Corrupt(path, "is not there");
  if (failure == EEXIST) return Corrupt(path, "is there already");
  if (failure == EXDEV) {
    ROLLCALL_TRY(CopyAcross(from, to));
  } else if (failure != 0) {
    return base::ErrnoError(failure, "rename to", to);
  }
  return base::SyncFolder(to.parent_path());
}

void Staging::Remove(const std::string& path) const {
  std::error_code ignored;  // Then the sweeper finds it.
  fs::remove_all(data_dir_ / path, ignored);
}

Result<void> Staging::TakeSegment(std::string_view attempt_uuid,
                                  const domain::Segment& segment) const {
  if (segment.path.empty()) return {};
  ROLLCALL_TRY(Move(FolderOf(attempt_uuid), segment.path));
  const auto check = [&]() -> Result<void> {
    ROLLCALL_TRY(base::Failpoint("segment.renamed"));
    if (!IsPlain(data_dir_ / segment.path)) return Corrupt(segment.path, "is no plain file");
    return vault::CheckSegment(data_dir_, segment, digest_);
  };
  auto checked = check();
  if (!checked.ok()) Remove(segment.path);  // No row has named it yet.
  return checked;
}

Result<void> Staging::TakeArtifacts(std::string_view attempt_uuid,
                                    std::span<const domain::Artifact> artifacts) const {
  std::size_t moved = 0;
  const auto take = [&]() -> Result<void> {
    for (const domain::Artifact& artifact : artifacts) {
      ROLLCALL_TRY(Move(FolderOf(attempt_uuid), artifact.path));
      ++moved;
    }
    ROLLCALL_TRY(base::Failpoint("artefacts.renamed"));
    for (const domain::Artifact& artifact : artifacts) {
      if (!IsPlain(data_dir_ / artifact.path)) return Corrupt(artifact.path, "is no plain file");
    }
    ROLLCALL_TRY(vault::CheckArtifacts(data_dir_, artifacts, digest_));
    for (const domain::Artifact& artifact : artifacts) {
      ROLLCALL_TRY(base::SyncFile(data_dir_ / artifact.path));
    }
    return {};
  };
  auto taken = take();
  if (taken.ok()) return taken;
  for (const domain::Artifact& artifact : artifacts.first(moved)) Remove(artifact.path);
  return taken;
}

void Staging::Discard(std::string attempt_uuid) {
  base::MutexLock lock(mutex_);
  discarded_.insert(std::move(attempt_uuid));
}

void Staging::RemoveDiscarded() {
  std::set<std::string> discarded;
  {
    base::MutexLock lock(mutex_);
    discarded.swap(discarded_);
  }
  for (const std::string& uuid : discarded) {
    std::error_code ignored;
    fs::remove_all(FolderOf(uuid), ignored);
  }
}

int Staging::RemoveLeftovers() const {
  int removed = 0;
  std::error_code failure;
  for (fs::directory_iterator at(data_dir_ / kArea, failure), end; !failure && at != end;
       at.increment(failure)) {
    // Another host's worker may be at work on this disk, or one that cannot be killed.
    if (!LiveProcessesOfAttempt(0, at->path().filename().string()).empty()) continue;
    std::error_code left;
    fs::remove_all(at->path(), left);
    if (!left) ++removed;
  }
  return removed;
}

}  // namespace rollcall::worker
