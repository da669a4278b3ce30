#include "vault/staged_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "vault/stored_file.h"

namespace rollcall::vault {

namespace {

namespace fs = std::filesystem;

constexpr int kFolderFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;

}  // namespace

base::Result<StagedFile> StagedFile::Find(const fs::path& staging, std::string_view path) {
  const auto refused = [&](int error_number) {
    if (error_number == ENOENT) return NotAsDescribed(path, "is not there");
    if (error_number == ENOTDIR) return NotAsDescribed(path, "is no plain file");
    return base::ErrnoError(error_number, "look at", staging / path);
  };
  base::UniqueFd folder(::open(staging.c_str(), kFolderFlags));
  if (!folder.is_open()) return refused(errno);
  const fs::path parts{path};
  for (const fs::path& part : parts.parent_path()) {
    base::UniqueFd next(::openat(folder.get(), part.c_str(), kFolderFlags | O_NOFOLLOW));
    if (!next.is_open()) return refused(errno);
    folder = std::move(next);
  }
  return StagedFile(std::move(folder), parts.filename().string());
}

fs::path StagedFile::path() const {
  return fmt::format("/proc/self/fd/{}/{}", folder_.get(), name_);
}

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

}  // namespace rollcall::vault
