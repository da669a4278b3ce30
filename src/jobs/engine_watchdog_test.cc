// What must happen in its time happens while a call of the store, or of the disk, does not return.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/testing/faulty_store.h"
#include "worker/process_table.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using When = store::FaultyStore::When;

// Lets calls through until it is closed, and holds them while it is.
class Gate {
 public:
  void Pass() {
    base::MutexLock lock(mutex_);
    if (!is_closed_) return;
    ++held_;
    changed_.NotifyAll();
    while (is_closed_) changed_.Wait(mutex_);
    --held_;
  }
  void Close() {
    base::MutexLock lock(mutex_);
    is_closed_ = true;
  }
  void Open() {
    base::MutexLock lock(mutex_);
    is_closed_ = false;
    changed_.NotifyAll();
  }
  void WaitForHeld(int count = 1) {
    base::MutexLock lock(mutex_);
    while (held_ < count) changed_.Wait(mutex_);
  }
  bool is_holding() {
    base::MutexLock lock(mutex_);
    return held_ > 0;
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_closed_ ROLLCALL_GUARDED_BY(mutex_) = false;
  int held_ ROLLCALL_GUARDED_BY(mutex_) = 0;
};

class EngineWatchdogTest : public EngineTest {
 protected:
  ~EngineWatchdogTest() override {
    gate_->Open();  // A test that failed leaves nobody waiting.
    engine_.reset();
  }
  // Calls of this method of the store pass the gate.
  void PutGateBefore(const std::string& method) {
    store_ = std::make_unique<store::FaultyStore>(
        std::move(store_),
        [gate = gate_, method](std::string_view called, When when) -> std::optional<base::Error> {
          if (called == method && when == When::kBefore) gate->Pass();
          return std::nullopt;
        });
  }
  // Only cancels and retries may end anything soon.
  static void HaveLongLeases(Engine::Options& options) {
    const RuntimeTimes product;
    options.times.lease = product.lease * 10;
    options.times.self_fence = product.self_fence * 10;
    options.times.silence = product.silence * 10;
    options.times.stall_min = options.times.stall_max = product.stall_max;
  }
  store::Job SubmitOfY(const Json& params) {
    const store::Episode other{.key = "y",
                               .display = "Y",
                               .video_path = "/videos/y.mp4",
                               .fingerprint = "g",
                               .created_at = clock_.Now().wall};
    EXPECT_TRUE(store_->EpisodePut(other).ok());
    return SubmitOk(FakeRequest("y", {"detect"}, params));
  }

  // Shared with the store and the options, which the engine asks while the fixture ends it.
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

class EngineFenceTest : public EngineWatchdogTest,
                        public testing::WithParamInterface<const char*> {};

// The thread that should have killed was the one that waited.
TEST_P(EngineFenceTest, KillsAWorkerAtItsFenceAlthoughACallOfTheStoreStillBlocks) {
  PutGateBefore(GetParam());
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 1}}));
  if (std::string_view(GetParam()) == "SegmentCommit") {
    gate_->Close();
    Touch("go");
  } else {
    ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
    gate_->Close();
  }
  gate_->WaitForHeld();
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  EXPECT_TRUE(gate_->is_holding()) << "the call had returned";
  EXPECT_EQ(Run("detect").run.state, JobState::kRunning) << "nobody could write that it ended";
  gate_->Open();
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").size(), 2U);
  EXPECT_EQ(Run("detect").run.failures, 0);
  ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

INSTANTIATE_TEST_SUITE_P(Calls, EngineFenceTest,
                         testing::Values("LeaseRenew", "LeaseReap", "SegmentCommit"),
                         [](const auto& call) { return std::string(call.param); });

