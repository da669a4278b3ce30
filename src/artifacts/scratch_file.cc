#include "artifacts/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"

namespace rollcall::artifacts {

base::Result<ScratchFile> ScratchFile::Create(const std::filesystem::path& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.is_open()) return base::ErrnoError(errno, "create", path);
  if (::unlink(path.c_str()) != 0) return base::ErrnoError(errno, "remove", path);
  return ScratchFile(std::move(fd), path);
}

base::Result<void> ScratchFile::Write(std::int64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), offset);
    if (n < 0) {
      if (errno == EINTR) continue;
      return base::ErrnoError(errno, "write", path_);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += n;
  }
  return {};
}

base::Result<void> ScratchFile::Read(std::int64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pread(fd_.get(), bytes.data(), bytes.size(), offset);
    if (n < 0) {
      if (errno == EINTR) continue;
      return base::ErrnoError(errno, "read", path_);
    }
    if (n == 0) {  // Behind the end.
      std::fill(bytes.begin(), bytes.end(), std::byte{0});
      return {};
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += n;
  }
  return {};
}

}  // namespace rollcall::artifacts
