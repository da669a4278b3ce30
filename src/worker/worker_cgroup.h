#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace rollcall::worker {

// The control group of one attempt: what is started in it stays in it, so that the kernel kills and
// counts all of it as one. Killed and removed when this is destroyed. Not thread-safe.
class WorkerCgroup {
 public:
  ~WorkerCgroup();
  WorkerCgroup(const WorkerCgroup&) = delete;
  WorkerCgroup& operator=(const WorkerCgroup&) = delete;

  // A process that writes "0" here enters.
  int entrance() const { return entrance_.get(); }
  // SIGKILL to everything in it.
  void Kill() const;
  // Nothing that lives is in it. Also when it cannot be read: then /proc decides alone.
  bool IsEmpty() const;
  // The kernel has killed something in it for want of memory.
  bool HasRunOutOfMemory() const;

 private:
  friend class WorkerCgroups;
  explicit WorkerCgroup(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path folder_;
  base::UniqueFd entrance_;
};

// Makes the control groups of a data directory's workers, as children of the owner's own group
// ("rollcall-<data directory>-<attempt>"), in the unified hierarchy (cgroup v2). Where that is not
// permitted there are none, and everything works without. Their memory is limited where the owner's
// group hands the memory controller down; nothing is changed about that group itself.
//
// Thread-safe.
class WorkerCgroups {
 public:
  // Children of `parent`, which must be a folder of a cgroup2 file system.
  WorkerCgroups(std::filesystem::path parent, const std::filesystem::path& data_dir);

  // The folder of the calling process's own group; empty if there is no cgroup2 file system.
  static std::filesystem::path OwnFolder();

  // Null where it is not permitted. `memory_bytes_max` 0: no limit.
  std::unique_ptr<WorkerCgroup> Make(std::string_view attempt_uuid,
                                     std::int64_t memory_bytes_max) const;
  // Kills what is in groups that an owner before us left, and removes them. How many there were.
  // Only for who holds the data directory's lock.
  int RemoveLeftovers() const;

 private:
  const std::filesystem::path parent_;
  const std::string prefix_;
};

// The number after `name` in the text of a memory.events file; 0 if it is not there.
std::int64_t CountInEvents(std::string_view text, std::string_view name);

}  // namespace rollcall::worker
