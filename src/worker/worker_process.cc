#include "worker/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "worker/process_table.h"
#include "worker/worker.h"
#include "worker/worker_environment.h"

namespace rollcall::worker {
namespace {

constexpr int kExecFailed = 127;

// Everything that the child needs, made before the fork: after it, until exec, only
// async-signal-safe calls are allowed.
struct Launch {
  std::vector<char*> argv;
  std::vector<char*> environment;
  pid_t parent = 0;
  int socket = -1;
  int output = -1;
  int input = -1;
  int cgroup = -1;                    // Of WorkerCgroup::entrance, or none.
  std::int64_t memory_bytes_max = 0;  // 0: no limit.
};

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void RestoreSignals() {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGCHLD, SIGUSR1, SIGUSR2}) {
    ::sigaction(signal, &by_default, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Memory that is the process's own: heap, stacks and anonymous mappings, but not the files it maps.
// Without a limit on reserved addresses, which libraries take freely.
void LimitMemory(std::int64_t bytes_max) {
  if (bytes_max <= 0) return;
  const auto most = static_cast<rlim_t>(bytes_max);
  const rlimit limit{.rlim_cur = most, .rlim_max = most};
  ::setrlimit(RLIMIT_DATA, &limit);
}

[[noreturn]] void RunChild(const Launch& launch) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above; then nobody would tell us.
  if (::getppid() != launch.parent) ::_exit(kExecFailed);
  ::setpgid(0, 0);
  RestoreSignals();
  // Where it is not taken in, the group of processes is what can be killed.
  if (launch.cgroup >= 0 && ::write(launch.cgroup, "0", 1) < 0) errno = 0;
  LimitMemory(launch.memory_bytes_max);
  // Above the numbers that are about to be given.
  const int socket = ::fcntl(launch.socket, F_DUPFD, 16);
  const int output = ::fcntl(launch.output, F_DUPFD, 16);
  const int input = ::fcntl(launch.input, F_DUPFD, 16);
  if (::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
      ::dup2(output, STDERR_FILENO) < 0 || ::dup2(socket, kWorkerSocketFd) < 0) {
    ::_exit(kExecFailed);
  }
  ::syscall(SYS_close_range, kWorkerSocketFd + 1, ~0U, 0);
  ::execve(launch.argv[0], launch.argv.data(), launch.environment.data());
  constexpr std::string_view kMessage = "the worker program cannot be executed\n";
  if (::write(STDERR_FILENO, kMessage.data(), kMessage.size()) < 0) ::_exit(kExecFailed);
  ::_exit(kExecFailed);
}

// nullopt if it has not ended (with WNOHANG), or is no child of ours.
std::optional<ProcessExit> WaitFor(pid_t pid, int options) {
  siginfo_t info{};
  rusage usage{};
  // The raw call: the library's waitid has no rusage.
  while (::syscall(SYS_waitid, P_PID, pid, &info, WEXITED | options, &usage) != 0) {
    if (errno != EINTR) return std::nullopt;
  }
  if (info.si_pid == 0) return std::nullopt;
  return ProcessExit{.status = info.si_status,
                     .is_signal = info.si_code != CLD_EXITED,
                     .rss_peak_bytes = std::int64_t{usage.ru_maxrss} * 1024};
}

base::Error StartError(std::string_view doing) {
  return base::ErrnoError(errno, doing, "a worker");
}

}  // namespace

std::string ProcessExit::ToString() const {
  return fmt::format("{} {}", is_signal ? "signal" : "exit", status);
}

base::Result<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(const Options& options) {
  ROLLCALL_CHECK(!options.argv.empty(), "a worker needs a program");
  const base::UniqueFd output(::open(options.output_path.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                                     base::kOwnFileMode));
  if (!output.is_open()) return base::ErrnoError(errno, "create", options.output_path);
  const base::UniqueFd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.is_open()) return StartError("open /dev/null for");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return StartError("make a socket for");
  }
  base::UniqueFd ours(ends[0]);
  const base::UniqueFd theirs(ends[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);

  std::vector<std::string> argv = options.argv;
  std::vector<std::string> environment =
      WorkerEnvironment{.attempt_uuid = options.attempt_uuid,
                        .temporary_folder = options.temporary_folder}
          .Entries();
  std::unique_ptr<WorkerCgroup> cgroup;
  if (options.cgroups != nullptr) {
    cgroup = options.cgroups->Make(options.attempt_uuid, options.memory_bytes_max);
  }
  const Launch launch{.argv = Pointers(argv),
                      .environment = Pointers(environment),
                      .parent = ::getpid(),
                      .socket = theirs.get(),
                      .output = output.get(),
                      .input = input.get(),
                      .cgroup = cgroup ? cgroup->entrance() : -1,
                      .memory_bytes_max = options.memory_bytes_max};
  const pid_t pid = ::fork();
  if (pid < 0) return StartError("start");
  if (pid == 0) RunChild(launch);

  ::setpgid(pid, pid);  // Both do it, so that neither has to wait for the other.
  std::unique_ptr<WorkerProcess> process(new WorkerProcess());
  process->pid_ = pid;
  process->attempt_uuid_ = options.attempt_uuid;
  process->output_path_ = options.output_path;
  process->cgroup_ = std::move(cgroup);
  process->socket_ = std::move(ours);
  process->pidfd_ = base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process->pidfd_.is_open()) return StartError("watch");
  process->start_ticks_ = ReadProcessStat(pid).value_or(ProcessStat{}).start_ticks;
  return process;
}

