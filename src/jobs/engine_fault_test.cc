// What happens when the store fails, or says that it failed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "base/failpoint.h"
#include "base/testing/no_descriptors.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/testing/faulty_store.h"
#include "worker/process_table.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::HasSubstr;
using When = store::FaultyStore::When;

base::Error Unavailable() {
  return {base::ErrorCode::kUnavailable, "ERR_IO", "failed on purpose", ""};
}

class EngineFaultTest : public EngineTest {
 protected:
  ~EngineFaultTest() override { engine_.reset(); }
  void UseFault(store::FaultyStore::Fault fault) {
    store_ = std::make_unique<store::FaultyStore>(std::move(store_), std::move(fault));
  }
};

TEST_F(EngineFaultTest, KillsItsWorkersBeforeALeaseItCannotRenewRunsOut) {
  // Shared with the fault, which the engine still asks while the fixture ends it.
  const auto is_cut_off = std::make_shared<std::atomic<bool>>(false);
  UseFault([is_cut_off](std::string_view method, When when) -> std::optional<base::Error> {
    const bool is_write = method == "LeaseRenew" || method == "TaskEnd" || method == "TaskClaim" ||
                          method == "LeaseReap";
    if (*is_cut_off && is_write && when == When::kBefore) return Unavailable();
    return std::nullopt;
  });
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 2}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  *is_cut_off = true;
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  EXPECT_EQ(Run("detect").run.state, JobState::kRunning) << "nobody could write that it ended";
  *is_cut_off = false;
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").size(), 2U);
  EXPECT_EQ(Run("detect").run.failures, 0);
}

TEST_F(EngineFaultTest, EndsAnAttemptWhoseResultIsNotTaken) {
  const auto is_refusing = std::make_shared<std::atomic<bool>>(true);
  UseFault([is_refusing](std::string_view method, When when) -> std::optional<base::Error> {
    const bool is_result = method == "TaskSucceed" && when == When::kBefore;
    return is_result && *is_refusing ? std::optional(Unavailable()) : std::nullopt;
  });
  StartEngine([](Engine::Options& options) {
    options.times.stall_max = std::chrono::milliseconds{300};
    options.times.retry_first = std::chrono::milliseconds{5};
  });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  ASSERT_TRUE(Eventually([&] { return Attempts("detect").size() == 2; }));
  *is_refusing = false;
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").front().error_reason, "ERR_STALLED");
}

// The store is the first to notice: nobody else has anything to write.
TEST_F(EngineFaultTest, PausesTheQueuesWhenTheStoreHasNoSpaceAndGoesOnByItself) {
  const auto is_full = std::make_shared<std::atomic<bool>>(false);
  UseFault([is_full](std::string_view method, When when) -> std::optional<base::Error> {
    const bool is_write = method == "TaskClaim" || method == "QueuePause";
    if (!*is_full || !is_write || when != When::kBefore) return std::nullopt;
    return base::Error{base::ErrorCode::kResourceExhausted, "ERR_DISK_FULL", "on purpose", ""};
  });
  StartEngine();
  *is_full = true;
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  EXPECT_TRUE(Eventually([&] {
    return ReadText("logs/worker.log").find("queues paused: ERR_DISK_FULL") != std::string::npos;
  }));
  *is_full = false;
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
}

