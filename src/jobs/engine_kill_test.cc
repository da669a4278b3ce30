// What happens when workers hang, stop, are killed or cancelled.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/file.h"
#include "base/testing/without_privileges.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "worker/process_table.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::Contains;
using testing::HasSubstr;

class EngineKillTest : public EngineTest {
 protected:
  pid_t WorkerPid(store::JobId id) { return static_cast<pid_t>(Stage(id).pid); }
  // A job whose worker waits before segment 2.
  store::Job SubmitHeld() {
    const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 2}}));
    EXPECT_TRUE(Eventually([&] { return Exists("held"); }));
    return job;
  }
  // A job whose worker has come to its bad behaviour at segment 1.
  store::Job SubmitBad(const std::string& behaviour, int times) {
    const store::Job job = SubmitOk(
        FakeRequest("x", {"detect"}, {{"behaviour", behaviour}, {"at", 1}, {"times", times}}));
    EXPECT_TRUE(Eventually([&] { return Exists("bad-detect"); }));
    return job;
  }
};

TEST_F(EngineKillTest, NothingStaysInStagingOfAttemptsThatHaveEnded) {
  StartEngine();
  const store::Job job = SubmitHeld();
  const std::string killed = Attempts("detect").front().fence.attempt_uuid;
  ASSERT_TRUE(Exists("staging/" + killed));
  Touch("staging/" + killed + "/half");
  ASSERT_EQ(::kill(WorkerPid(job.id), SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] { return !Exists("staging/" + killed); }));
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  engine_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(data_dir_ / "staging"));
}

TEST_F(EngineKillTest, GoesOnFromTheSegmentAfterAKill) {
  StartEngine();
  const store::Job job = SubmitHeld();
  ASSERT_EQ(::kill(WorkerPid(job.id), SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return Attempts("detect").size() == 2; }));
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto attempts = Attempts("detect");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].exit, "signal 9");
  EXPECT_EQ(attempts[1].number, 2);
  const auto segments = store_->SegmentList(Run("detect").run.work_key).value();
  EXPECT_THAT(segments.at(1).path, HasSubstr("seg-00001.t1."));
  EXPECT_THAT(segments.at(2).path, HasSubstr("seg-00002.t2."));
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineKillTest, CancelsACooperativeWorkerSoon) {
  StartEngine();
  const store::Job job = SubmitHeld();
  const auto outcome = engine_->Cancel(job.id);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kCancelled);
  EXPECT_EQ(Attempts("detect").at(0).exit, "exit 0") << "it was asked, not killed";
  EXPECT_TRUE(AreAllProcessesGone());
  engine_.reset();
  EXPECT_EQ(ReadJson("jobs/detect_x/meta.json")["stages"]["detect"]["status"], "canceled");
  EXPECT_EQ(ReadJson("episodes/x/runtime.json")["active_jobs"], Json::object());
  EXPECT_FALSE(Exists("jobs/detect_x/.lock"));
  EXPECT_THAT(LogLines("detect_x"), Contains("[DETECT] x stage=end status=canceled"));
}

TEST_F(EngineKillTest, CancelsADeafWorkerByForce) {
  StartEngine();
  const store::Job job = SubmitBad("deaf", 1);
  ASSERT_TRUE(engine_->Cancel(job.id).ok());
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kCancelled);
  EXPECT_EQ(Attempts("detect").at(0).exit, "signal 9");
  EXPECT_TRUE(AreAllProcessesGone());
}

TEST_F(EngineKillTest, EndsTheChildrenOfACancelledWorkerToo) {
  StartEngine();
  const store::Job job = SubmitBad("with_child", 1);
  ASSERT_TRUE(Eventually([&] { return Exists("child"); }));
  const auto child = static_cast<pid_t>(std::stol(ReadText("child")));
  ASSERT_TRUE(worker::ReadProcessStat(child).has_value());
  ASSERT_TRUE(engine_->Cancel(job.id).ok());
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kCancelled);
  const auto stat = worker::ReadProcessStat(child);
  EXPECT_TRUE(!stat || stat->state == 'Z');
}

TEST_F(EngineKillTest, EndsAChildThatLeftTheGroupOfAFinishedWorker) {
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "with_lost_child"}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto child = static_cast<pid_t>(std::stol(ReadText("child")));
  EXPECT_TRUE(Eventually([&] {
    const auto stat = worker::ReadProcessStat(child);
    return !stat || stat->state == 'Z';
  }));
}

TEST_F(EngineKillTest, CancelsWhatOnlyWaitsAtOnce) {
  StartEngine();
  const store::Job first = SubmitHeld();
  const store::Job behind = SubmitOk(FakeRequest("x", {"detect"}, {{"segments", 1}}));
  EXPECT_THAT(Stage(behind.id).wait_reason, HasSubstr("other parameters"));
  ASSERT_TRUE(engine_->Cancel(behind.id).ok());
  EXPECT_EQ(store_->JobGet(behind.id)->state, JobState::kCancelled);
  Touch("go");
  EXPECT_EQ(WaitForEnd(first.id).state, JobState::kSucceeded);
}

