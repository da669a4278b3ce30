#include "jobs/data_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <string>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> kNetworkTypes{
    "nfs",         "nfs4",      "cifs",           "smb3",        "smbfs",
    "afs",         "ceph",      "lustre",         "fuse.sshfs",  "fuse.s3fs",
    "fuse.rclone", "fuse.ceph", "fuse.glusterfs", "fuse.gcsfuse"};

std::string OwnerName(const fs::path& path) {
  const auto text = base::ReadFile(path);
  return text.ok() && !text->empty() ? fmt::format("process {}", text->substr(0, text->find('\n')))
                                     : "another process";
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
  const fs::path path = data_dir / "rollcall.lock";
  base::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) return base::ErrnoError(errno, "open", path);
  // Of the open file description: unlike a POSIX lock it is not lost when the process happens to
  // close another descriptor of the file.
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return base::ErrnoError(errno, "lock", path);
    return domain::MakeError(domain::reason::kStoreBusy,
                             fmt::format("{} is owned by {}", data_dir.string(), OwnerName(path)));
  }
  const std::string owner = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), owner.data(), owner.size(), 0) != std::ssize(owner)) {
    return base::ErrnoError(errno, "write", path);
  }
  return DataLock(std::move(file));
}

}  // namespace rollcall::jobs
