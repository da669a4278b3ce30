#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"

namespace rollcall::faults {

// A process that owns a folder, has the fake stage detect of one key done, and exits with 0 when
// that has ended and is settled.
struct OwnerWish {
  std::filesystem::path folder;
  std::string key = "x";
  base::Json params;
  int times_divisor = 0;  // 0: that of the runtime's tests.
  // Another host on the same store: its own agent, and no lock of the data directory.
  bool is_first_host = false;
  bool is_unfenced = false;  // Its store lets in every writer, for a negative control.
  // Stops itself (SIGSTOP) just before its store does this for the `stop_nth` time: it has decided
  // to write and has not written. Empty: never.
  std::string stop_before;
  int stop_nth = 1;
};

// Killed with the thread that starts it. On SIGUSR1 it stops itself where no transaction of its
// store is open: an SQLite store has one owner, and one that stands still in a transaction would
// keep everybody out, which is what the data directory's lock is for.
pid_t StartOwner(const OwnerWish& wish);

// How an owner that has ended or stopped did so: waitpid's status, or nullopt after `limit`.
std::optional<int> AwaitOwner(pid_t pid, std::chrono::seconds limit);

// A line for each write that the store of a host refused: "SegmentCommit", "LeaseRenew", …
std::filesystem::path RefusedFile(const std::filesystem::path& folder);

// `faults --owner JSON`, what StartOwner runs.
int RunOwner(const std::string& wish_json);

}  // namespace rollcall::faults