TEST_F(EngineKillTest, SaysThatAFinishedJobWasNotCancelled) {
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  WaitForEnd(job.id);
  EXPECT_TRUE(engine_->Cancel(job.id)->had_finished);
  EXPECT_EQ(store_->JobGet(job.id)->state, JobState::kSucceeded);
}

TEST_F(EngineKillTest, FlagsAStallLooksAtTheWorkerAndEndsIt) {
  StartEngine([](Engine::Options& options) {
    options.times.stall_min = std::chrono::milliseconds{300};
    options.times.stall_grace = std::chrono::seconds{3};  // So that the flag can be seen.
  });
  const store::Job job = SubmitBad("stall", 1);
  EXPECT_TRUE(Eventually([&] { return Stage(job.id).is_stalled; }));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto attempts = Attempts("detect");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].outcome, store::AttemptOutcome::kStalled);
  EXPECT_EQ(attempts[0].error_reason, "ERR_STALLED");
  engine_.reset();
  EXPECT_THAT(LogLines("detect_x"),
              Contains(HasSubstr("stalled: ERR_STALLED: no change of done=100")));
  EXPECT_THAT(LogLines("detect_x"), Contains(HasSubstr("stack: thread ")));
}

TEST_F(EngineKillTest, StartsAStalledJobAgainWhenItIsSubmittedAgain) {
  StartEngine([](Engine::Options& options) {
    options.times.stall_min = std::chrono::milliseconds{300};
    options.times.stall_grace = std::chrono::hours{1};
  });
  const store::Job job = SubmitBad("stall", 1);
  ASSERT_TRUE(Eventually([&] { return Run("detect").lease->liveness.is_stalled; }));
  const auto again = engine_->Submit(
      FakeRequest("x", {"detect"}, {{"behaviour", "stall"}, {"at", 1}, {"times", 1}}));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->is_existing);
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").at(0).outcome, store::AttemptOutcome::kInterrupted);
}

TEST_F(EngineKillTest, ResumesAStalledJobAtOnce) {
  StartEngine([](Engine::Options& options) {
    options.times.stall_min = std::chrono::milliseconds{300};
    options.times.stall_grace = std::chrono::hours{1};
  });
  const store::Job job = SubmitBad("stall", 1);
  ASSERT_TRUE(Eventually([&] { return Run("detect").lease->liveness.is_stalled; }));
  const auto resumed = engine_->Resume(job.id);
  ASSERT_TRUE(resumed.ok());
  EXPECT_TRUE(resumed->is_existing);
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
}

TEST_F(EngineKillTest, ReplacesAWorkerThatIsStopped) {
  StartEngine();
  const store::Job job = SubmitBad("stop_self", 1);
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto attempts = Attempts("detect");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].outcome, store::AttemptOutcome::kExpired);
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineKillTest, ResumesACancelledJobFromItsSegments) {
  StartEngine();
  const store::Job job = SubmitHeld();
  ASSERT_TRUE(engine_->Cancel(job.id).ok());
  WaitForEnd(job.id);
  Touch("go");
  const auto resumed = engine_->Resume(job.id);
  ASSERT_TRUE(resumed.ok()) << resumed.error().ToString();
  EXPECT_NE(resumed->job.id, job.id);
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Run("detect").run.generation, 2);
  const auto segments = store_->SegmentList(Run("detect").run.work_key).value();
  EXPECT_THAT(segments.at(0).path, HasSubstr("seg-00000.t1.")) << "from the first attempt";
  EXPECT_THAT(segments.at(2).path, HasSubstr("seg-00002.t2."));
}

TEST_F(EngineKillTest, DrainsAWorkerWithoutCallingItAFailure) {
  StartEngine();
  const store::Job job = SubmitHeld();
  engine_->Drain();
  EXPECT_EQ(store_->JobGet(job.id)->state, JobState::kQueued);
  EXPECT_EQ(Run("detect").run.failures, 0);
  EXPECT_EQ(Attempts("detect").at(0).outcome, store::AttemptOutcome::kInterrupted);
  EXPECT_EQ(Attempts("detect").at(0).exit, "exit 0");
  EXPECT_TRUE(AreAllProcessesGone());
}

TEST_F(EngineKillTest, LeavesNothingRunningWhenItGoes) {
  StartEngine();
  const store::Job job = SubmitBad("deaf", 1);
  engine_.reset();
  EXPECT_TRUE(AreAllProcessesGone());
  EXPECT_EQ(store_->JobGet(job.id)->state, JobState::kQueued);
  EXPECT_FALSE(Exists("jobs/detect_x/.lock"));
}

