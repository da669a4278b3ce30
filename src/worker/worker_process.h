#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/worker_cgroup.h"

namespace rollcall::worker {

// How a process ended.
struct ProcessExit {
  int status = 0;  // Exit status, or the signal's number.
  bool is_signal = false;
  std::int64_t rss_peak_bytes = 0;

  std::string ToString() const;  // "exit 0", "signal 9"
};

// A worker subprocess: leader of its own process group, killed by the kernel when the thread that
// started it ends, with a socket at its descriptor 3, its output in a file, and of the environment
// only what WorkerEnvironment hands on.
//
// The leader stays unreaped until Reap, so that its number and its group's stay ours for as long
// as we may signal them. Not thread-safe: one thread starts, talks, looks and reaps. Another may
// send signals too, as long as it does not at the same time as Reap or the end of this.
class WorkerProcess {
 public:
  struct Options {
    std::vector<std::string> argv;  // The program and its arguments.
    std::string attempt_uuid;       // Marks every process of the attempt.
    std::filesystem::path
        output_path;  // stdout and stderr; emptied first. In a folder that exists.
    std::filesystem::path temporary_folder;  // Its TMPDIR; empty: it has none.
    // What it may have of memory of its own (RLIMIT_DATA), and all of its group together; 0: no
    // limit.
    std::int64_t memory_bytes_max = 0;
    const WorkerCgroups* cgroups = nullptr;  // Null: it gets no control group.
  };
  // kUnavailable when there are no processes or descriptors left. A program that cannot be executed
  // ends as a process with status 127.
  static base::Result<std::unique_ptr<WorkerProcess>> Start(const Options& options);

  // Kills the group and reaps the leader; one that does not end within 2 s is left.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  std::int64_t start_ticks() const { return start_ticks_; }
  int pidfd() const { return pidfd_.get(); }    // Readable when the leader has ended.
  int socket() const { return socket_.get(); }  // Non-blocking.

  bool HasExited() const;
  // To the whole group and to what left it but has its mark. Harmless when they are gone.
  void Signal(int signal) const;
  // The two halves of Signal. The first costs one call; the second reads /proc.
  void SignalGroup(int signal) const;
  void SignalStrays(int signal) const;
  // What still lives of the leader and of all that it started: a pidfd of each, readable when that
  // one has ended; closed where there was none to be had. Reads /proc.
  std::vector<base::UniqueFd> Remnants() const;
  // Nothing lives in its control group, or it has none.
  bool HasEmptyCgroup() const { return !cgroup_ || cgroup_->IsEmpty(); }
  // How the leader ended, without reaping it; nullopt while it runs.
  std::optional<ProcessExit> PeekExit() const;
  // The kernel killed it, or what it started, for want of memory.
  bool HasRunOutOfMemory() const { return cgroup_ && cgroup_->HasRunOutOfMemory(); }
  // Waits for the leader's end and frees its number.
  ProcessExit Reap();

  // Appends to what is to be sent, and sends what fits. An error means that the worker is gone.
  base::Result<void> Send(std::string_view bytes);
  base::Result<void> Flush();
  bool has_output() const { return !outbox_.empty(); }

  // The last lines of its output, at most 2 KB: what it said before it crashed.
  std::string OutputTail() const;
  // Empties the file of its output, but for a line that says so, once it has more than 4 MiB: a
  // worker that writes for ever must not fill the disk.
  void LimitOutput() const;

 private:
  WorkerProcess() = default;

  pid_t pid_ = 0;
  std::int64_t start_ticks_ = 0;
  std::string attempt_uuid_;
  std::filesystem::path output_path_;
  std::unique_ptr<WorkerCgroup> cgroup_;  // Null where there are none.
  base::UniqueFd pidfd_;
  base::UniqueFd socket_;
  std::string outbox_;
  std::optional<ProcessExit> exit_;  // Once reaped.
};

}  // namespace rollcall::worker
