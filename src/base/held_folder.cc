#include "base/held_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"

namespace rollcall::base {

Result<HeldFolder> HeldFolder::Open(const std::filesystem::path& path) {
  UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return ErrnoError(errno, "open", path);
  struct stat facts {};
  if (::fstat(folder.get(), &facts) != 0) return ErrnoError(errno, "look at", path);
  return HeldFolder(path, std::move(folder), facts.st_dev, facts.st_ino);
}

std::filesystem::path HeldFolder::held_path() const {
  return fmt::format("/proc/self/fd/{}", folder_.get());
}

bool HeldFolder::IsInPlace() const {
  struct stat facts {};
  if (::stat(path_.c_str(), &facts) != 0) return errno != ENOENT && errno != ENOTDIR;
  return facts.st_dev == device_ && facts.st_ino == inode_;
}

}  // namespace rollcall::base