TEST_F(EngineKillTest, EndsAnAttemptWhoseLeaseWasTakenAway) {
  StartEngine();
  const store::Job job = SubmitHeld();
  const auto lease = *Run("detect").lease;
  ASSERT_TRUE(store_->LeaseVoid(lease.fence).ok());
  ASSERT_TRUE(Eventually([&] { return Attempts("detect").size() == 2; }));
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_TRUE(Eventually(
      [&] { return worker::LiveProcessesOfAttempt(0, lease.fence.attempt_uuid).empty(); }));
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineKillTest, CountsInterruptionsInARowAcrossOwners) {
  const auto start = [this] {
    StartEngine([](Engine::Options& options) {
      options.times.retry_first = options.times.retry_max = std::chrono::hours{1};
    });
  };
  start();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 0}}));
  std::set<pid_t> seen;
  for (int kill = 0; kill < RetryPolicy::kInterruptionsMax; ++kill) {
    if (kill == 5) {
      ASSERT_TRUE(Eventually([&] { return Run("detect").run.interruptions_in_row == kill; }));
      engine_.reset();  // That is wished for, and counts as nothing.
      start();
    }
    pid_t pid = 0;
    ASSERT_TRUE(Eventually([&] {
      pid = WorkerPid(job.id);
      return pid > 0 && !seen.contains(pid) && Run("detect").run.interruptions_in_row == kill;
    })) << kill;
    seen.insert(pid);
    ::kill(pid, SIGKILL);
  }
  EXPECT_TRUE(Eventually([&] { return Run("detect").run.state == JobState::kRetryWait; }));
  EXPECT_EQ(Run("detect").run.crashes, 1);
  EXPECT_EQ(Attempts("detect").front().outcome, store::AttemptOutcome::kInterrupted);
  EXPECT_EQ(Attempts("detect").back().outcome, store::AttemptOutcome::kCrashed);
}

TEST_F(EngineKillTest, FailsAStageWhoseStateCannotBeWritten) {
  const base::testing::WithoutPrivileges without_privileges;
  StartEngine();
  const store::Job job = SubmitHeld();
  std::filesystem::permissions(data_dir_ / "episodes/x", std::filesystem::perms::owner_read |
                                                             std::filesystem::perms::owner_exec);
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
  EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_REGISTRY_UPDATE_FAILED");
  std::filesystem::permissions(data_dir_ / "episodes/x", std::filesystem::perms::owner_all);
}

TEST_F(EngineKillTest, FailsAStageWhoseStateIsInTheWay) {
  StartEngine();
  const store::Job job = SubmitHeld();
  // A folder in its place keeps even root from writing it; the projector may be quicker once.
  ASSERT_TRUE(Eventually([&] {
    std::error_code in_the_way;
    std::filesystem::remove(data_dir_ / "episodes/x/state.json", in_the_way);
    std::filesystem::create_directories(data_dir_ / "episodes/x/state.json/folder", in_the_way);
    return !in_the_way;
  }));
  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
  EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_REGISTRY_UPDATE_FAILED");
  EXPECT_TRUE(Eventually([&] { return !engine_->View(job.id)->troubles.empty(); }));
  EXPECT_TRUE(Eventually([&] {
    return ReadText("logs/worker.log").find("error=ERR_REGISTRY_UPDATE_FAILED") !=
           std::string::npos;
  }));

  std::filesystem::remove_all(data_dir_ / "episodes/x/state.json");
  const auto resumed = engine_->Resume(job.id);
  ASSERT_TRUE(resumed.ok());
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kSucceeded);
  EXPECT_TRUE(Eventually(
      [&] { return ReadJson("episodes/x/state.json")["states"].value("detected", false); }));
  EXPECT_TRUE(Eventually([&] { return engine_->View(resumed->job.id)->troubles.empty(); }));
}

TEST_F(EngineKillTest, EndsWithTheSameBytesHoweverOftenItsWorkerIsKilled) {
  constexpr std::int64_t kSegments = 40;
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"segments", kSegments}}));
  std::map<std::int64_t, base::WallTime> killed_at;
  for (std::size_t kill = 0; kill < 12; ++kill) {
    api::StageView stage;
    ASSERT_TRUE(Eventually([&] {
      stage = Stage(job.id);
      const auto segments = store_->SegmentList(Run("detect").run.work_key);
      const bool is_due = segments->size() >= 3 * kill && !killed_at.contains(stage.pid);
      return domain::IsTerminal(stage.state) || (stage.pid > 0 && is_due);
    }));
    if (domain::IsTerminal(stage.state)) break;
    killed_at[stage.pid] = clock_.Now().wall;
    ::kill(static_cast<pid_t>(stage.pid), SIGKILL);
  }
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);

  const auto attempts = Attempts("detect");
  EXPECT_GE(attempts.size(), 5U) << "the kills did not hit";
  std::chrono::milliseconds slowest{0};
  for (const store::Attempt& attempt : attempts) {
    const auto kill = killed_at.find(attempt.pid);
    if (kill == killed_at.end() || !attempt.ended_at) continue;
    slowest = std::max(slowest, *attempt.ended_at - kill->second);
  }
  RecordProperty("attempts", static_cast<int>(attempts.size()));
  RecordProperty("requeue_ms_max", static_cast<int>(slowest.count()));
  EXPECT_TRUE(AreAllProcessesGone());
  engine_.reset();
  std::string bytes;
  for (int i = 0; i < kSegments; ++i) bytes += "segment " + std::to_string(i) + "\n";
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), bytes);
}

}  // namespace
}  // namespace rollcall::jobs
