#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::artifacts {

// Bytes that a stage puts aside while it runs, so that its memory does not grow with the length of
// the video. The file has a name only until it is open: it goes with the process, however that
// ends. Thread-compatible.
class ScratchFile {
 public:
  // `path` is where it may lie for that moment; what is there is lost.
  static base::Result<ScratchFile> Create(const std::filesystem::path& path);

  // kResourceExhausted / ERR_DISK_FULL, or what base::ErrnoError says.
  base::Result<void> Write(std::int64_t offset, std::span<const std::byte> bytes);
  // What was never written reads as zeros, also behind the end.
  base::Result<void> Read(std::int64_t offset, std::span<std::byte> bytes) const;

 private:
  ScratchFile(base::UniqueFd fd, std::filesystem::path path)
      : fd_(std::move(fd)), path_(std::move(path)) {}

  base::UniqueFd fd_;
  std::filesystem::path path_;
};

// Records of one size in a scratch file: written first, in order or at their places, and then read
// at random. Holds a few pages of them in memory, however many there are.
template <typename Record>
class ScratchTable {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  explicit ScratchTable(ScratchFile file) : file_(std::move(file)) {}

  static base::Result<ScratchTable> Create(const std::filesystem::path& path) {
    ROLLCALL_TRY_ASSIGN(ScratchFile file, ScratchFile::Create(path));
    return ScratchTable(std::move(file));
  }

  base::Result<void> Append(const Record& record) {
    ROLLCALL_CHECK(!is_reading_, "written after it was read");
    unwritten_.push_back(record);
    ++size_;
    if (unwritten_.size() < kPageRecords) return {};
    return Flush();
  }

  // The place of a record that is put there later; it reads as zeros until then.
  std::int64_t Reserve() {
    ROLLCALL_CHECK(unwritten_.empty(), "a table is appended to, or has places");
    return size_++;
  }
  base::Result<void> Put(std::int64_t place, const Record& record) {
    ROLLCALL_CHECK(!is_reading_, "written after it was read");
    ROLLCALL_CHECK(place >= 0 && place < size_, "no such place");
    return file_.Write(place * kRecordBytes, std::as_bytes(std::span(&record, 1)));
  }

  base::Result<Record> At(std::int64_t place) {
    ROLLCALL_CHECK(place >= 0 && place < size_, "no such record");
    is_reading_ = true;
    if (!unwritten_.empty()) ROLLCALL_TRY(Flush());
    const std::int64_t number = place / static_cast<std::int64_t>(kPageRecords);
    Page& page = pages_[static_cast<std::size_t>(number) % pages_.size()];
    if (page.number != number) {
      page.number = -1;
      page.records.resize(kPageRecords);
      ROLLCALL_TRY(file_.Read(number * static_cast<std::int64_t>(kPageRecords) * kRecordBytes,
                              std::as_writable_bytes(std::span(page.records))));
      page.number = number;
    }
    return page.records[static_cast<std::size_t>(place) % kPageRecords];
  }

  std::int64_t size() const { return size_; }

 private:
  static constexpr auto kRecordBytes = static_cast<std::int64_t>(sizeof(Record));
  static constexpr std::size_t kPageRecords = std::max<std::size_t>(1, 8'192 / sizeof(Record));

  struct Page {
    std::int64_t number = -1;
    std::vector<Record> records;
  };

  base::Result<void> Flush() {
    const std::int64_t written = size_ - static_cast<std::int64_t>(unwritten_.size());
    ROLLCALL_TRY(file_.Write(written * kRecordBytes, std::as_bytes(std::span(unwritten_))));
    unwritten_.clear();
    return {};
  }

  ScratchFile file_;
  std::vector<Record> unwritten_;  // The last of those appended.
  std::int64_t size_ = 0;
  bool is_reading_ = false;
  std::array<Page, 16> pages_;  // Page n in place n % 16.
};

}  // namespace rollcall::artifacts
