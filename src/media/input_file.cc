#include "media/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

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

base::Result<std::unique_ptr<InputFile>> InputFile::Open(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(OpenedFile file, OpenRegularFile(path));
  return std::unique_ptr<InputFile>(new InputFile(std::move(file)));
}

InputFile::InputFile(OpenedFile file) : file_(std::move(file)) {
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kBufferBytes));
  ROLLCALL_CHECK(buffer != nullptr, "out of memory");
  context_ = avio_alloc_context(buffer, kBufferBytes, 0, this, Read, nullptr, Seek);
  ROLLCALL_CHECK(context_ != nullptr, "out of memory");
}

InputFile::~InputFile() {
  av_freep(&context_->buffer);  // libav may have replaced the buffer it was given.
  avio_context_free(&context_);
}

int InputFile::Read(void* opaque, std::uint8_t* buffer, int size) {
  auto* self = static_cast<InputFile*>(opaque);
  for (;;) {
    const ssize_t n =
        ::pread(self->file_.fd.get(), buffer, static_cast<std::size_t>(size), self->position_);
    if (n > 0) {
      self->position_ += n;
      return static_cast<int>(n);
    }
    if (n == 0) return AVERROR_EOF;
    if (errno == EINTR) continue;
    if (self->error_number_ == 0) self->error_number_ = errno;
    return AVERROR(errno);
  }
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
