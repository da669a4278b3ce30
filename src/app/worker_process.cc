#include "app/worker_process.h"

#include <malloc.h>

#include "app/composition.h"

namespace rollcall::app {

int RunWorkerProcess(int threads) {
  // One heap for all threads: else each thread of every decoder has one, which keeps what it once
  // held. They allocate little that is small, so that they seldom wait for each other.
  ::mallopt(M_ARENA_MAX, 1);
  return worker::RunWorker(worker::kWorkerSocketFd, WorkerSide(threads));
}

}  // namespace rollcall::app
