#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::worker {

// What /proc says of one process.
struct ProcessStat {
  char state = '?';  // 'R', 'S', 'D', 'T', 'Z', …
  pid_t group = 0;
  // Clock ticks since boot. With the pid and the boot id it names a process for ever.
  std::int64_t start_ticks = 0;
};

// nullopt if there is no such process.
std::optional<ProcessStat> ReadProcessStat(pid_t pid);

// The most memory that the process has held so far; 0 if it cannot be told, or it has ended.
std::int64_t PeakMemoryBytes(pid_t pid);

// The environment variable that marks every process of an attempt, with its attempt id.
inline constexpr std::string_view kAttemptVariable = "ROLLCALL_ATTEMPT";

// Processes that belong to an attempt: those of its group, and those that inherited its mark,
// whatever group they went to. Zombies are gone for this purpose. `group` 0: only by the mark.
// Reads all of /proc.
std::vector<pid_t> LiveProcessesOfAttempt(pid_t group, std::string_view attempt_uuid);

// One line for a log: what the threads of `pid` are at, as far as /proc lets us read it.
std::string DescribeThreads(pid_t pid);

// Which process an attempt was started as. `pid` 0: it is not known.
struct AttemptProcess {
  pid_t pid = 0;
  std::int64_t start_ticks = 0;
  std::string attempt_uuid;
};

// Sends SIGKILL to every process of an attempt of this boot that an owner before us left behind,
// and waits for their end. A process that merely has the pid now is left alone. The number of
// processes that did not go within `limit`.
int KillLeftBehind(const AttemptProcess& attempt, std::chrono::milliseconds limit);

}  // namespace rollcall::worker
