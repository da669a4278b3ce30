#include "worker/worker_sandbox.h"

#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <type_traits>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::worker {
namespace {

using base::Result;

// Calls that are refused whatever their arguments. A name that this kernel's headers do not know is
// passed over.
constexpr std::array kRefused = {
    // The network. The socket to the agent is there already and needs only send and recv.
    "socket", "socketcall", "connect", "bind", "listen", "accept", "accept4", "sendmsg", "sendmmsg",
    // Other processes.
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
    "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp", "tkill",
    // Namespaces and mounts.
    "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig",
    "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr", "open_by_handle_at",
    "fanotify_init",
    // The kernel and the machine.
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "iopl", "ioperm", "syslog",
    "clock_settime", "clock_adjtime", "adjtimex", "settimeofday", "sethostname", "setdomainname",
    "add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
    "io_uring_enter", "io_uring_register",
    // Its own memory limit.
    "setrlimit",
    // By a file's name: its owner, mode and length. FileSandbox knows nothing of these, or not in
    // every version.
    "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "setxattr", "lsetxattr",
    "setxattrat", "removexattr", "lremovexattr", "removexattrat", "truncate"};

// And those that start a program or a process, or leave the group that the agent kills.
constexpr std::array kRefusedToStart = {"execve", "execveat", "fork", "vfork", "setsid", "setpgid"};

constexpr std::array kNamespaceFlags = {CLONE_NEWUSER, CLONE_NEWNET,    CLONE_NEWPID, CLONE_NEWNS,
                                        CLONE_NEWIPC,  CLONE_NEWCGROUP, CLONE_NEWUTS};

// What the signal handler needs, made before the filter is on: it may not allocate.
struct CallNote {
  std::atomic<bool> is_refused{false};
  std::array<char, 32> name{};
};
constexpr std::size_t kCallsMax = 1024;
std::array<CallNote, kCallsMax> g_calls;  // NOLINT: a signal handler has nothing else.

void SetReturnValue(ucontext_t& context, long value) {
#if defined(__x86_64__)
  context.uc_mcontext.gregs[REG_RAX] = value;
#elif defined(__aarch64__)
  context.uc_mcontext.regs[0] = static_cast<unsigned long long>(value);
#else
#error "where does this machine return the result of a system call?"
#endif
}

// The kernel delivers a refused call as a SIGSYS: it is noted, and the call returns EPERM. Only
// async-signal-safe calls.
void OnRefused(int /*signal*/, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const auto number = static_cast<std::size_t>(std::max(info->si_syscall, 0));
  if (number < kCallsMax && !g_calls[number].is_refused.exchange(true)) {
    constexpr std::string_view kSentence = "the sandbox refused the system call ";
    std::array<char, 128> line{};
    const char* name = g_calls[number].name.data();
    char* end = std::copy(kSentence.begin(), kSentence.end(), line.data());
    end = std::copy(name, name + ::strlen(name), end);
    *end++ = '\n';
    // Nobody could be told that this failed.
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(end - line.data()));
  }
  SetReturnValue(*static_cast<ucontext_t*>(context), -EPERM);
  errno = saved_errno;
}

// libseccomp's functions return 0 or a negated errno. The first failure stays.
class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ALLOW)) {}

  template <typename... Conditions>
  void Refuse(const char* name, Conditions... conditions) {
    Add(SCMP_ACT_TRAP, name, conditions...);
  }
  // As a kernel that does not have it: the caller uses an older one, whose flags can be seen.
  void DenyKnowledgeOf(const char* name) { Add(SCMP_ACT_ERRNO(ENOSYS), name); }

  Result<void> Load() {
    if (context_ == nullptr) return Failed(ENOMEM);
    // Threads that a library has started before main come along.
    if (failure_ == 0) failure_ = ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    if (failure_ == 0) failure_ = ::seccomp_load(context_.get());
    return failure_ == 0 ? Result<void>() : Failed(-failure_);
  }

 private:
  struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
  };

  template <typename... Conditions>
  void Add(std::uint32_t action, const char* name, Conditions... conditions) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (context_ == nullptr || number == __NR_SCMP_ERROR || number < 0 || failure_ != 0) return;
    if (static_cast<std::size_t>(number) < kCallsMax) {
      auto& note = g_calls[static_cast<std::size_t>(number)].name;
      std::copy_n(name, std::min(::strlen(name), note.size() - 1), note.data());
    }
    failure_ =
        ::seccomp_rule_add(context_.get(), action, number, sizeof...(conditions), conditions...);
  }

  static base::Error Failed(int error_number) {
    base::Error error = base::ErrnoError(error_number, "install", "the filter of system calls");
    error.code = base::ErrorCode::kUnimplemented;
    return error;
  }

  std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release> context_;
  int failure_ = 0;
};

void AddRules(Filter& filter, SandboxRules rules) {
  for (const char* name : kRefused) filter.Refuse(name);
  filter.Refuse("sendto", SCMP_A4(SCMP_CMP_NE, 0));     // To an address; send() has none.
  filter.Refuse("prlimit64", SCMP_A2(SCMP_CMP_NE, 0));  // Reading a limit is harmless.
  filter.Refuse("prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG));
  const auto self = static_cast<scmp_datum_t>(::getpid());
  for (const char* name : {"kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"}) {
    filter.Refuse(name, SCMP_A0(SCMP_CMP_NE, self));
  }
  // clone3's flags are behind a pointer, which no filter can follow.
  filter.DenyKnowledgeOf("clone3");
  if (rules == SandboxRules::kAll) {
    for (const char* name : kRefusedToStart) filter.Refuse(name);
    filter.Refuse("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    return;
  }
  for (const int flag : kNamespaceFlags) {
    const auto bit = static_cast<scmp_datum_t>(flag);
    filter.Refuse("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
  }
}

}  // namespace

Result<void> EnterSandbox(SandboxRules rules) {
  if (rules == SandboxRules::kNone) return {};
  struct sigaction action {};
  action.sa_sigaction = OnRefused;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) {
    return base::ErrnoError(errno, "handle", "SIGSYS");
  }
  Filter filter;
  AddRules(filter, rules);
  return filter.Load();
}

std::vector<std::string> RefusedCalls() {
  std::vector<std::string> names;
  for (const CallNote& call : g_calls) {
    if (call.is_refused.load()) names.emplace_back(call.name.data());
  }
  std::ranges::sort(names);
  return names;
}

Result<void> TrySandbox() {
  const pid_t child = ::fork();
  if (child < 0) return base::ErrnoError(errno, "start", "a process to try the sandbox");
  if (child == 0) {
    ::close(STDERR_FILENO);  // The refusal is expected.
    if (const auto entered = EnterSandbox(SandboxRules::kAll); !entered.ok()) ::_exit(1);
    const bool is_refused = ::socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM;
    ::_exit(is_refused ? 0 : 2);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return base::Error{base::ErrorCode::kUnimplemented, std::string(domain::reason::kInternal),
                     "this kernel does not take a filter of system calls (seccomp)",
                     "workers run without it; a kernel with CONFIG_SECCOMP_FILTER has it"};
}

}  // namespace rollcall::worker
