#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/stage_handler.h"
#include "worker/worker_sandbox.h"

namespace rollcall::worker {

// The handler of a stage; null if there is none of that name.
using HandlerFactory = std::function<std::unique_ptr<domain::StageHandler>(std::string_view stage)>;

// Files outside the data directory that an attempt reads: the video, the models.
struct OutsideFiles {
  std::vector<std::filesystem::path> reads;
  std::string why_unlimited;  // Not empty: no list of files would do, and this is why.
};
using OutsideFilesOf = std::function<OutsideFiles(const domain::StageAssignment& assignment)>;

// The parts of a worker process.
struct WorkerParts {
  HandlerFactory handlers;
  OutsideFilesOf outside_files = {};  // Null: there are none.
  SandboxRules rules = SandboxRules::kNone;
};

// What the worker process ends with. A crash ends it otherwise.
inline constexpr int kWorkerExitDone = 0;
inline constexpr int kWorkerExitSocketLost = 70;
inline constexpr int kWorkerExitProtocol = 71;
inline constexpr int kWorkerExitOutOfMemory = 72;  // Where it could not be said otherwise.
inline constexpr int kWorkerExitDiskFull = 73;     // The same of a full disk that it had met.

// The descriptor that an agent's child finds its socket at.
inline constexpr int kWorkerSocketFd = 3;

// The whole life of a worker process: says hello over the socket, takes one assignment, runs its
// handler on this thread, says how it ended, and returns the process's exit status. Pulses come
// from a thread of its own, so that a worker that computes is told from one that is dead.
//
// First of all it enters the sandbox and, once the assignment says which, it may reach its files
// only (with SandboxRules::kAll; FileSandbox): it reads its inputs, its stage's segments and what
// `outside_files` names, and writes in its staging folder. Where the kernel has no such thing, the
// job's log says so.
//
// Whatever the handler throws is an ERR_INTERNAL of the stage, and want of memory, on whatever
// thread, an ERR_OUT_OF_MEMORY; a full disk is an ERR_DISK_FULL, whoever met it and however that
// ends the process. When the socket ends, so does the process, at once and from whatever it was
// doing: its agent is gone and nobody wants the result.
// Takes ownership of `socket_fd`. To be called at most once in a process.
int RunWorker(int socket_fd, const WorkerParts& parts);

}  // namespace rollcall::worker
