// Preloaded into a program and its children: every sync to disk takes up to 60 ms, every rename up
// to 30 ms more, as on a busy hard disk. What a test must not rely on happens in between.

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Weyl's sequence, mixed with the process: any two waits of a run differ.
std::uint64_t Next() {
  static std::atomic<std::uint64_t> state{static_cast<std::uint64_t>(::getpid())};
  std::uint64_t word = state.fetch_add(0x9E3779B97F4A7C15U);
  word ^= word >> 32U;
  return word * 0xD6E8FEB86659FD93U >> 32U;
}

void WaitUpTo(milliseconds longest) {
  const auto limit = static_cast<std::uint64_t>(microseconds{longest}.count());
  std::this_thread::sleep_for(microseconds{Next() % limit});
}

}  // namespace

extern "C" {

int fsync(int fd) {
  WaitUpTo(milliseconds{60});
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  WaitUpTo(milliseconds{60});
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

int rename(const char* from, const char* to) {
  WaitUpTo(milliseconds{15});
  const auto result = static_cast<int>(::syscall(SYS_rename, from, to));
  WaitUpTo(milliseconds{15});
  return result;
}

}  // extern "C"
