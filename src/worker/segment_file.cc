#include "worker/segment_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/random.h"
#include "base/unique_fd.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;

base::Result<void> WriteAll(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::ErrnoError(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

base::Result<void> WriteDurably(const fs::path& path, std::string_view bytes) {
  base::UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, base::kOwnFileMode));
  if (!fd.is_open()) return base::ErrnoError(errno, "create", path);
  ROLLCALL_TRY(base::Failpoint("segment.created"));
  ROLLCALL_TRY(base::Failpoint("file.write"));
  ROLLCALL_TRY(WriteAll(fd.get(), bytes, path));
  if (::fdatasync(fd.get()) != 0) return base::ErrnoError(errno, "sync", path);
  return base::Failpoint("segment.synced");
}

}  // namespace

base::Result<domain::Segment> StageSegmentFile(const domain::StageAssignment& assignment,
                                               domain::Segment segment, std::string_view bytes) {
  if (bytes.empty()) return segment;
  const fs::path& folder = assignment.segment_folder;
  const std::string name = fmt::format("seg-{:05}.t{}.{}", segment.number, assignment.token,
                                       base::RandomId().substr(0, 8));
  const fs::path staged = assignment.staging_dir / folder / name;
  ROLLCALL_TRY(base::MakeFoldersIn(assignment.staging_dir, staged.parent_path()));
  segment.path = (folder / name).string();
  segment.file = assignment.segment_shelf / name;
  segment.size_bytes = static_cast<std::int64_t>(bytes.size());
  segment.sha256 = base::Sha256(bytes);
  if (auto written = WriteDurably(staged, bytes); !written.ok()) {
    ::unlink(staged.c_str());
    return base::WantingBytes(std::move(written).error(), segment.size_bytes);
  }
  return segment;
}

}  // namespace rollcall::worker
