#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace rollcall::store {

// SQLite's file access with one call that fails: the n-th that makes, writes, cuts or syncs a file.
// It fails as a full disk does, or with an I/O error; and all calls after it until Heal.
//
// Registered under name() while it lives; any number at a time. Thread-safe.
class FaultyVfs {
 public:
  enum class Fault { kDiskFull, kIoError };

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  const std::string& name() const;

  // From the n-th call on, counted from now.
  void FailFrom(std::int64_t n, Fault fault);
  void Heal();
  // How many calls there have been since FailFrom or Heal.
  std::int64_t calls() const;
  // How many of them failed since FailFrom.
  std::int64_t hits() const;

  struct State;

 private:
  const std::unique_ptr<State> state_;
};

}  // namespace rollcall::store
