#include "media/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;
using domain::MakeError;

constexpr int kBufferBytes = 256 * 1024;

base::Error OpenError(int error_number, const std::filesystem::path& path) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return MakeError(reason::kVideoNotFound, "there is no file " + path.string());
    case EACCES:
    case EPERM:
      return MakeError(reason::kPermission, "not allowed to read " + path.string(),
                       "make it readable for the user who runs rollcall");
    default:
      return base::ErrnoError(error_number, "open", path);
  }
}

}  // namespace

base::Result<OpenedFile> OpenRegularFile(const std::filesystem::path& path) {
  // Non-blocking: opening a pipe that nobody writes to would wait for ever.
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return OpenError(errno, path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return OpenError(errno, path);
  if (S_ISDIR(status.st_mode)) {
    return MakeError(reason::kVideoUnreadable, path.string() + " is a folder",
                     "give a video file, or each file of the folder");
  }
  if (!S_ISREG(status.st_mode)) {
    return MakeError(reason::kVideoUnreadable, path.string() + " is not a regular file",
                     "copy the video to a file first");
  }
  if (status.st_size == 0) {
    return MakeError(reason::kVideoUnreadable, path.string() + " is empty",
                     "copy or upload it again");
  }
  return OpenedFile{.fd = std::move(fd), .size_bytes = status.st_size};
}

base::Result<std::unique_ptr<InputFile>> InputFile::Open(const std::filesystem::path& path,
                                                         base::OnBytes on_bytes) {
  ROLLCALL_TRY_ASSIGN(OpenedFile file, OpenRegularFile(path));
  return std::unique_ptr<InputFile>(new InputFile(std::move(file), path, std::move(on_bytes)));
}

InputFile::InputFile(OpenedFile file, std::filesystem::path path, base::OnBytes on_bytes)
    : file_(std::move(file)), path_(std::move(path)), on_bytes_(std::move(on_bytes)) {
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kBufferBytes));
  ROLLCALL_CHECK(buffer != nullptr, "out of memory");
  context_ = avio_alloc_context(buffer, kBufferBytes, 0, this, Read, nullptr, Seek);
  ROLLCALL_CHECK(context_ != nullptr, "out of memory");
}

InputFile::~InputFile() {
  av_freep(&context_->buffer);  // libav may have replaced the buffer it was given.
  avio_context_free(&context_);
}

// 0 at the end of the file.
base::Result<std::int64_t> InputFile::ReadPiece(std::uint8_t* buffer, std::size_t size) {
  ROLLCALL_TRY(base::Failpoint("file.read"));
  ssize_t n = 0;
  do {
    n = ::pread(file_.fd.get(), buffer, std::min(size, base::kPieceBytes), position_);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return base::ErrnoError(errno, "read", path_);
  position_ += n;
  if (n > 0 && on_bytes_) ROLLCALL_TRY(on_bytes_(n));
  return n;
}

// Gives as much as is asked for, as one read would: a packet may be larger than any buffer.
int InputFile::Read(void* opaque, std::uint8_t* buffer, int size) {
  auto* self = static_cast<InputFile*>(opaque);
  if (!self->state_.ok()) return AVERROR_EXIT;
  int done = 0;
  while (done < size) {
    const auto n = self->ReadPiece(buffer + done, static_cast<std::size_t>(size - done));
    if (!n.ok()) {
      self->state_ = n.error();
      return AVERROR_EXIT;
    }
    if (*n == 0) break;
    done += static_cast<int>(*n);
  }
  return done == 0 ? AVERROR_EOF : done;
}

std::int64_t InputFile::Seek(void* opaque, std::int64_t offset, int whence) {
  auto* self = static_cast<InputFile*>(opaque);
  std::int64_t base = 0;
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return self->file_.size_bytes;
    case SEEK_SET:
      break;
    case SEEK_CUR:
      base = self->position_;
      break;
    case SEEK_END:
      base = self->file_.size_bytes;
      break;
    default:
      return AVERROR(EINVAL);
  }
  std::int64_t target = 0;
  if (__builtin_add_overflow(base, offset, &target) || target < 0) return AVERROR(EINVAL);
  self->position_ = target;
  return target;
}

}  // namespace rollcall::media