// Full to the last block, with a worker at work: the store can be told nothing, and said nothing.
TEST_F(EngineFaultTest, SaysThatTheDiskIsFullWhileTheStoreCanTakeNoWord) {
  const auto is_full = std::make_shared<std::atomic<bool>>(false);
  UseFault([is_full](std::string_view method, When when) -> std::optional<base::Error> {
    const bool is_reading = method == "JobGet" || method == "JobRuns" || method == "QueueList";
    if (!*is_full || is_reading || when != When::kBefore) return std::nullopt;
    return base::Error{base::ErrorCode::kResourceExhausted, "ERR_DISK_FULL", "on purpose", ""};
  });
  StartEngine([](Engine::Options& options) { options.slots = 1; });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 1}}));
  const store::Job next = SubmitOk(FakeRequest("y", {"detect"}, Json::object()));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(data_dir_ / "held"); }));
  *is_full = true;
  std::ofstream(data_dir_ / "go") << std::endl;
  const auto view = [&](store::JobId id) { return engine_->View(id).value(); };
  EXPECT_TRUE(Eventually([&] {
    const api::JobView now = view(job.id);
    return now.DiskError() && now.stages[0].wait_reason.find(
                                  "cannot be written yet: the disk is full") != std::string::npos;
  }));
  EXPECT_EQ(view(job.id).stages[0].pid, 0) << "its worker has ended";
  EXPECT_THAT(view(job.id).DiskError()->message, HasSubstr("64 MB free"));
  EXPECT_THAT(view(next.id).stages[0].wait_reason,
              HasSubstr("queue detect is paused: ERR_DISK_FULL"));
  EXPECT_THAT(*engine_->MetricsText(), HasSubstr("rollcall_queue_paused{stage=\"detect\"} 1"));
  *is_full = false;
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(WaitForEnd(next.id).state, JobState::kSucceeded);
  EXPECT_EQ(view(job.id).DiskError(), nullptr);
}

// What is said of a cancel that waits for room.
constexpr std::string_view kUnrecordedCancel = "cannot be recorded yet";

// A store that can be read, and written while `is_full` is false.
store::FaultyStore::Fault FullDisk(std::shared_ptr<std::atomic<bool>> is_full) {
  return [is_full](std::string_view method, When when) -> std::optional<base::Error> {
    const bool is_write = method.starts_with("Job") && method != "JobGet" && method != "JobRuns";
    const bool is_of_work = method.starts_with("Task") || method.starts_with("Lease");
    const bool fails = is_write || is_of_work || method == "QueuePause";
    if (!*is_full || !fails || when != When::kBefore) return std::nullopt;
    return base::Error{base::ErrorCode::kResourceExhausted, "ERR_DISK_FULL", "on purpose", ""};
  };
}

// It was refused, and the job went on when there was space.
TEST_F(EngineFaultTest, KeepsACancelInMindThatAFullDiskCannotTake) {
  const auto is_full = std::make_shared<std::atomic<bool>>(false);
  UseFault(FullDisk(is_full));
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 1}}));
  const store::Job other = SubmitOk(FakeRequest("y", {"detect"}, Json::object()));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  *is_full = true;
  const auto cancelled = engine_->Cancel(job.id);
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().reason, "ERR_DISK_FULL");
  EXPECT_THAT(cancelled.error().message, HasSubstr("keeps it in mind"));
  EXPECT_TRUE(HasTrouble(*engine_->View(job.id), kUnrecordedCancel));
  EXPECT_FALSE(HasTrouble(*engine_->View(other.id), kUnrecordedCancel));
  *is_full = false;
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kCancelled);
  EXPECT_EQ(WaitForEnd(other.id).state, JobState::kSucceeded);
  EXPECT_FALSE(HasTrouble(*engine_->View(job.id), kUnrecordedCancel));
}

TEST_F(EngineFaultTest, ForgetsACancelThatAFullDiskCouldNotTakeWhenTheJobIsResumed) {
  const auto is_full = std::make_shared<std::atomic<bool>>(false);
  UseFault(FullDisk(is_full));
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 1}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  *is_full = true;
  ASSERT_FALSE(engine_->Cancel(job.id).ok());
  ASSERT_TRUE(engine_->Resume(job.id).ok());
  EXPECT_FALSE(HasTrouble(*engine_->View(job.id), kUnrecordedCancel));
  *is_full = false;
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
}

TEST_F(EngineFaultTest, SaysThatACancelIsNotRecordedWhereNobodyWorks) {
  const auto is_full = std::make_shared<std::atomic<bool>>(false);
  UseFault(FullDisk(is_full));
  engine_ = std::move(Engine::Create(FakeEngineOptions(data_dir_), *store_, clock_)).value();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  *is_full = true;
  const auto cancelled = engine_->Cancel(job.id);
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().reason, "ERR_DISK_FULL");
  EXPECT_THAT(cancelled.error().hint, HasSubstr("cancel it again"));
  EXPECT_FALSE(HasTrouble(*engine_->View(job.id), kUnrecordedCancel));
}

