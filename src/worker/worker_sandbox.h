#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace rollcall::worker {

// A worker reads videos and models that strangers made, through libraries that have had holes. The
// sandbox is a seccomp filter, which takes from the process what no stage needs: the network,
// starting programs and processes, other processes (signals, ptrace, their memory), mounts,
// namespaces, kernel modules, keys, bpf, perf, userfaultfd, io_uring, lifting its own limits, and
// changing whose a file is. Which files it may reach is FileSandbox's part, where kAll has both.
//
// A refused call returns EPERM and is told once per call: a line in the process's stderr (its last
// words) and, when the stage ends, in the job's log. Why it is a list of what is denied, and not of
// what is allowed: docs/decisions.md.
enum class SandboxRules {
  kNone,
  kMayStartProcesses,  // For test workers that start children on purpose; else as kAll.
  kAll,
};

// Puts the calling process with all its threads and descendants under the filter, for good; sets
// no_new_privs. Once in a process. kUnimplemented / ERR_INTERNAL where the kernel has no seccomp.
base::Result<void> EnterSandbox(SandboxRules rules);

// The names of the calls that were refused to this process so far, sorted. Thread-safe.
std::vector<std::string> RefusedCalls();

// Whether a process of ours gets under the filter and is then refused a socket; tried in a child.
base::Result<void> TrySandbox();

}  // namespace rollcall::worker
