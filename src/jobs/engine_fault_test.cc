// What happens when the store fails, or says that it failed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "jobs/engine.h"
#include "jobs/process_table.h"
#include "jobs/testing/engine_fixture.h"
#include "jobs/testing/faulty_store.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using When = FaultyStore::When;

constexpr std::string_view kBytes = "segment 0\nsegment 1\nsegment 2\n";

base::Error Unavailable() {
  return {base::ErrorCode::kUnavailable, "ERR_IO", "failed on purpose", ""};
}

class EngineFaultTest : public EngineTest {
 protected:
  ~EngineFaultTest() override { engine_.reset(); }
  void UseFault(FaultyStore::Fault fault) {
    store_ = std::make_unique<FaultyStore>(std::move(store_), std::move(fault));
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
  const store::Job job = SubmitOk(FakeRequest("x", {"detect", "track"}, Json::object()));
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
