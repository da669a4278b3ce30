// What a real worker process may not do, and what becomes of one that needs too much memory.

#include "worker/worker_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <fstream>

#include "base/testing/not_tried.h"
#include "base/unique_fd.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"

// A sanitizer's own memory is far above any limit, and its leak check needs ptrace: there are no
// such tests under one.
#ifndef ROLLCALL_SANITIZED

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kMegabyte = 1 << 20;

// Asked of the kernel and not of what is tested.
bool KernelHasSeccomp() { return ::prctl(PR_GET_SECCOMP) >= 0; }

class WorkerSandboxTest : public EngineTest {
 protected:
  void StartWith(const std::string& worker_flag, std::int64_t memory_mb) {
    StartEngine([&](Engine::Options& options) {
      options.worker_argv = {"/proc/self/exe", worker_flag};
      options.worker_memory_bytes_max = memory_mb * kMegabyte;
      options.times.retry_first = std::chrono::milliseconds{2};
    });
  }
  Json ResultOf(const std::string& behaviour) {
    const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", behaviour}}));
    EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
    return Json::parse(Run("detect").run.result_json);
  }
};

TEST_F(WorkerSandboxTest, RefusesWhatNoStageNeeds) {
  if (!KernelHasSeccomp()) return base::testing::SayNotTried("the kernel has no seccomp");
  StartWith("--sandboxed-worker", 0);
  const Json results = ResultOf("try_to_escape");
  for (const auto& [name, error_number] : results.items()) {
    const bool is_harmless = name == "thread" || name == "kill_self";
    const int wanted = is_harmless ? 0 : name == "clone3" ? ENOSYS : EPERM;
    EXPECT_EQ(error_number, wanted) << name;
  }
  EXPECT_GT(results.size(), 20U);
  // That the kernel refused for another reason would not be told.
  engine_.reset();
  for (const char* name : {"socket", "connect", "execve", "clone", "ptrace", "mount", "unshare",
                           "kill", "bpf", "io_uring_setup", "prlimit64"}) {
    const std::string sentence = std::string("the sandbox refused the system call ") + name;
    EXPECT_THAT(LogLines("detect_x"), Contains("[DETECT] x " + sentence));
    EXPECT_THAT(ReadText("jobs/detect_x/worker.out"), HasSubstr(sentence + "\n"));
  }
}

TEST_F(WorkerSandboxTest, LetsAWholeStageWork) {
  StartWith("--sandboxed-worker", 512);
  const store::Job job = SubmitOk(FakeRequest("x", {"detect", "track"}, Json::object()));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  engine_.reset();
  EXPECT_THAT(ReadText("logs/worker.log"), Not(HasSubstr("refused")));
}

TEST_F(WorkerSandboxTest, EndsAWorkerThatNeedsTooMuchMemoryWithATypedError) {
  StartWith("--sandboxed-worker", 256);
  const store::Job greedy = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "eat_memory"}}));
  EXPECT_EQ(WaitForEnd(greedy.id).state, JobState::kFailed);
  const base::Error error = *Run("detect").run.last_error;
  EXPECT_EQ(error.reason, "ERR_OUT_OF_MEMORY");
  EXPECT_THAT(error.message, HasSubstr("256 MB"));
  EXPECT_THAT(error.hint, HasSubstr("jobs.worker_memory_mb"));
  for (const store::Attempt& attempt : Attempts("detect")) {
    EXPECT_LE(attempt.rss_peak_bytes, 320 * kMegabyte) << "the limit did not hold";
  }
  EXPECT_TRUE(AreAllProcessesGone());
  // The owner goes on, and so does the job when its worker is modest.
  Touch("good");
  const auto resumed = engine_->Resume(greedy.id);
  ASSERT_TRUE(resumed.ok());
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kSucceeded);
}

TEST_F(WorkerSandboxTest, SaysSoWhenALibraryCrashesForWantOfMemory) {
  StartWith("--sandboxed-worker", 256);
  const store::Job job =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "use_memory_unseen"}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
  EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_OUT_OF_MEMORY");
  EXPECT_EQ(Attempts("detect").front().exit, "exit 72");
  EXPECT_THAT(ReadText("jobs/detect_x/worker.out"), HasSubstr("out of memory"));
}

// A worker with 100 MB said that the video could not be read.
TEST_F(WorkerSandboxTest, SaysSoWhenALibraryGetsNoThreadForWantOfMemory) {
  StartWith("--sandboxed-worker", 256);
  for (const char* behaviour : {"start_threads_unseen", "throw_for_want_of_a_thread"}) {
    const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", behaviour}}));
    EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
    EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_OUT_OF_MEMORY") << behaviour;
  }
}

TEST_F(WorkerSandboxTest, CallsACrashACrashWhenThereIsMemory) {
  StartWith("--sandboxed-worker", 256);
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "segfault"}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
  EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_POISON_SEGMENT");
  EXPECT_EQ(Attempts("detect").front().exit, "signal 11");
}

TEST(WorkerSandbox, CanBeTriedWithoutEnteringIt) {
  const auto tried = worker::TrySandbox();
  EXPECT_TRUE(base::UniqueFd(::socket(AF_INET, SOCK_STREAM, 0)).is_open());
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Seccomp_filters:")) {
      EXPECT_EQ(line.back(), '0') << "this process is under a filter";
    }
  }
  EXPECT_EQ(tried.ok(), KernelHasSeccomp());
}

}  // namespace
}  // namespace rollcall::jobs

#endif  // Without a sanitizer.
