#include "worker/worker_cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "base/file.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;

// Files of a control group take their text in one write.
bool Write(const fs::path& file, std::string_view text) {
  const base::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.is_open() &&
         ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

constexpr std::string_view kPrefix = "rollcall-";

bool IsLongAgo(const fs::path& folder) {
  constexpr std::time_t kLongSeconds = 3600;
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 &&
         std::time(nullptr) - status.st_mtim.tv_sec > kLongSeconds;
}

// A killed process leaves its group a moment later; until then rmdir says EBUSY.
void Remove(const fs::path& folder) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries && ::rmdir(folder.c_str()) != 0 && errno == EBUSY; ++i) {
    ::poll(nullptr, 0, 2);
  }
}

}  // namespace

std::int64_t CountInEvents(std::string_view text, std::string_view name) {
  std::istringstream lines{std::string(text)};
  std::string key;
  for (std::int64_t count = 0; lines >> key >> count;) {
    if (key == name) return count;
  }
  return 0;
}

WorkerCgroup::~WorkerCgroup() {
  if (!IsEmpty()) Kill();
  Remove(folder_);
}

void WorkerCgroup::Kill() const { Write(folder_ / "cgroup.kill", "1"); }

bool WorkerCgroup::IsEmpty() const {
  const auto events = base::ReadFile(folder_ / "cgroup.events");
  return !events.ok() || CountInEvents(*events, "populated") == 0;
}

bool WorkerCgroup::HasRunOutOfMemory() const {
  const auto events = base::ReadFile(folder_ / "memory.events");
  return events.ok() && CountInEvents(*events, "oom_kill") > 0;
}

WorkerCgroups::WorkerCgroups(fs::path parent, const fs::path& data_dir)
    : parent_(std::move(parent)),
      prefix_(fmt::format("{}{}-", kPrefix, base::Sha256(data_dir.string()).substr(0, 12))) {}

fs::path WorkerCgroups::OwnFolder() {
  // "36 25 0:31 / /sys/fs/cgroup/unified rw,… - cgroup2 cgroup2 rw": root and mount point.
  std::ifstream mounts("/proc/self/mountinfo");
  fs::path mount_point;
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped;
    fields >> skipped >> skipped >> skipped >> skipped >> mount_point;
  }
  if (mount_point.empty()) return {};
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::/")) return mount_point / line.substr(4);
  }
  return {};
}

std::unique_ptr<WorkerCgroup> WorkerCgroups::Make(std::string_view attempt_uuid,
                                                  std::int64_t memory_bytes_max) const {
  if (parent_.empty()) return nullptr;
  const fs::path folder = parent_ / (prefix_ + std::string(attempt_uuid));
  if (::mkdir(folder.c_str(), 0755) != 0) return nullptr;
  std::unique_ptr<WorkerCgroup> group(new WorkerCgroup(folder));
  group->entrance_ =
      base::UniqueFd(::open((folder / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!group->entrance_.is_open()) return nullptr;
  if (memory_bytes_max > 0) {
    // There only if the memory controller is handed down; the process's own limit holds anyway.
    Write(folder / "memory.max", std::to_string(memory_bytes_max));
    Write(folder / "memory.swap.max", "0");
    Write(folder / "memory.oom.group", "1");
  }
  return group;
}

int WorkerCgroups::RemoveLeftovers() const {
  std::error_code failure;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(parent_, failure)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix_)) {
      left.push_back(entry.path());
    } else if (name.starts_with(kPrefix) && IsLongAgo(entry.path())) {
      // Of a data directory that is no more, perhaps. One that is in use cannot be removed.
      ::rmdir(entry.path().c_str());
    }
  }
  for (const fs::path& folder : left) {
    Write(folder / "cgroup.kill", "1");
    Remove(folder);
  }
  return static_cast<int>(left.size());
}

}  // namespace rollcall::worker
