#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace rollcall::bench {

// A program to run to its end, and how to look at it meanwhile.
struct Command {
  std::vector<std::string> arguments;                            // The program first.
  std::vector<std::pair<std::string, std::string>> environment;  // Over our own.
  std::filesystem::path output_file;                             // Standard output.
  std::filesystem::path error_file;
  std::chrono::seconds time_limit{600};
};

// What it took, every process that it started included, also those that it left behind.
struct ProcessUse {
  int exit_code = 0;                      // 128 + the signal when one ended it.
  double wall_s = 0;                      // Until the program itself ended.
  double cpu_s = 0;                       // User and system.
  std::int64_t memory_bytes_largest = 0;  // Resident, of the largest single process, ever.
  std::int64_t memory_bytes_sum = 0;  // Resident, of all at one moment; shared pages count twice.
};

// Runs it and waits. What it left running is ended afterwards (SIGTERM, then SIGKILL).
// kUnavailable if it cannot be started or the time is over.
//
// Makes this process adopt orphans (PR_SET_CHILD_SUBREAPER), so call it from one thread, and have
// no other children.
base::Result<ProcessUse> Run(const Command& command);

// The same, leaving what it started alive: for a server that later commands talk to.
base::Result<ProcessUse> RunKeepingServers(const Command& command);

// Ends every child that is left.
void EndChildren();

}  // namespace rollcall::bench
