#include "artifacts/faces_pack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "artifacts/faces_pack_format.h"
#include "artifacts/output_file.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
namespace format = faces_pack_format;
namespace reason = domain::reason;

class FileFacesPackWriter final : public FacesPackWriter {
 public:
  FileFacesPackWriter(OutputFile file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  base::Result<void> Add(const domain::FaceCrop& crop) override {
    ROLLCALL_CHECK(!is_finished_, "a crop after Finish");
    const FacesPackEntry entry{
        .frame_id = crop.frame_id, .index = crop.index, .offset_bytes = file_.size_bytes()};
    if (!entries_.empty() && std::pair(entries_.back().frame_id, entries_.back().index) >=
                                 std::pair(entry.frame_id, entry.index)) {
      return Refused(crop, "does not follow the one before it");
    }
    if (crop.jpeg.size() > format::kJpegBytesMax) return Refused(crop, "has a JPEG over 1 MiB");
    ROLLCALL_TRY(file_.Append(format::EncodeRecord(crop)));
    entries_.push_back(entry);
    return {};
  }

  base::Result<void> Finish() override {
    ROLLCALL_CHECK(!is_finished_, "Finish twice");
    is_finished_ = true;
    const std::uint64_t index_offset = file_.size_bytes();
    const std::string index = format::EncodeIndex(entries_);
    ROLLCALL_TRY(file_.Append(index));
    ROLLCALL_TRY(file_.Append(format::EncodeFooter(index, index_offset, entries_.size())));
    return file_.Close();
  }

 private:
  base::Error Refused(const domain::FaceCrop& crop, const std::string& why) const {
    return {base::ErrorCode::kInvalidArgument, std::string(reason::kInternal),
            "face " + std::to_string(crop.index) + " of frame " + std::to_string(crop.frame_id) +
                " for " + path_ + " " + why,
            "please report it with the job's log"};
  }

  OutputFile file_;
  const std::string path_;
  std::vector<FacesPackEntry> entries_;
  bool is_finished_ = false;
};

class FileFacesPackReader final : public FacesPackReader {
 public:
  FileFacesPackReader(base::UniqueFd fd, fs::path path, base::OnBytes on_bytes)
      : fd_(std::move(fd)), path_(std::move(path)), on_bytes_(std::move(on_bytes)) {}

  base::Result<void> LoadIndex() {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return base::ErrnoError(errno, "look at", path_);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (!S_ISREG(status.st_mode) || size < format::kHeaderBytes + format::kFooterBytes) {
      return Corrupt("is no faces.pack");
    }
    ROLLCALL_TRY_ASSIGN(const std::string header, ReadAt(0, format::kHeaderBytes));
    std::uint32_t version = 0;
    if (!format::IsHeader(header, version)) return Corrupt("is no faces.pack");
    if (version != format::kVersion) {
      return Corrupt("has version " + std::to_string(version) +
                     ", which this rollcall cannot read");
    }
    ROLLCALL_TRY_ASSIGN(const std::string footer_bytes,
                        ReadAt(size - format::kFooterBytes, format::kFooterBytes));
    ROLLCALL_TRY_ASSIGN(const format::Footer footer,
                        format::DecodeFooter(footer_bytes, size, path_.string()));
    ROLLCALL_TRY_ASSIGN(const std::string index,
                        ReadAt(footer.index_offset, footer.entry_count * format::kIndexEntryBytes));
    ROLLCALL_TRY_ASSIGN(entries_, format::DecodeIndex(index, footer, path_.string()));
    records_end_ = footer.index_offset;
    return {};
  }

  const std::vector<FacesPackEntry>& entries() const override { return entries_; }

  base::Result<domain::FaceCrop> Read(const FacesPackEntry& entry) override {
    const auto found = std::lower_bound(
        entries_.begin(), entries_.end(), entry.offset_bytes,
        [](const FacesPackEntry& e, std::uint64_t offset) { return e.offset_bytes < offset; });
    ROLLCALL_CHECK(found != entries_.end() && found->offset_bytes == entry.offset_bytes,
                   "an entry of another pack");
    const std::uint64_t end =
        found + 1 == entries_.end() ? records_end_ : (found + 1)->offset_bytes;
    ROLLCALL_TRY_ASSIGN(const std::string bytes,
                        ReadAt(entry.offset_bytes, end - entry.offset_bytes));
    ROLLCALL_TRY_ASSIGN(domain::FaceCrop crop, format::DecodeRecord(bytes, path_.string()));
    if (crop.frame_id != found->frame_id || crop.index != found->index) {
      return Corrupt("has an index that contradicts a record");
    }
    return crop;
  }

 private:
  base::Error Corrupt(const std::string& how) const {
    return domain::MakeError(reason::kArtifactCorrupt, path_.string() + " " + how);
  }

  base::Result<std::string> ReadAt(std::uint64_t offset, std::uint64_t size) const {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
      ROLLCALL_TRY(base::Failpoint("file.read"));
      const std::uint64_t piece = std::min<std::uint64_t>(base::kPieceBytes, size - done);
      const ssize_t n =
          ::pread(fd_.get(), bytes.data() + done, piece, static_cast<off_t>(offset + done));
      if (n == 0) return Corrupt("became shorter while it was read");
      if (n < 0) {
        if (errno == EINTR) continue;
        return base::ErrnoError(errno, "read", path_);
      }
      done += static_cast<std::size_t>(n);
      if (on_bytes_) ROLLCALL_TRY(on_bytes_(n));
    }
    return bytes;
  }

  const base::UniqueFd fd_;
  const fs::path path_;
  const base::OnBytes on_bytes_;
  std::vector<FacesPackEntry> entries_;
  std::uint64_t records_end_ = 0;
};

}  // namespace

base::Result<std::unique_ptr<FacesPackWriter>> FacesPackWriter::Create(const fs::path& path) {
  ROLLCALL_TRY_ASSIGN(OutputFile file, OutputFile::Create(path));
  ROLLCALL_TRY(file.Append(format::EncodeHeader()));
  return base::Result<std::unique_ptr<FacesPackWriter>>(
      std::make_unique<FileFacesPackWriter>(std::move(file), path.string()));
}

base::Result<std::unique_ptr<FacesPackReader>> FacesPackReader::Open(const fs::path& path,
                                                                     base::OnBytes on_bytes) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return base::ErrnoError(errno, "open", path);
  auto reader = std::make_unique<FileFacesPackReader>(std::move(fd), path, std::move(on_bytes));
  ROLLCALL_TRY(reader->LoadIndex());
  return base::Result<std::unique_ptr<FacesPackReader>>(std::move(reader));
}

}  // namespace rollcall::artifacts
