#include "jobs/segment_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/random.h"
#include "base/unique_fd.h"

namespace rollcall::jobs {
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

base::Result<void> WriteDurably(const fs::path& tmp, const fs::path& path, std::string_view bytes) {
  base::UniqueFd fd(::open(tmp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.is_open()) return base::ErrnoError(errno, "create", tmp);
  ROLLCALL_TRY(base::Failpoint("segment.created"));
  ROLLCALL_TRY(base::Failpoint("file.write"));
  ROLLCALL_TRY(WriteAll(fd.get(), bytes, tmp));
  if (::fdatasync(fd.get()) != 0) return base::ErrnoError(errno, "sync", tmp);
  ROLLCALL_TRY(base::Failpoint("segment.synced"));
  if (::rename(tmp.c_str(), path.c_str()) != 0) return base::ErrnoError(errno, "rename to", path);
  ROLLCALL_TRY(base::SyncFolder(path.parent_path()));
  return base::Failpoint("segment.renamed");
}

}  // namespace

fs::path SegmentFolder(std::string_view subject_id, std::string_view stage) {
  return fs::path("harvest") / subject_id / "segments" / stage;
}

base::Result<domain::Segment> WriteSegmentFile(const domain::StageAssignment& assignment,
                                               domain::Segment segment, std::string_view bytes) {
  if (bytes.empty()) return segment;
  const fs::path folder = SegmentFolder(assignment.subject_id, assignment.stage);
  ROLLCALL_TRY(base::MakeFoldersIn(assignment.data_dir, assignment.data_dir / folder));
  const std::string name = fmt::format("seg-{:05}.t{}.{}", segment.number, assignment.token,
                                       base::RandomId().substr(0, 8));
  const fs::path path = assignment.data_dir / folder / name;
  const fs::path tmp = assignment.data_dir / folder / (name + ".tmp");
  segment.path = (folder / name).string();
  segment.size_bytes = static_cast<std::int64_t>(bytes.size());
  segment.sha256 = base::Sha256(bytes);
  if (auto written = WriteDurably(tmp, path, bytes); !written.ok()) {
    ::unlink(tmp.c_str());
    ::unlink(path.c_str());
    return std::move(written).error();
  }
  return segment;
}

}  // namespace rollcall::jobs
