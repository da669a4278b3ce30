#pragma once

namespace rollcall::app {

// A worker: runs one attempt for the agent at its socket. `threads`: for inference. Returns the
// process's exit status.
int RunWorkerProcess(int threads);

}  // namespace rollcall::app
