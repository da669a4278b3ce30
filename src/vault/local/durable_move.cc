#include "vault/local/durable_move.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

#include "base/file.h"
#include "vault/staged_file.h"
#include "vault/stored_file.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;
using base::Result;

bool IsTaken(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

// As rename(2), but never over something that is there. 0 or an errno.
int RenameAnew(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system that does not know how.
  if (IsTaken(to)) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// Under a name by which the sweeper knows what was being written when its process ended.
fs::path CopyBeside(const fs::path& to) {
  static std::atomic<unsigned> counter{0};
  fs::path copy = to;
  copy += fmt::format(".tmp{}.{}", ::getpid(), counter++);
  return copy;
}

// RenameAnew's answer once all is copied beside its place.
Result<int> CopyAnew(const fs::path& from, const fs::path& to, std::string_view path) {
  if (!IsPlain(from)) return NotAsDescribed(path, "is no plain file");
  const fs::path copy = CopyBeside(to);
  const auto take = [&]() -> Result<int> {
    // A link that came since is copied as one, and found where it then is.
    constexpr auto kHow = fs::copy_options::recursive | fs::copy_options::copy_symlinks;
    std::error_code failure;
    fs::copy(from, copy, kHow, failure);
    if (failure) return base::ErrnoError(failure.value(), "copy to", to);
    if (!IsPlain(copy)) return NotAsDescribed(path, "is no plain file");
    ROLLCALL_TRY(SyncTree(copy));
    return RenameAnew(copy, to);
  };
  auto taken = take();
  const bool is_done = taken.ok() && *taken == 0;
  std::error_code ignored;  // What stays of `from` goes with the staging folder.
  fs::remove_all(is_done ? from : copy, ignored);
  return taken;
}

}  // namespace

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

Result<void> MoveAnew(const fs::path& from, const fs::path& to, std::string_view path) {
  int failure = RenameAnew(from, to);
  if (failure == EXDEV) {
    ROLLCALL_TRY_ASSIGN(failure, CopyAnew(from, to, path));
  }
  if (failure == ENOENT) return NotAsDescribed(path, "is not there");
  if (failure == EEXIST) return NotAsDescribed(path, "is there already");
  if (failure != 0) return base::ErrnoError(failure, "rename to", to);
  auto synced = base::SyncFolder(to.parent_path());
  std::error_code ignored;
  if (!synced.ok()) fs::remove_all(to, ignored);
  return synced;
}

}  // namespace rollcall::vault
