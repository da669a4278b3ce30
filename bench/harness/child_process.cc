#include "child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/file.h"

namespace rollcall::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kSampleStep = std::chrono::milliseconds(20);
constexpr auto kGrace = std::chrono::seconds(10);

struct ProcessRow {
  pid_t pid = 0;
  pid_t parent = 0;
  double cpu_s = 0;  // Its own and that of the children it has waited for.
  std::int64_t memory_bytes = 0;
};

std::vector<ProcessRow> AllProcesses() {
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  std::vector<ProcessRow> rows;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename();
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (!std::getline(file, line)) continue;
    const std::size_t after_name = line.rfind(')');
    if (after_name == std::string::npos) continue;
    std::istringstream fields(line.substr(after_name + 1));
    std::string skip;
    ProcessRow row{
        .pid = static_cast<pid_t>(std::stol(name)), .parent = 0, .cpu_s = 0, .memory_bytes = 0};
    fields >> skip >> row.parent;  // Fields 3 and 4 of proc(5).
    for (int i = 5; i < 14; ++i) fields >> skip;
    double ticks_used = 0;
    for (int i = 14; i < 18; ++i) {
      double each = 0;
      fields >> each;
      ticks_used += each;
    }
    for (int i = 18; i < 24; ++i) fields >> skip;
    std::int64_t pages = 0;
    fields >> pages;
    row.cpu_s = ticks_used / ticks;
    row.memory_bytes = pages * page;
    rows.push_back(row);
  }
  return rows;
}

// Those below this process.
std::vector<ProcessRow> Descendants() {
  std::multimap<pid_t, ProcessRow> by_parent;
  for (const ProcessRow& row : AllProcesses()) by_parent.emplace(row.parent, row);
  std::vector<ProcessRow> found;
  std::vector<pid_t> open{getpid()};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    const auto [first, last] = by_parent.equal_range(parent);
    for (auto each = first; each != last; ++each) {
      found.push_back(each->second);
      open.push_back(each->second.pid);
    }
  }
  return found;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

class Watch {
 public:
  explicit Watch(pid_t program) : program_(program), started_(Steady::now()) {
    for (const ProcessRow& row : Descendants()) {
      if (row.pid != program) cpu_before_[row.pid] = row.cpu_s;  // A server of an earlier command.
    }
  }

  // False when the program has ended.
  bool Poll() {
    SampleMemory();
    int status = 0;
    rusage usage{};
    pid_t ended = 0;
    while ((ended = wait4(-1, &status, WNOHANG, &usage)) > 0) {
      use_.cpu_s += Seconds(usage.ru_utime) + Seconds(usage.ru_stime) - Before(ended);
      use_.memory_bytes_largest =
          std::max<std::int64_t>(use_.memory_bytes_largest, usage.ru_maxrss * 1024);
      if (ended != program_) continue;
      use_.wall_s = std::chrono::duration<double>(Steady::now() - started_).count();
      use_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      // Children that the living have waited for are in their figures.
      for (const ProcessRow& row : Descendants()) use_.cpu_s += row.cpu_s - Before(row.pid);
      return false;
    }
    return true;
  }

  const ProcessUse& use() const { return use_; }
  Steady::duration elapsed() const { return Steady::now() - started_; }

 private:
  double Before(pid_t pid) const {
    const auto found = cpu_before_.find(pid);
    return found == cpu_before_.end() ? 0 : found->second;
  }

  void SampleMemory() {
    std::int64_t sum = 0;
    for (const ProcessRow& row : Descendants()) {
      sum += row.memory_bytes;
      use_.memory_bytes_largest = std::max(use_.memory_bytes_largest, row.memory_bytes);
    }
    use_.memory_bytes_sum = std::max(use_.memory_bytes_sum, sum);
  }

  pid_t program_;
  Steady::time_point started_;
  std::map<pid_t, double> cpu_before_;
  ProcessUse use_;
};

base::Result<pid_t> Spawn(const Command& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string variable = *each;
    const bool is_replaced =
        std::any_of(command.environment.begin(), command.environment.end(),
                    [&](const auto& pair) { return variable.starts_with(pair.first + "="); });
    if (!is_replaced) variables.push_back(variable);
  }
  for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const auto to_file = [&actions](int fd, const std::filesystem::path& file) {
    const char* path = file.empty() ? "/dev/null" : file.c_str();
    posix_spawn_file_actions_addopen(&actions, fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  };
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  to_file(1, command.output_file);
  to_file(2, command.error_file);
  pid_t pid = 0;
  const int failed =
      posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return base::ErrnoError(failed, "starting", command.arguments[0]);
  return pid;
}

}  // namespace

void EndChildren() {
  const Steady::time_point patient_until = Steady::now() + kGrace;
  for (const ProcessRow& row : Descendants()) kill(row.pid, SIGTERM);
  for (;;) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const std::vector<ProcessRow> left = Descendants();
    if (left.empty()) return;
    if (Steady::now() > patient_until) {
      for (const ProcessRow& row : left) kill(row.pid, SIGKILL);
    }
    std::this_thread::sleep_for(kSampleStep);
  }
}

base::Result<ProcessUse> RunKeepingServers(const Command& command) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  ROLLCALL_TRY_ASSIGN(const pid_t pid, Spawn(command));
  Watch watch(pid);
  while (watch.Poll()) {
    if (watch.elapsed() > command.time_limit) {
      EndChildren();
      return base::ErrnoError(ETIMEDOUT, "waiting for", command.arguments[0]);
    }
    std::this_thread::sleep_for(kSampleStep);
  }
  return watch.use();
}

base::Result<ProcessUse> Run(const Command& command) {
  auto use = RunKeepingServers(command);
  EndChildren();
  return use;
}

}  // namespace rollcall::bench
