#include "worker/file_sandbox.h"

#include <fcntl.h>
#include <link.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;
using base::Result;

// Rights that came after the headers of this machine, by the version of the kernel that knows them.
constexpr std::uint64_t kTruncate = 1ULL << 14;     // 3
constexpr std::uint64_t kDeviceIoctl = 1ULL << 15;  // 5

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kRead = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriteFile = LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
// No links, pipes, sockets or devices, and nothing from one folder into another.
constexpr std::uint64_t kWrite = kRead | kWriteFile | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG;
// What a rule about a file, not a folder, may speak of.
constexpr std::uint64_t kOfFiles =
    kReadFile | kWriteFile | LANDLOCK_ACCESS_FS_EXECUTE | kDeviceIoctl;

// Everything that a kernel of this version can refuse.
std::uint64_t Refusable(int version) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (version >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kDeviceIoctl;
  return rights;
}

constexpr std::array kReadByAll = {"/usr",
                                   "/lib",
                                   "/lib64",
                                   "/etc/ld.so.cache",
                                   "/etc/localtime",
                                   "/proc/self",
                                   "/proc/cpuinfo",
                                   "/proc/meminfo",
                                   "/proc/stat",
                                   "/proc/sys",
                                   "/sys/devices/system",
                                   "/sys/fs/cgroup",
                                   "/dev/null",
                                   "/dev/zero",
                                   "/dev/random",
                                   "/dev/urandom"};

// The files of the program and of its libraries, which may lie anywhere; not their folders, where
// other things may lie.
std::vector<fs::path> ProgramFiles() {
  std::vector<fs::path> files{"/proc/self/exe"};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t /*size*/, void* found) {
        if (info->dlpi_name != nullptr && *info->dlpi_name == '/') {
          static_cast<std::vector<fs::path>*>(found)->emplace_back(info->dlpi_name);
        }
        return 0;
      },
      &files);
  return files;
}

base::Error None() {
  return base::Error{
      base::ErrorCode::kUnimplemented, std::string(domain::reason::kInternal),
      "this kernel does not keep a process to some files (Landlock)",
      "workers run without it; Linux 5.13 and later have it (CONFIG_SECURITY_LANDLOCK)"};
}

class Ruleset {
 public:
  static Result<Ruleset> Create(int version) {
    Ruleset made;
    made.refusable_ = Refusable(version);
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = made.refusable_;
    // The first field alone is known to every version.
    made.fd_ = base::UniqueFd(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(std::uint64_t), 0)));
    if (!made.fd_.is_open()) return base::ErrnoError(errno, "make", "rules for files");
    return made;
  }

  Result<void> Allow(const fs::path& path, std::uint64_t rights) {
    const base::UniqueFd target(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!target.is_open()) return {};  // Not there, or not for this user anyway.
    struct stat status {};
    if (::fstat(target.get(), &status) != 0) return base::ErrnoError(errno, "look at", path);
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights & refusable_ & (S_ISDIR(status.st_mode) ? ~0ULL : kOfFiles);
    rule.parent_fd = target.get();
    const long added =
        ::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    return added == 0 ? Result<void>() : base::ErrnoError(errno, "allow", path);
  }

  base::UniqueFd Release() && { return std::move(fd_); }

 private:
  std::uint64_t refusable_ = 0;
  base::UniqueFd fd_;
};

}  // namespace

int LandlockVersion() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

Result<FileSandbox> FileSandbox::Create(const FileRules& rules) {
  const int version = LandlockVersion();
  if (version == 0) return None();
  ROLLCALL_TRY_ASSIGN(Ruleset ruleset, Ruleset::Create(version));
  for (const char* path : kReadByAll) ROLLCALL_TRY(ruleset.Allow(path, kRead));
  ROLLCALL_TRY(ruleset.Allow("/dev/null", kReadFile | kWriteFile));
  for (const fs::path& path : ProgramFiles()) ROLLCALL_TRY(ruleset.Allow(path, kReadFile));
  for (const fs::path& path : rules.reads) ROLLCALL_TRY(ruleset.Allow(path, kRead));
  for (const fs::path& path : rules.writes) ROLLCALL_TRY(ruleset.Allow(path, kWrite));
  return FileSandbox(std::move(ruleset).Release());
}

Result<void> FileSandbox::Enter() const {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return base::ErrnoError(errno, "give up", "new privileges");
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset_.get(), 0) != 0) {
    return base::ErrnoError(errno, "enter", "the rules for files");
  }
  return {};
}

Result<void> TryFileSandbox() {
  const auto sandbox = FileSandbox::Create({});
  if (!sandbox.ok()) return sandbox.error();
  const pid_t child = ::fork();
  if (child < 0) return base::ErrnoError(errno, "start", "a process to try the sandbox");
  if (child == 0) {
    if (!sandbox->Enter().ok()) ::_exit(1);
    const bool is_refused = ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES;
    ::_exit(is_refused ? 0 : 2);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return None();
}

}  // namespace rollcall::worker
