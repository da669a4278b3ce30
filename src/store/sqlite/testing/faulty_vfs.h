#pragma once

#include <cstdint>
#include <string>

namespace rollcall::store {

// SQLite's file access with one call that fails: the n-th that writes, grows or syncs a file. It
// fails as a full disk does, or with an I/O error; and all calls after it until Heal.
//
// Registered under name() while it lives. One at a time; not thread-safe.
class FaultyVfs {
 public:
  enum class Fault { kDiskFull, kIoError };

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  static std::string name() { return "rollcall-faulty"; }

  // From the n-th call on, counted from now.
  void FailFrom(std::int64_t n, Fault fault);
  void Heal();
  // How many calls there have been since FailFrom or Heal.
  std::int64_t calls() const;
};

}  // namespace rollcall::store
