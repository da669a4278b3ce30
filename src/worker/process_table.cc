#include "worker/process_table.h"

#include <dirent.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <sstream>

#include "base/file.h"
#include "base/unique_fd.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;

// Every process but this one.
std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (!proc) return pids;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure == std::errc() && end == name.data() + name.size() && pid != ::getpid()) {
      pids.push_back(pid);
    }
  }
  return pids;
}

bool HasMark(pid_t pid, std::string_view attempt_uuid) {
  const auto environment = base::ReadFile(fmt::format("/proc/{}/environ", pid));
  if (!environment.ok()) return false;  // Somebody else's process, or gone.
  const std::string wanted = fmt::format("{}={}", kAttemptVariable, attempt_uuid);
  std::string_view rest = *environment;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\0'), rest.size());
    if (rest.substr(0, end) == wanted) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

bool BelongsTo(pid_t pid, const ProcessStat& stat, pid_t group, std::string_view attempt_uuid) {
  if (stat.state == 'Z' || stat.state == 'X') return false;
  return (group > 0 && stat.group == group) || HasMark(pid, attempt_uuid);
}

std::string FirstWord(const std::string& path) {
  const auto text = base::ReadFile(path);
  if (!text.ok()) return "?";
  std::string word = text->substr(0, text->find_first_of(" \n"));
  return word.empty() ? "?" : word;
}

std::string KernelStack(const std::string& task) {
  const auto text = base::ReadFile(task + "/stack");
  if (!text.ok()) return "unreadable";
  std::string frames;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const auto name = line.find("] ");
    const auto end = line.find('+');
    if (name == std::string::npos) continue;
    frames += (frames.empty() ? "" : "<") + line.substr(name + 2, end - name - 2);
  }
  return frames.empty() ? "user" : frames;
}

// Sends SIGKILL to exactly the process that was looked at, and says whether it has ended.
bool KillOne(pid_t pid, pid_t group, std::string_view attempt_uuid) {
  const base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.is_open()) return true;
  const auto stat = ReadProcessStat(pid);  // Once more: the pidfd pins it now.
  if (!stat || !BelongsTo(pid, *stat, group, attempt_uuid)) return true;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  pollfd ended{pidfd.get(), POLLIN, 0};
  return ::poll(&ended, 1, 100) > 0;
}

}  // namespace

std::optional<ProcessStat> ReadProcessStat(pid_t pid) {
  const auto text = base::ReadFile(fmt::format("/proc/{}/stat", pid));
  if (!text.ok()) return std::nullopt;
  // The name, field 2, may contain anything; the last ')' ends it.
  const auto name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text->substr(name_end + 1));
  ProcessStat stat;
  std::string skipped;
  std::int64_t parent = 0;
  fields >> stat.state >> parent >> stat.group;
  for (int field = 6; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return std::nullopt;
  return stat;
}

std::int64_t PeakMemoryBytes(pid_t pid) {
  constexpr std::string_view kLine = "VmHWM:";
  constexpr std::int64_t kKilobyte = 1024;  // As the kernel counts them.
  const auto text = base::ReadFile(fmt::format("/proc/{}/status", pid));
  if (!text.ok()) return 0;
  const std::size_t at = text->find(kLine);
  if (at == std::string::npos) return 0;
  std::istringstream fields(text->substr(at + kLine.size()));
  std::int64_t kilobytes = 0;
  fields >> kilobytes;
  return kilobytes * kKilobyte;
}

std::vector<pid_t> LiveProcessesOfAttempt(pid_t group, std::string_view attempt_uuid) {
  std::vector<pid_t> found;
  for (const pid_t pid : AllProcesses()) {
    const auto stat = ReadProcessStat(pid);
    if (stat && BelongsTo(pid, *stat, group, attempt_uuid)) found.push_back(pid);
  }
  return found;
}

std::string DescribeThreads(pid_t pid) {
  std::string threads;
  std::error_code failure;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), failure)) {
    const std::string path = task.path().string();
    const auto tid = task.path().filename().string();
    pid_t number = 0;
    std::from_chars(tid.data(), tid.data() + tid.size(), number);
    const auto stat = ReadProcessStat(number);
    threads +=
        fmt::format("{}thread {} state={} wchan={} stack={}", threads.empty() ? "" : "; ", tid,
                    stat ? stat->state : '?', FirstWord(path + "/wchan"), KernelStack(path));
  }
  return threads.empty() ? "no threads to be seen" : threads;
}

int KillLeftBehind(const AttemptProcess& attempt, std::chrono::milliseconds limit) {
  // The group's number is the leader's pid. It is ours only if the leader still is the process
  // that was started: a number can be given away again once leader and group are gone.
  const auto leader = attempt.pid > 0 ? ReadProcessStat(attempt.pid) : std::nullopt;
  const pid_t group = leader && leader->start_ticks == attempt.start_ticks ? attempt.pid : pid_t{0};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    int left = 0;
    for (const pid_t pid : LiveProcessesOfAttempt(group, attempt.attempt_uuid)) {
      if (!KillOne(pid, group, attempt.attempt_uuid)) ++left;
    }
    // Once more after the last kill: it may have forked in between.
    if (left == 0 && LiveProcessesOfAttempt(group, attempt.attempt_uuid).empty()) return 0;
    if (std::chrono::steady_clock::now() > deadline) return std::max(left, 1);
  }
}

}  // namespace rollcall::worker
