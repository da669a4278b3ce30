#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/file.h"
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
  // `on_bytes` is told of all that is read, however much libav wants at once.
  static base::Result<std::unique_ptr<InputFile>> Open(const std::filesystem::path& path,
                                                       base::OnBytes on_bytes);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  AVIOContext* context() { return context_; }
  std::int64_t size_bytes() const { return file_.size_bytes; }
  // How far reading has come; an estimate while libav reads ahead.
  std::int64_t position() const { return position_; }
  // Of the first read that failed, or was not to go on: a disk error is not the end of the file.
  const base::Result<void>& state() const { return state_; }

 private:
  InputFile(OpenedFile file, std::filesystem::path path, base::OnBytes on_bytes);
  base::Result<std::int64_t> ReadPiece(std::uint8_t* buffer, std::size_t size);
  static int Read(void* opaque, std::uint8_t* buffer, int size);
  static std::int64_t Seek(void* opaque, std::int64_t offset, int whence);

  OpenedFile file_;
  const std::filesystem::path path_;
  const base::OnBytes on_bytes_;
  std::int64_t position_ = 0;
  base::Result<void> state_;
  AVIOContext* context_ = nullptr;
};

}  // namespace rollcall::media
