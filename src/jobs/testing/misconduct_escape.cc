#include "jobs/testing/misconduct_escape.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "domain/reasons.h"
#include "worker/worker.h"

namespace rollcall::jobs {
namespace {

using domain::JobContext;
using domain::StageOutput;
using Output = base::Result<StageOutput>;

long Close(int fd) { return fd < 0 ? fd : ::close(fd); }
long OpenFile(const std::filesystem::path& path, int flags) {
  return Close(::open(path.c_str(), flags | O_CLOEXEC, 0644));
}

long Execve() {
  std::string program = "/bin/true";
  std::array<char*, 2> argv{program.data(), nullptr};
  return ::execve(argv[0], argv.data(), argv.data() + 1);
}
long SendTo() {
  sockaddr address{};
  return ::sendto(worker::kWorkerSocketFd, "x", 1, MSG_NOSIGNAL, &address, sizeof address);
}
long ReadParent() {
  char byte = 0;
  iovec here{&byte, 1};
  return ::process_vm_readv(::getppid(), &here, 1, &here, 1, 0);
}
long LiftLimit() {
  const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  return ::setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace

// Tries what no stage needs; its result says of each what errno it got, 0 for success.
Output TryToEscape(JobContext&) {
  const std::map<std::string, std::function<long()>> tries = {
      {"socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"socket_unix", [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"connect", [] { return ::connect(worker::kWorkerSocketFd, nullptr, 0); }},
      {"bind", [] { return ::bind(worker::kWorkerSocketFd, nullptr, 0); }},
      {"sendto", SendTo},
      {"execve", Execve},
      {"fork", [] { return ::fork(); }},
      {"vfork", [] { return ::syscall(SYS_vfork); }},
      {"clone3", [] { return ::syscall(SYS_clone3, nullptr, 0); }},
      {"setsid", [] { return ::setsid(); }},
      {"ptrace", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"process_vm_readv", ReadParent},
      {"kill", [] { return ::kill(::getppid(), 0); }},
      {"pidfd_open", [] { return ::syscall(SYS_pidfd_open, ::getppid(), 0); }},
      {"mount", [] { return ::mount("none", "/mnt", "tmpfs", 0, nullptr); }},
      {"unshare", [] { return ::unshare(CLONE_NEWUSER); }},
      {"chroot", [] { return ::chroot("/"); }},
      {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"perf_event_open", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
      {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0); }},
      {"io_uring_setup", [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"keyctl", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }},
      {"prlimit64", LiftLimit}};
  base::Json results = base::Json::object();
  for (const auto& [name, act] : tries) {
    errno = 0;
    const long result = act();
    if (result == 0 && (name == "fork" || name == "vfork")) ::_exit(0);  // We are the child.
    results[name] = result < 0 ? errno : 0;
  }
  // What stages do need goes on: files, threads, signals to oneself.
  std::ofstream("/dev/null") << "x";
  std::thread([&results] { results["thread"] = 0; }).join();
  results["kill_self"] = ::kill(::getpid(), 0) == 0 ? 0 : errno;
  return StageOutput{.result = std::move(results), .artifacts = {}};
}

// Tries what no stage needs of the file system, and what every stage needs; its result says of each
// what errno it got, 0 for success. Expects `outside` in its parameters, a file beside the data
// directory.
Output ReachForFiles(JobContext& context) {
  const auto& assignment = context.assignment();
  const std::filesystem::path data = assignment.staging_dir.parent_path().parent_path();
  const std::filesystem::path staging = assignment.staging_dir;
  const std::filesystem::path outside =
      base::Json::parse(assignment.params_json).at("outside").get<std::string>();
  const std::filesystem::path own = staging / "own";
  const auto in_thread = [&] {
    long result = 0;
    int failure = 0;
    std::thread([&] {
      result = OpenFile(outside, O_RDONLY);
      failure = errno;
    }).join();
    errno = failure;
    return result;
  };
  const std::vector<std::pair<std::string, std::function<long()>>> tries = {
      {"may_write_in_staging", [&] { return OpenFile(own, O_WRONLY | O_CREAT | O_TRUNC); }},
      {"may_make_a_folder_in_staging", [&] { return ::mkdir((staging / "f").c_str(), 0755); }},
      {"may_rename_in_staging",
       [&] { return ::rename(own.c_str(), (staging / "renamed").c_str()); }},
      {"may_remove_in_staging", [&] { return ::unlink((staging / "renamed").c_str()); }},
      {"may_read_committed_segments",
       [&] { return OpenFile(assignment.segment_shelf / "committed", O_RDONLY); }},
      {"may_read_its_process", [] { return OpenFile("/proc/self/status", O_RDONLY); }},
      {"may_ask_for_random_numbers", [] { return OpenFile("/dev/urandom", O_RDONLY); }},
      {"make_again", [&] { return OpenFile(own, O_WRONLY | O_CREAT); }},  // For those below.
      {"read_what_was_not_handed_over", [&] { return OpenFile(data / "committed", O_RDONLY); }},
      {"read_outside", [&] { return OpenFile(outside, O_RDONLY); }},
      {"read_outside_in_a_thread", in_thread},
      {"read_by_a_link", [&] { return OpenFile(data / "link-to-outside", O_RDONLY); }},
      {"list_outside", [&] { return OpenFile(outside.parent_path(), O_RDONLY | O_DIRECTORY); }},
      {"read_passwords", [] { return OpenFile("/etc/passwd", O_RDONLY); }},
      {"read_the_owners_environment",
       [] { return OpenFile("/proc/" + std::to_string(::getppid()) + "/environ", O_RDONLY); }},
      {"write_outside", [&] { return OpenFile(outside, O_WRONLY); }},
      {"write_what_is_committed", [&] { return OpenFile(data / "committed", O_WRONLY); }},
      {"cut_what_is_committed", [&] { return ::truncate((data / "committed").c_str(), 0); }},
      {"remove_what_is_committed", [&] { return ::unlink((data / "committed").c_str()); }},
      {"close_what_is_committed", [&] { return ::chmod((data / "committed").c_str(), 0); }},
      {"make_in_the_data_directory", [&] { return OpenFile(data / "stray", O_WRONLY | O_CREAT); }},
      {"make_a_folder", [&] { return ::mkdir((data / "stray").c_str(), 0755); }},
      {"make_in_tmp", [] { return OpenFile("/tmp", O_WRONLY | O_TMPFILE); }},
      {"move_out", [&] { return ::rename(own.c_str(), (data / "stray").c_str()); }},
      {"link_in", [&] { return ::link((data / "committed").c_str(), (staging / "l").c_str()); }},
      {"link_by_name", [&] { return ::symlink("/etc/passwd", (staging / "s").c_str()); }},
      {"make_a_pipe", [&] { return ::mkfifo((staging / "p").c_str(), 0644); }}};
  base::Json results = base::Json::object();
  for (const auto& [name, act] : tries) {
    errno = 0;
    results[name] = act() < 0 ? errno : 0;
  }
  return StageOutput{.result = std::move(results), .artifacts = {}};
}

}  // namespace rollcall::jobs
