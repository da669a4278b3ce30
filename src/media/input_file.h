#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "media/libav.h"

namespace rollcall::media {

// Opens a regular file for reading: kVideoNotFound, kPermission, kVideoUnreadable (a folder, a
// device, a pipe, an empty file).
struct OpenedFile {
  base::UniqueFd fd;
  std::int64_t size_bytes = 0;
};
base::Result<OpenedFile> OpenRegularFile(const std::filesystem::path& path);

// A file as libav reads it. libav gets no path and no protocol: a playlist or a reference inside
// a video cannot make it open another file or an address.
//
// Not thread-safe.
class InputFile {
 public:
  static base::Result<std::unique_ptr<InputFile>> Open(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  AVIOContext* context() { return context_; }
  std::int64_t size_bytes() const { return file_.size_bytes; }
  // How far reading has come; an estimate while libav reads ahead.
  std::int64_t position() const { return position_; }
  // errno of the first read that failed, 0 if none did: a disk error is not the end of the file.
  int error_number() const { return error_number_; }

 private:
  explicit InputFile(OpenedFile file);
  static int Read(void* opaque, std::uint8_t* buffer, int size);
  static std::int64_t Seek(void* opaque, std::int64_t offset, int whence);

  OpenedFile file_;
  std::int64_t position_ = 0;
  int error_number_ = 0;
  AVIOContext* context_ = nullptr;
};

}  // namespace rollcall::media
