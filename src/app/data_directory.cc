#include "app/data_directory.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/file.h"

namespace rollcall::app {

namespace fs = std::filesystem;
using base::Result;

Result<DataDirectory> DataDirectory::Open(const fs::path& root) {
  DataDirectory data(root);
  for (const char* folder :
       {"", "logs", "models", "uploads", "videos", "episodes", "jobs", "harvest", "outputs"}) {
    const fs::path path = *folder == '\0' ? root : root / folder;
    std::error_code error;
    if (fs::is_directory(path, error)) continue;
    ROLLCALL_TRY(base::MakeFolders(path));
  }
  return data;
}

bool DataDirectory::IsWritable() const {
  const auto may = [](const fs::path& path, int what) {
    return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0 || errno == ENOENT;
  };
  return may(root_, W_OK | X_OK) && may(database(), W_OK);
}

Result<void> DataDirectory::CheckWritable() const {
  // A few blocks: an empty file fits on a full disk.
  const std::string bytes(64 * 1024, '\0');
  const fs::path probe = root_ / (".writable." + std::to_string(::getpid()));
  const auto written = base::WriteFileAtomic(probe, bytes);
  ::unlink(probe.c_str());
  return written;
}

std::int64_t DataDirectory::FreeBytes() const {
  struct statvfs status {};
  if (::statvfs(root_.c_str(), &status) != 0) return 0;
  return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
}

}  // namespace rollcall::app