WorkerProcess::~WorkerProcess() {
  if (exit_) return;
  Signal(SIGKILL);
  // One that hangs in the kernel is left to it, and to init.
  constexpr int kWaitMs = 2000;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (::poll(&ended, 1, kWaitMs) > 0) Reap();
}

bool WorkerProcess::HasExited() const {
  if (exit_) return true;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

void WorkerProcess::Signal(int signal) const {
  SignalGroup(signal);
  SignalStrays(signal);
}

void WorkerProcess::SignalGroup(int signal) const {
  if (!exit_) ::kill(-pid_, signal);
  if (signal == SIGKILL && cgroup_ && !cgroup_->IsEmpty()) cgroup_->Kill();
}

void WorkerProcess::SignalStrays(int signal) const {
  if (signal != SIGKILL && signal != SIGTERM) return;
  for (const pid_t pid : LiveProcessesOfAttempt(0, attempt_uuid_)) {
    const auto stat = ReadProcessStat(pid);
    if (stat && stat->group != pid_) ::kill(pid, signal);
  }
}

std::vector<base::UniqueFd> WorkerProcess::Remnants() const {
  std::vector<base::UniqueFd> remnants;
  for (const pid_t pid : LiveProcessesOfAttempt(exit_ ? 0 : pid_, attempt_uuid_)) {
    base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const bool has_just_ended = !pidfd.is_open() && errno == ESRCH;
    if (!has_just_ended) remnants.push_back(std::move(pidfd));
  }
  return remnants;
}

std::optional<ProcessExit> WorkerProcess::PeekExit() const {
  if (exit_) return exit_;
  return WaitFor(pid_, WNOWAIT | WNOHANG);
}

ProcessExit WorkerProcess::Reap() {
  if (!exit_) exit_ = WaitFor(pid_, 0).value_or(ProcessExit{});
  return *exit_;
}

base::Result<void> WorkerProcess::Send(std::string_view bytes) {
  outbox_.append(bytes);
  return Flush();
}

base::Result<void> WorkerProcess::Flush() {
  while (!outbox_.empty()) {
    const ssize_t n = ::send(socket_.get(), outbox_.data(), outbox_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (n < 0) {
      outbox_.clear();
      return base::ErrnoError(errno, "write to", "the worker");
    }
    outbox_.erase(0, static_cast<std::size_t>(n));
  }
  return {};
}

void WorkerProcess::LimitOutput() const {
  constexpr std::uintmax_t kOutputMax = 4UL << 20;
  std::error_code failure;
  const auto size = std::filesystem::file_size(output_path_, failure);
  if (failure || size <= kOutputMax) return;
  const base::UniqueFd file(::open(output_path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file.is_open() || ::ftruncate(file.get(), 0) != 0) return;  // Tried again soon.
  const std::string line = fmt::format("({} bytes of output left out)\n", size);
  static_cast<void>(::write(file.get(), line.data(), line.size()));
}

std::string WorkerProcess::OutputTail() const {
  constexpr std::size_t kTailMax = 2048;
  const base::UniqueFd file(::open(output_path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return {};
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(kTailMax));
  std::string tail(kTailMax, '\0');
  const ssize_t n = ::pread(file.get(), tail.data(), tail.size(), from);
  tail.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' ')) tail.pop_back();
  return tail;
}

}  // namespace rollcall::worker
