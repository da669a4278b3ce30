#include "app/worker_process.h"

#include <malloc.h>

#include "app/stages.h"
#include "jobs/worker.h"

namespace rollcall::app {

int RunWorkerProcess(int threads) {
  // A picture's memory goes back to the system when it is freed: else each of glibc's heaps, of
  // which every thread of every decoder has one, keeps what it once held.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  return jobs::RunWorker(jobs::kWorkerSocketFd, {.handlers = EpisodeHandlers(threads),
                                                 .outside_files = &EpisodeFiles,
                                                 .rules = jobs::SandboxRules::kAll});
}

}  // namespace rollcall::app
