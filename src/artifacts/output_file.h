#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::artifacts {

// A file being written from its beginning, through a buffer. It is removed again unless Close
// succeeded, so that a failed writer leaves nothing behind. Not thread-safe.
class OutputFile {
 public:
  // Replaces what is there.
  static base::Result<OutputFile> Create(std::filesystem::path path);
  OutputFile(OutputFile&& other) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  // kResourceExhausted / ERR_DISK_FULL, wanting all bytes appended so far, or what base::ErrnoError
  // says; the same again afterwards.
  base::Result<void> Append(std::string_view bytes);
  base::Result<void> Close();

  // Bytes appended so far.
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  OutputFile(base::UniqueFd fd, std::filesystem::path path)
      : fd_(std::move(fd)), path_(std::move(path)) {}
  base::Result<void> Flush();

  base::UniqueFd fd_;  // Closed: nothing left to do or to remove.
  std::filesystem::path path_;
  std::string buffer_;
  std::uint64_t size_bytes_ = 0;
  base::Result<void> state_;
};

}  // namespace rollcall::artifacts
