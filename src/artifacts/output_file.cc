#include "artifacts/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/file_mode.h"

namespace rollcall::artifacts {
namespace {

constexpr std::size_t kBufferBytes = 1 << 18;

}  // namespace

base::Result<OutputFile> OutputFile::Create(std::filesystem::path path) {
  base::UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, base::kOwnFileMode));
  if (!fd.is_open()) return base::ErrnoError(errno, "create", path);
  return OutputFile(std::move(fd), std::move(path));
}

OutputFile::~OutputFile() {
  if (fd_.is_open()) ::unlink(path_.c_str());
}

base::Result<void> OutputFile::Append(std::string_view bytes) {
  if (!state_.ok()) return state_;
  buffer_ += bytes;
  size_bytes_ += bytes.size();
  if (buffer_.size() >= kBufferBytes) state_ = Flush();
  return state_;
}

base::Result<void> OutputFile::Close() {
  if (state_.ok()) state_ = Flush();
  ROLLCALL_TRY(state_);
  // Some file systems report a full disk only here.
  if (::close(fd_.Release()) != 0) {
    const int error_number = errno;
    ::unlink(path_.c_str());
    state_ = base::WantingBytes(base::ErrnoError(error_number, "close", path_),
                                static_cast<std::int64_t>(size_bytes_));
  }
  return state_;
}

base::Result<void> OutputFile::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_.get(), rest.data(), rest.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return base::WantingBytes(base::ErrnoError(errno, "write", path_),
                                static_cast<std::int64_t>(size_bytes_));
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  buffer_.clear();
  return {};
}

}  // namespace rollcall::artifacts