// An engine that was told to stop waited for room for ever, and only SIGKILL ended it.
TEST_F(EngineFaultTest, StopsAlthoughTheStoreCanTakeNoWord) {
  const auto is_full = std::make_shared<std::atomic<bool>>(false);
  UseFault([is_full](std::string_view, When when) -> std::optional<base::Error> {
    if (!*is_full || when != When::kBefore) return std::nullopt;
    return base::Error{base::ErrorCode::kResourceExhausted, "ERR_DISK_FULL", "on purpose", ""};
  });
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 1}}));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(data_dir_ / "held"); }));
  *is_full = true;
  engine_->Drain();
  engine_.reset();
  *is_full = false;
  EXPECT_TRUE(AreAllProcessesGone());
  std::ofstream(data_dir_ / "go") << std::endl;
  StartEngine();
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").front().error_reason, "ERR_INTERRUPTED");
}

// It was an interruption each time: the tenth counted as a crash, and the eleventh was called a
// poison segment.
class EngineFullDiskTest : public EngineFaultTest,
                           public testing::WithParamInterface<const char*> {};

TEST_P(EngineFullDiskTest, ASegmentThatMeetsItADozenTimesIsNoPoison) {
  constexpr int kTimes = 12;
  StartEngine([](Engine::Options& options) {
    options.disk_free_bytes_min = 0;
    options.times.disk_check = std::chrono::milliseconds{1};
  });
  const store::Job job = SubmitOk(
      FakeRequest("x", {"detect"}, {{"behaviour", GetParam()}, {"at", 1}, {"times", kTimes}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const store::StageRun run = Run("detect").run;
  EXPECT_EQ(run.interruptions, 0);
  EXPECT_FALSE(run.last_error);
  EXPECT_EQ(Attempts("detect").size(), kTimes + 1U);
  EXPECT_EQ(Attempts("detect").front().error_reason, "ERR_DISK_FULL");
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

INSTANTIATE_TEST_SUITE_P(HoweverItIsMet, EngineFullDiskTest,
                         testing::Values("disk_full", "throw_disk_full", "disk_full_bus"),
                         [](const auto& behaviour) { return std::string(behaviour.param); });

// SIGBUS of a page that there was no room for, for example: the worker can say nothing more.
TEST_F(EngineFaultTest, AWorkerThatEndsByItselfOnAFullDiskHasNotCrashed) {
  StartEngine([](Engine::Options& options) {
    options.times.disk_check = std::chrono::milliseconds{1};
    options.times.projection_give_up = std::chrono::milliseconds{20};
  });
  const store::Job job = SubmitOk(FakeRequest(
      "x", {"detect"}, {{"behaviour", "bus"}, {"times", 1}, {"at", 1}, {"hold_after", 0}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  // From here on every write of this process fails, and of no worker that is at work.
  const std::filesystem::path count = data_dir_ / "writes";
  ::setenv("ROLLCALL_FAIL", "file.write:0:enospc", 1);
  ::setenv("ROLLCALL_FAIL_COUNT", count.c_str(), 1);
  base::ReadFailpointAgain();
  Touch("go");
  EXPECT_TRUE(Eventually([&] { return Attempts("detect").front().ended_at.has_value(); }));
  Touch("writes.freed");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").front().error_reason, "ERR_DISK_FULL");
  EXPECT_EQ(Attempts("detect").front().outcome, store::AttemptOutcome::kInterrupted);
  EXPECT_EQ(Run("detect").run.interruptions, 0);
  engine_.reset();  // Nobody else looks at the environment any more.
  ::unsetenv("ROLLCALL_FAIL");
  ::unsetenv("ROLLCALL_FAIL_COUNT");
  base::ReadFailpointAgain();
}

// The undefined-behaviour sanitizer looks at memory by way of pipes, and takes it for bad where
// there are none.
#ifndef ROLLCALL_SANITIZED
// It was a failure of the stage each time, and the sixth ended the job.
TEST_F(EngineFaultTest, AnEngineWithoutAFileDescriptorFailsNoJob) {
  StartEngine([](Engine::Options& options) {
    options.times.retry_first = std::chrono::milliseconds{1};
    options.disk_free_bytes_min = 0;
  });
  std::optional<base::testing::NoDescriptors> none(std::in_place);
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, base::Json::object()));
  constexpr std::size_t kTimes = 8;
  EXPECT_TRUE(Eventually([&] { return Attempts("detect").size() >= kTimes; }));
  EXPECT_EQ(Run("detect").run.failures, 0);
  EXPECT_EQ(Attempts("detect").front().error_reason, "ERR_TOO_MANY_OPEN_FILES");
  none.reset();
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded)
      << Run("detect").run.last_error->ToString();
}
#endif

// Longer than a lease: it ran out, and who lost it was said to have been interrupted.
TEST_F(EngineFaultTest, AFullStoreCostsARunNothingHoweverLongItLasts) {
  const auto is_full = std::make_shared<std::atomic<bool>>(false);
  UseFault(FullDisk(is_full));
  StartEngine([](Engine::Options& options) {
    options.times.reap = std::chrono::milliseconds{1};  // Before anybody else has a turn.
  });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 1}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  *is_full = true;
  const auto expiry = clock_.Now().boot + engine_->times().lease;
  ASSERT_TRUE(Eventually([&] { return AreAllProcessesGone() && clock_.Now().boot > expiry; }));
  *is_full = false;
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Run("detect").run.interruptions, 0);
  EXPECT_EQ(Attempts("detect").front().error_reason, "ERR_DISK_FULL");
}

// A file that could not be read once was called damaged, and an hour's segments went.
TEST_F(EngineFaultTest, KeepsACheckpointThatCannotBeReadNow) {
  StartEngine(
      [](Engine::Options& options) { options.times.retry_first = std::chrono::seconds{1}; });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 2}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  const auto segments = store_->SegmentList(Run("detect").run.work_key).value();
  const std::filesystem::path file = data_dir_ / segments.front().path;
  const std::filesystem::path aside = data_dir_ / "aside";
  std::filesystem::rename(file, aside);
  std::filesystem::create_symlink(file, file);  // Too many levels of links, and no damage.
  ::kill(static_cast<pid_t>(Stage(job.id).pid), SIGKILL);
  ASSERT_TRUE(Eventually([&] { return Run("detect").run.failures == 1; }));
  std::filesystem::rename(aside, file);
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto events = store_->EventsAfter(job.id, 0, 1000).value();
  EXPECT_EQ(std::ranges::count(events, "checkpoint_repaired", &store::Event::kind), 0);
  EXPECT_EQ(store_->SegmentList(Run("detect").run.work_key)->front().path, segments.front().path);
}

// Each call that a normal run makes is done once, and said to have failed.
class EngineLieTest : public EngineFaultTest, public testing::WithParamInterface<const char*> {};

TEST_P(EngineLieTest, EndsTheJobOnceAllTheSame) {
  std::atomic<int> lies = 0;
  UseFault([&](std::string_view method, When when) -> std::optional<base::Error> {
    if (method != GetParam() || when != When::kAfter || lies.exchange(1) != 0) return std::nullopt;
    return Unavailable();
  });
  StartEngine([](Engine::Options& options) {
    options.times.retry_first = std::chrono::milliseconds{5};
    options.times.renew = std::chrono::milliseconds{20};
  });
  // Long enough for a renewal.
  const store::Job job = SubmitOk(FakeRequest("x", {"detect", "track"}, {{"dwell_ms", 20}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(lies, 1) << "the call was never made";
  engine_.reset();
  EXPECT_TRUE(AreAllProcessesGone());
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
  EXPECT_EQ(ReadJson("episodes/x/state.json")["states"]["tracked"], true);
  const auto events = store_->EventsAfter(job.id, 0, 1000).value();
  const auto ends = std::ranges::count(events, "job_succeeded", &store::Event::kind);
  EXPECT_EQ(ends, 1);
}

INSTANTIATE_TEST_SUITE_P(AllCalls, EngineLieTest,
                         testing::Values("TaskClaim", "TaskStarted", "LeaseRenew", "LeaseReap",
                                         "SegmentCommit", "TaskSucceed", "RunGet", "RunHistory",
                                         "RunsChangedSince", "RunLastGood", "ArtifactList",
                                         "EpisodeGet", "StreamEpoch", "NextRetry"),
                         [](const auto& call) { return std::string(call.param); });

}  // namespace
}  // namespace rollcall::jobs