TEST_F(EngineWatchdogTest, SaysOfAFencedWorkerThatTheStoreWasOutOfReach) {
  PutGateBefore("LeaseReap");
  StartEngine([](Engine::Options& options) {
    // Not so long that the lease runs out before it is written.
    options.times.lease = RuntimeTimes{}.lease * 10;
  });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 1}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  gate_->Close();
  ASSERT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  gate_->Open();
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const store::Attempt first = Attempts("detect").front();
  EXPECT_EQ(first.error_reason, "ERR_FENCED");
  EXPECT_EQ(first.outcome, store::AttemptOutcome::kInterrupted);
}

TEST_F(EngineWatchdogTest, EndsACancelledWorkerAndItsDeafChildAlthoughACallOfTheStoreStillBlocks) {
  PutGateBefore("LeaseReap");
  StartEngine(HaveLongLeases);
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "with_child"}}));
  ASSERT_TRUE(Eventually([&] { return Exists("child"); }));
  gate_->Close();
  gate_->WaitForHeld();
  ASSERT_TRUE(engine_->Cancel(job.id).ok());
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  EXPECT_TRUE(gate_->is_holding()) << "the call had returned";
  EXPECT_EQ(Run("detect").run.state, JobState::kCancelling);
  gate_->Open();
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kCancelled);
}

TEST_F(EngineWatchdogTest, GoesOnWithOthersWhileASegmentsFileCannotBeRead) {
  StartEngine([this](Engine::Options& options) {
    HaveLongLeases(options);
    ReadWith(
        [gate = gate_](const std::filesystem::path& path) {
          if (path.string().find("/x/segments/") != std::string::npos) gate->Pass();
          return base::DigestFile(path);
        },
        options);
  });
  gate_->Close();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  gate_->WaitForHeld();
  EXPECT_EQ(WaitForEnd(SubmitOfY({{"segments", 0}}).id).state, JobState::kSucceeded);
  EXPECT_TRUE(gate_->is_holding());
  EXPECT_TRUE(store_->SegmentList(Run("detect").run.work_key)->empty());
  gate_->Open();
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").size(), 1U);
  ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

// The end of what a worker says comes after its segments, however long those take to be read.
TEST_F(EngineWatchdogTest, CommitsWhatAHastyWorkerOffersInItsOrderAndBeforeItsEnd) {
  StartEngine([this](Engine::Options& options) {
    HaveLongLeases(options);
    ReadWith(
        [gate = gate_](const std::filesystem::path& path) {
          gate->Pass();
          return base::DigestFile(path);
        },
        options);
  });
  gate_->Close();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "hasty"}}));
  gate_->WaitForHeld();
  ASSERT_TRUE(Eventually([&] { return AreAllProcessesGone(); })) << "it has said all";
  gate_->Open();
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto segments = store_->SegmentList(Run("detect").run.work_key).value();
  ASSERT_EQ(segments.size(), 3U);
  for (std::int64_t number = 0; number < 3; ++number) {
    EXPECT_EQ(segments[static_cast<std::size_t>(number)].number, number);
  }
  EXPECT_EQ(Attempts("detect").size(), 1U);
}

