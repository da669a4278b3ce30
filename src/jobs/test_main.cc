// The tests start themselves as workers (--worker: they may start children) and as owners that are
// killed (--owner).

#include <gtest/gtest.h>

#include <string_view>

#include "jobs/testing/batch_kind.h"
#include "jobs/testing/fake_owner.h"
#include "jobs/testing/fake_stages.h"
#include "worker/worker.h"

namespace {

namespace worker = rollcall::worker;

// A sanitizer's leak check needs what the sandbox refuses.
#ifdef ROLLCALL_SANITIZED
constexpr worker::SandboxRules kRulesOfTestWorkers = worker::SandboxRules::kNone;
#else
constexpr worker::SandboxRules kRulesOfTestWorkers = worker::SandboxRules::kMayStartProcesses;
#endif

}  // namespace

int main(int argc, char** argv) {
  using namespace rollcall::jobs;  // NOLINT(build/namespaces)
  const std::string_view role = argc > 1 ? argv[1] : "";
  const auto handlers = [](std::string_view stage) {
    return stage == "predict" ? MakePredictStage() : MakeFakeStage(stage);
  };
  if (role == "--worker") {
    return worker::RunWorker(worker::kWorkerSocketFd,
                             {.handlers = handlers, .rules = kRulesOfTestWorkers});
  }
  if (role == "--sandboxed-worker") {
    return worker::RunWorker(worker::kWorkerSocketFd,
                             {.handlers = handlers, .rules = worker::SandboxRules::kAll});
  }
  if (argc == 4 && std::string_view(argv[1]) == "--owner") return RunFakeOwner(argv[2], argv[3]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
