// The tests start themselves as workers (--worker) and as owners that are killed (--owner).

#include <gtest/gtest.h>

#include <string_view>

#include "jobs/testing/fake_owner.h"
#include "jobs/testing/fake_stages.h"
#include "jobs/worker.h"

int main(int argc, char** argv) {
  using namespace rollcall::jobs;  // NOLINT(build/namespaces)
  if (argc == 2 && std::string_view(argv[1]) == "--worker") {
    return RunWorker(kWorkerSocketFd, &MakeFakeStage);
  }
  if (argc == 4 && std::string_view(argv[1]) == "--owner") return RunFakeOwner(argv[2], argv[3]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