// It is killed, like every worker, when its lease runs out; until then its last segment counts.
TEST_F(EngineWatchdogTest, TakesTheSegmentOfAWorkerThatEndsWhileItIsRead) {
  StartEngine([this](Engine::Options& options) {
    HaveLongLeases(options);
    ReadWith(
        [gate = gate_](const std::filesystem::path& path) {
          if (path.string().find("/segments/") != std::string::npos) gate->Pass();
          return base::DigestFile(path);
        },
        options);
  });
  gate_->Close();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  gate_->WaitForHeld();
  ASSERT_EQ(::kill(static_cast<pid_t>(Run("detect").lease->pid), SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  gate_->Open();
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto events = store_->EventsAfter(job.id, 0, 1000).value();
  std::vector<std::string> kinds;
  for (const store::Event& event : events) kinds.push_back(event.kind);
  const auto first_segment = std::ranges::find(kinds, "segment_committed");
  const auto interrupted = std::ranges::find(kinds, "stage_interrupted");
  EXPECT_LT(first_segment, interrupted);
  EXPECT_EQ(std::ranges::count(kinds, "segment_committed"), 3);
}

// --- A cancel passes

// The engine's lock was held until the leftovers of the last owner had ended.
TEST_F(EngineWatchdogTest, CancelsWhileAnotherCommandStillStartsToWork) {
  PutGateBefore("LeaseLeftovers");
  engine_ = std::move(Engine::Create(FakeEngineOptions(data_dir_), *store_, clock_)).value();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  gate_->Close();
  auto started = std::async(std::launch::async, [&] { return engine_->StartWorking(); });
  gate_->WaitForHeld();
  auto cancelled = std::async(std::launch::async, [&] { return engine_->Cancel(job.id); });
  const bool is_answered = cancelled.wait_for(kLong) == std::future_status::ready;
  EXPECT_TRUE(is_answered);
  if (is_answered) {
    EXPECT_TRUE(engine_->is_working());
    EXPECT_TRUE(engine_->EnsureWorking().ok());
    EXPECT_TRUE(gate_->is_holding()) << "it had started";
  }
  gate_->Open();
  EXPECT_TRUE(started.get().ok());
  EXPECT_EQ(cancelled.get()->job.state, JobState::kCancelled);
}

// Says that it is tomorrow, so that no file counts as written a moment ago.
class TomorrowsClock final : public base::Clock {
 public:
  base::Instant Now() override {
    base::Instant now = system_.Now();
    now.wall += std::chrono::hours{24};
    return now;
  }

 private:
  base::SystemClock system_;
};

class EngineReuseTest : public EngineWatchdogTest {
 protected:
  ~EngineReuseTest() override { engine_.reset(); }
  void Begin() {
    engine_.reset();
    Engine::Options options = FakeEngineOptions(data_dir_);
    ReadWith(
        [reads = reads_](const std::filesystem::path& path) {
          ++*reads;
          return base::DigestFile(path);
        },
        options);
    engine_ = std::move(Engine::Create(std::move(options), *store_, tomorrow_)).value();
    ASSERT_TRUE(engine_->StartWorking().ok());
  }
  // How many files a start reads that takes over the finished detect; -1 if it does not.
  int ReadsOfAStart() {
    const int before = *reads_;
    store::JobRequest request = FakeRequest("x", {"detect"}, Json::object());
    request.stages[0].reuse = engine_->FindReusable(request.stages[0].work_key).value();
    const store::Job job = SubmitOk(request);
    if (job.state != JobState::kSucceeded) {
      WaitForEnd(job.id);
      return -1;
    }
    return *reads_ - before;
  }

  const std::shared_ptr<std::atomic<int>> reads_ = std::make_shared<std::atomic<int>>(0);
  TomorrowsClock tomorrow_;
};

TEST_F(EngineReuseTest, ReadsAResultThatIsTakenOverOnceInItsLifeUnlessItIsTouched) {
  Begin();
  WaitForEnd(SubmitOk(FakeRequest("x", {"detect"}, Json::object())).id);
  EXPECT_EQ(ReadsOfAStart(), 1) << "once for looking and submitting";
  EXPECT_EQ(ReadsOfAStart(), 0);
  Begin();
  EXPECT_EQ(ReadsOfAStart(), 1) << "this owner has not seen it";
  const auto artifacts = store_->ArtifactList(Run("detect").run.id).value();
  const auto path = data_dir_ / artifacts.at(0).path;
  std::filesystem::copy_file(path, data_dir_ / "copy");
  std::filesystem::rename(data_dir_ / "copy", path);
  EXPECT_EQ(ReadsOfAStart(), 1) << "it is another file";
  auto bytes = base::ReadFile(path).value();
  bytes[0] = 'S';
  ASSERT_TRUE(base::WriteFileAtomic(path, bytes).ok());
  EXPECT_EQ(ReadsOfAStart(), -1) << "it is damaged";
}

}  // namespace
}  // namespace rollcall::jobs
