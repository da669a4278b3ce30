#include "app/worker_process.h"

#include "app/stages.h"
#include "jobs/worker.h"

namespace rollcall::app {

int RunWorkerProcess(int threads) {
  return jobs::RunWorker(jobs::kWorkerSocketFd, EpisodeHandlers(threads), jobs::SandboxRules::kAll);
}

}  // namespace rollcall::app
