#include "base/failpoint.h"

#if defined(ROLLCALL_FAILPOINTS)

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "base/unique_fd.h"

namespace rollcall::base {
namespace {

struct Wish {
  std::string name;
  long nth = 0;
  std::string action;
  std::string count_file;
};

Wish ReadWish() {
  Wish wish;
  const char* text = std::getenv("ROLLCALL_FAIL");
  const char* file = std::getenv("ROLLCALL_FAIL_COUNT");
  if (text == nullptr || file == nullptr) return wish;
  const std::string all = text;
  const std::size_t first = all.find(':');
  const std::size_t second = first == std::string::npos ? first : all.find(':', first + 1);
  if (second == std::string::npos) return wish;
  wish.name = all.substr(0, first);
  wish.nth = std::strtol(all.c_str() + first + 1, nullptr, 10);
  wish.action = all.substr(second + 1);
  wish.count_file = file;
  return wish;
}

// How many hits there have been with this one: a file grows by a byte for each.
long Count(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.is_open() || ::write(fd.get(), "x", 1) != 1) return 0;
  struct stat status {};
  return ::fstat(fd.get(), &status) == 0 ? static_cast<long>(status.st_size) : 0;
}

struct Current {
  Mutex mutex;
  std::shared_ptr<const Wish> wish ROLLCALL_GUARDED_BY(mutex) =
      std::make_shared<const Wish>(ReadWish());
};

Current& TheCurrent() {
  static Current current;
  return current;
}

}  // namespace

void ReadFailpointAgain() {
  auto wish = std::make_shared<const Wish>(ReadWish());
  Current& current = TheCurrent();
  MutexLock lock(current.mutex);
  current.wish = std::move(wish);
}

std::string FailpointFolder() {
  const Wish wish = ReadWish();
  return wish.name.empty() ? "" : std::filesystem::path(wish.count_file).parent_path().string();
}

Result<void> Failpoint(std::string_view name) {
  const std::shared_ptr<const Wish> read = [&current = TheCurrent()] {
    MutexLock lock(current.mutex);
    return current.wish;
  }();
  const Wish& wish = *read;
  if (wish.name != name) return {};
  const long hit = Count(wish.count_file);
  const bool lasts = wish.action == "enospc" || wish.action == "eio";
  if (lasts && hit >= wish.nth && ::access((wish.count_file + ".freed").c_str(), F_OK) != 0) {
    return ErrnoError(wish.action == "eio" ? EIO : ENOSPC, "write on purpose", name);
  }
  if (lasts || (wish.nth != 0 && hit != wish.nth)) return {};
  if (wish.action == "abort") std::abort();
  if (wish.action == "kill-self") ::kill(::getpid(), SIGKILL);
  if (wish.action == "delay") ::poll(nullptr, 0, 50);
  while (wish.action == "hang") ::poll(nullptr, 0, -1);
  if (wish.action != "error") return {};
  return Error{ErrorCode::kUnavailable, "ERR_IO", "failed on purpose at " + std::string(name), ""};
}

}  // namespace rollcall::base

#endif
