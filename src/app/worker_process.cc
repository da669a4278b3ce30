#include "app/worker_process.h"

#include "app/stages.h"
#include "jobs/worker.h"

namespace rollcall::app {

int RunWorkerProcess(int threads) {
  return jobs::RunWorker(jobs::kWorkerSocketFd, {.handlers = EpisodeHandlers(threads),
                                                 .outside_files = &EpisodeFiles,
                                                 .rules = jobs::SandboxRules::kAll});
}

}  // namespace rollcall::app
