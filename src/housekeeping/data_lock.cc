#include "housekeeping/data_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <string>

#include "base/file.h"
#include "base/file_mode.h"
#include "domain/reasons.h"

namespace rollcall::housekeeping {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> kNetworkTypes{
    "nfs",         "nfs4",      "cifs",           "smb3",        "smbfs",
    "afs",         "ceph",      "lustre",         "fuse.sshfs",  "fuse.s3fs",
    "fuse.rclone", "fuse.ceph", "fuse.glusterfs", "fuse.gcsfuse"};

constexpr const char* kLockName = "rollcall.lock";

// A lock of the open file description: unlike a POSIX lock it is not lost when the process happens
// to close another descriptor of the file. False if somebody else's is in the way.
base::Result<bool> Lock(int file, short type, const fs::path& path) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return base::ErrnoError(errno, "lock", path);
}

// The same of the folder itself, which nobody can remove while its files are used. By flock, as an
// fcntl lock for writing wants a descriptor that is open for writing, and no folder's is. Where the
// file system has none, the file's lock holds alone.
base::Result<bool> LockFolder(int folder, int how, const fs::path& path) {
  if (::flock(folder, how | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  const bool has_none = errno == EOPNOTSUPP || errno == ENOSYS || errno == ENOLCK ||
                        errno == EINVAL || errno == EBADF;
  if (has_none) return true;
  return base::ErrnoError(errno, "lock", path);
}

base::UniqueFd OpenFolder(const fs::path& folder) {
  return base::UniqueFd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string OwnerName(const fs::path& path) {
  const auto text = base::ReadFile(path);
  return text.ok() && !text->empty() ? fmt::format("process {}", text->substr(0, text->find('\n')))
                                     : "another process";
}

// Who keeps us from becoming the owner.
std::string HolderName(int file, const fs::path& path) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool is_reader = ::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_RDLCK;
  return is_reader ? "a command that only looks, for a moment" : OwnerName(path);
}

}  // namespace

bool IsNetworkFileSystem(std::string_view type) {
  return std::ranges::find(kNetworkTypes, type) != kNetworkTypes.end();
}

std::string FileSystemType(const fs::path& folder, const fs::path& mounts_file) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return {};
  const std::string device = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  const auto mounts = base::ReadFile(mounts_file);
  if (!mounts.ok()) return {};
  std::istringstream lines(*mounts);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent, of_device;
    fields >> id >> parent >> of_device;
    const auto separator = line.find(" - ");
    if (of_device != device || separator == std::string::npos) continue;
    return line.substr(separator + 3, line.find(' ', separator + 3) - separator - 3);
  }
  return {};
}

base::Result<DataLock> DataLock::Acquire(const fs::path& data_dir, const fs::path& mounts_file) {
  ROLLCALL_TRY(base::MakeFolders(data_dir));
  if (const std::string type = FileSystemType(data_dir, mounts_file); IsNetworkFileSystem(type)) {
    return domain::MakeError(
        domain::reason::kNetworkFileSystem,
        fmt::format("{} is on a network file system ({})", data_dir.string(), type));
  }
  base::UniqueFd folder = OpenFolder(data_dir);
  if (!folder.is_open()) return base::ErrnoError(errno, "open", data_dir);
  ROLLCALL_TRY_ASSIGN(bool is_ours, LockFolder(folder.get(), LOCK_EX, data_dir));
  const fs::path path = data_dir / kLockName;
  // Somebody else's is not made anew.
  const int flags = is_ours ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_CLOEXEC;
  base::UniqueFd file(::open(path.c_str(), flags, base::kOwnFileMode));
  if (is_ours) {
    if (!file.is_open()) return base::ErrnoError(errno, "open", path);
    ROLLCALL_TRY_ASSIGN(is_ours, Lock(file.get(), F_WRLCK, path));
  }
  if (!is_ours) {
    return domain::MakeError(
        domain::reason::kStoreBusy,
        fmt::format("{} is owned by {}", data_dir.string(), HolderName(file.get(), path)));
  }
  const std::string owner = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), owner.data(), owner.size(), 0) != std::ssize(owner)) {
    return base::ErrnoError(errno, "write", path);
  }
  return DataLock({.folder = std::move(folder), .file = std::move(file)});
}

base::Result<ReadLock> ReadLock::Acquire(const fs::path& data_dir) {
  const fs::path path = data_dir / kLockName;
  const auto refused = [&] {
    return domain::MakeError(domain::reason::kStoreBusy,
                             fmt::format("{} is owned by {}", data_dir.string(), OwnerName(path)));
  };
  base::UniqueFd folder = OpenFolder(data_dir);
  // One that may be entered but not listed has the file's lock alone.
  if (!folder.is_open() && errno != EACCES) return base::ErrnoError(errno, "open", data_dir);
  if (folder.is_open()) {
    ROLLCALL_TRY_ASSIGN(const bool is_free, LockFolder(folder.get(), LOCK_SH, data_dir));
    if (!is_free) return refused();
  }
  base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) {
    return ReadLock({.folder = std::move(folder), .file = {}});
  }
  if (!file.is_open()) return base::ErrnoError(errno, "open", path);
  ROLLCALL_TRY_ASSIGN(const bool is_ours, Lock(file.get(), F_RDLCK, path));
  if (!is_ours) return refused();
  return ReadLock({.folder = std::move(folder), .file = std::move(file)});
}

}  // namespace rollcall::housekeeping
