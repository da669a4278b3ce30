#pragma once

#include <set>

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

using domain::JobState;

TEST_P(JobStoreContract, ClaimsNothingFromAnEmptyStore) { EXPECT_FALSE(TryClaim().has_value()); }

TEST_P(JobStoreContract, LeasesAQueuedTask) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = Claim();
  EXPECT_EQ(task.run.id, RunOf(job, "detect").id);
  EXPECT_EQ(task.run.state, JobState::kLeased);
  EXPECT_EQ(task.attempt_number, 1);
  EXPECT_EQ(task.fence.attempt_uuid.size(), 32u);
  EXPECT_TRUE(task.segments.empty());
  EXPECT_EQ(JobStateOf(job), JobState::kRunning);
  EXPECT_EQ(StateOf(job, "detect"), JobState::kLeased);
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "");
  EXPECT_EQ(RunOf(job, "detect").started_at, now().wall);
  EXPECT_FALSE(TryClaim().has_value());
}

TEST_P(JobStoreContract, ClaimsByPriorityThenByAge) {
  const auto submit = [&](const std::string& id, int priority) {
    JobRequest request = MakeRequest("detect", id, {"detect"});
    request.priority = priority;
    Submit(request);
  };
  submit("old", 0);
  submit("young", 0);
  submit("urgent", 5);
  submit("later", -1);
  std::vector<std::string> order;
  while (auto task = TryClaim()) order.push_back(task->run.subject.id);
  EXPECT_THAT(order, testing::ElementsAre("urgent", "old", "young", "later"));
}

TEST_P(JobStoreContract, AnUrgentJobHurriesTheRunsItJoins) {
  SubmitAnalyze("first");
  SubmitAnalyze("x");
  JobRequest urgent = MakeRequest("detect", "x", {"extract", "detect"});
  urgent.priority = 9;
  Submit(urgent);
  EXPECT_EQ(Claim().run.subject.id, "x");
}

TEST_P(JobStoreContract, ClaimsOnlyStagesThatTheAgentCanRun) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  Submit(MakeRequest("stills", "y", {"stills"}));
  EXPECT_FALSE(TryClaim({"mood"}).has_value());
  EXPECT_EQ(Claim({"mood", "stills"}).run.name, "stills");
  EXPECT_EQ(Claim().run.name, "detect");
}

TEST_P(JobStoreContract, TokensOnlyGrowOverAttemptsAndGenerations) {
  std::set<std::int64_t> tokens;
  std::set<std::string> uuids;
  std::int64_t last = 0;
  for (int generation = 1; generation <= 3; ++generation) {
    Submit(MakeRequest("detect", "x", {"detect"}));
    for (int attempt = 1; attempt <= 3; ++attempt) {
      const LeasedTask task = ClaimStarted();
      EXPECT_EQ(task.run.generation, generation);
      EXPECT_EQ(task.attempt_number, attempt);
      EXPECT_GT(task.fence.token, last);
      last = task.fence.token;
      uuids.insert(task.fence.attempt_uuid);
      End(task, attempt == 3 ? AttemptOutcome::kFailed : AttemptOutcome::kInterrupted);
    }
  }
  EXPECT_EQ(uuids.size(), 9u);
}

TEST_P(JobStoreContract, StartingMakesARunRun) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(StateOf(job, "detect"), JobState::kRunning);
  EXPECT_OK(store().TaskStarted(task.fence, 1234, 5678));  // Said again: no news.
  EXPECT_EQ(CountEvents(job, "stage_started"), 1);
  EXPECT_EQ(store().AttemptList(task.run.id)->front().pid, 1234);
}

TEST_P(JobStoreContract, SuccessEndsTheRunWithItsArtefacts) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  clock_.Advance(std::chrono::seconds{5});
  Succeed(task);
  const StageRun run = RunOf(job, "detect");
  EXPECT_EQ(run.state, JobState::kSucceeded);
  EXPECT_EQ(run.result_json, R"({"faces":3})");
  EXPECT_EQ(run.finished_at, now().wall);
  EXPECT_EQ(run.wait_reason, "");
  EXPECT_EQ(JobStateOf(job), JobState::kSucceeded);
  EXPECT_EQ(store().JobGet(job)->finished_at, now().wall);
  EXPECT_FALSE(*store().HasOpenJobs());
  EXPECT_TRUE(store().LeaseList()->empty());
  const auto artifacts = *store().ArtifactList(run.id);
  ASSERT_EQ(artifacts.size(), 1u);
  EXPECT_EQ(artifacts[0].name, "detect.parquet");
  EXPECT_EQ(artifacts[0].path, "detect.parquet.g" + std::to_string(task.fence.token));
  EXPECT_EQ(artifacts[0].size_bytes, 42);
  EXPECT_EQ(artifacts[0].sha256.size(), 64u);
  EXPECT_EQ(artifacts[0].count, 7);
}

TEST_P(JobStoreContract, SuccessSaidTwiceByTheSameAttemptIsOneSuccess) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  Succeed(task);
  Succeed(task);
  EXPECT_EQ(store().ArtifactList(task.run.id)->size(), 1u);
  EXPECT_EQ(CountEvents(job, "stage_succeeded"), 1);
}

TEST_P(JobStoreContract, SuccessQueuesWhatWaitedForIt) {
  const JobId job = SubmitAnalyze("x");
  RunToSuccess("extract");
  EXPECT_EQ(StateOf(job, "detect"), JobState::kQueued);
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "waits for a free worker");
  EXPECT_EQ(StateOf(job, "track"), JobState::kBlocked);
  EXPECT_EQ(JobStateOf(job), JobState::kQueued);
}

TEST_P(JobStoreContract, FailureForGoodFailsAllThatNeedsIt) {
  const JobId job = SubmitAnalyze("x");
  End(ClaimStarted(), AttemptOutcome::kFailed);
  EXPECT_EQ(JobStateOf(job), JobState::kFailed);
  EXPECT_EQ(RunOf(job, "extract").last_error->reason, "ERR_WORKER_CRASHED");
  for (const char* stage : {"detect", "track"}) {
    const StageRun run = RunOf(job, stage);
    EXPECT_EQ(run.state, JobState::kFailed);
    ASSERT_TRUE(run.last_error.has_value());
    EXPECT_EQ(run.last_error->reason, "ERR_PREREQ_FAILED");
    EXPECT_EQ(run.last_error->message, "extract_x failed with ERR_WORKER_CRASHED");
    EXPECT_EQ(run.last_error->code, base::ErrorCode::kFailedPrecondition);
    EXPECT_EQ(run.last_error->hint, "mend what failed there, then `rollcall jobs resume " +
                                        std::to_string(static_cast<std::int64_t>(job)) + "`");
  }
  EXPECT_EQ(EventsOf(job).back(), "job_failed");
  EXPECT_EQ(CountEvents(job, "job_failed"), 1);
}

TEST_P(JobStoreContract, AFailureLeavesStagesThatDoNotNeedItAlone) {
  JobRequest request = MakeRequest("analyze", "x", {"detect", "stills"});
  request.stages[1].needs.clear();
  const JobId job = Submit(request).job.id;
  End(ClaimStarted({"detect"}), AttemptOutcome::kFailed);
  EXPECT_EQ(JobStateOf(job), JobState::kQueued);
  RunToSuccess("stills");
  EXPECT_EQ(JobStateOf(job), JobState::kFailed);
}

TEST_P(JobStoreContract, AFailureThatIsTriedAgainWaitsForItsTime) {
  const JobId job = SubmitAnalyze("x");
  EndWithRetry(ClaimStarted(), std::chrono::seconds{5});
  const StageRun run = RunOf(job, "extract");
  EXPECT_EQ(run.state, JobState::kRetryWait);
  EXPECT_EQ(JobStateOf(job), JobState::kRetryWait);
  EXPECT_EQ(run.failures, 1);
  EXPECT_EQ(run.run_at, now().wall + std::chrono::seconds{5});
  EXPECT_EQ(run.wait_reason, "tried again at " + base::IsoTime(*run.run_at).substr(11, 8) +
                                 "Z (retry 1 of 5): the worker ended");
  EXPECT_EQ(run.last_error->reason, "ERR_WORKER_CRASHED");
  EXPECT_EQ(*store().NextRetry(), std::chrono::seconds{5});
  EXPECT_EQ(StateOf(job, "detect"), JobState::kBlocked);

  clock_.Advance(std::chrono::milliseconds{4'999});
  EXPECT_FALSE(TryClaim().has_value());
  clock_.Advance(std::chrono::milliseconds{1});
  const LeasedTask again = Claim();
  EXPECT_EQ(again.attempt_number, 2);
  EXPECT_EQ(again.run.failures, 1);
  EXPECT_FALSE(again.run.run_at.has_value());
  EXPECT_FALSE(store().NextRetry()->has_value());
  EXPECT_EQ(CountEvents(job, "stage_retry_wait"), 1);
}

TEST_P(JobStoreContract, NextRetryIsTheEarliest) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  Submit(MakeRequest("detect", "y", {"detect"}));
  EndWithRetry(ClaimStarted(), std::chrono::seconds{20});
  EndWithRetry(ClaimStarted(), std::chrono::seconds{10});
  EXPECT_EQ(*store().NextRetry(), std::chrono::seconds{10});
  clock_.Advance(std::chrono::seconds{12});
  EXPECT_EQ(*store().NextRetry(), std::chrono::seconds{-2}) << "it was due two seconds ago";
}

TEST_P(JobStoreContract, AWallClockJumpNeitherHurriesNorDelaysARetry) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  EndWithRetry(ClaimStarted(), std::chrono::seconds{5});
  clock_.JumpWall(std::chrono::hours{24});
  EXPECT_FALSE(TryClaim().has_value());
  clock_.JumpWall(std::chrono::hours{-48});
  clock_.Advance(std::chrono::seconds{5});
  EXPECT_TRUE(TryClaim().has_value());
}

TEST_P(JobStoreContract, ARetryIsDueAtOnceAfterABootOfTheStore) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  EndWithRetry(ClaimStarted(), std::chrono::seconds{600});
  home_->Reboot("next boot");
  EXPECT_EQ(*store().NextRetry(), std::chrono::seconds{0});
  EXPECT_TRUE(TryClaim().has_value());
}

TEST_P(JobStoreContract, ARetryIsDueByTheStoresClockWhoeverAsks) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  Submit(MakeRequest("detect", "y", {"detect"}));
  EndWithRetry(ClaimStarted(), std::chrono::seconds{5});
  const LeasedTask theirs = TryClaimAs(other_agent_).value();
  EndWithRetry(theirs, std::chrono::seconds{7});
  EXPECT_EQ(RunOf(JobId{2}, "detect").retry_due->boot_id, "boot of the store");
  clock_.Advance(std::chrono::milliseconds{4'999});
  EXPECT_FALSE(TryClaim().has_value());
  EXPECT_FALSE(TryClaimAs(other_agent_).has_value());
  agent_.boot_id = "next boot of its host";
  EXPECT_FALSE(TryClaim().has_value()) << "it is the store's boot that counts";
  clock_.Advance(std::chrono::milliseconds{1});
  EXPECT_EQ(TryClaimAs(other_agent_)->run.subject.id, "x");
  clock_.Advance(std::chrono::seconds{2});
  EXPECT_EQ(Claim().run.id, theirs.run.id);
}

TEST_P(JobStoreContract, AnInterruptionIsNotAFailure) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  End(ClaimStarted(), AttemptOutcome::kInterrupted);
  const StageRun run = RunOf(job, "detect");
  EXPECT_EQ(run.state, JobState::kQueued);
  EXPECT_EQ(run.failures, 0);
  EXPECT_EQ(run.interruptions, 1);
  EXPECT_EQ(run.wait_reason, "waits for a free worker, to go on from its last checkpoint");
  EXPECT_FALSE(run.last_error.has_value());
  EXPECT_EQ(CountEvents(job, "stage_interrupted"), 1);
}

TEST_P(JobStoreContract, CountsFailuresAndCrashesSinceTheLastNewSegment) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EndWithRetry(ClaimStarted(), {}, AttemptOutcome::kFailed);
  EndWithRetry(ClaimStarted(), {}, AttemptOutcome::kStalled);
  EndWithRetry(ClaimStarted(), {}, AttemptOutcome::kCrashed);
  EXPECT_EQ(RunOf(job, "detect").failures, 3);
  EXPECT_EQ(RunOf(job, "detect").crashes, 1);
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_EQ(RunOf(job, "detect").failures, 0);
  EXPECT_EQ(RunOf(job, "detect").crashes, 0);
  EndWithRetry(task, {}, AttemptOutcome::kCrashed);
  EXPECT_EQ(RunOf(job, "detect").failures, 1);
}

TEST_P(JobStoreContract, AnAttemptMayEndBeforeItsWorkerStarted) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EndWithRetry(Claim(), {});
  End(Claim(), AttemptOutcome::kInterrupted);
  End(Claim(), AttemptOutcome::kFailed);
  EXPECT_EQ(JobStateOf(job), JobState::kFailed);
}

TEST_P(JobStoreContract, ASuccessIsNotToldAsAnEnd) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(ReasonOf(store().TaskEnd(task.fence, MakeEnd(AttemptOutcome::kSucceeded))),
            "ERR_BAD_PARAMS");
}

TEST_P(JobStoreContract, RemembersEveryAttempt) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask first = ClaimStarted();
  clock_.Advance(std::chrono::seconds{3});
  EndWithRetry(first, {}, AttemptOutcome::kCrashed);
  const LeasedTask second = ClaimStarted();
  const auto attempts = *store().AttemptList(RunOf(job, "detect").id);
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].fence, first.fence);
  EXPECT_EQ(attempts[0].number, 1);
  EXPECT_EQ(attempts[0].agent_id, "agent");
  EXPECT_EQ(attempts[0].pid, 1234);
  EXPECT_EQ(attempts[0].ended_at, attempts[0].started_at + std::chrono::seconds{3});
  EXPECT_EQ(attempts[0].outcome, AttemptOutcome::kCrashed);
  EXPECT_EQ(attempts[0].error_reason, "ERR_WORKER_CRASHED");
  EXPECT_EQ(attempts[0].exit, "signal 9");
  EXPECT_EQ(attempts[0].rss_peak_bytes, 1 << 20);
  EXPECT_EQ(attempts[1].fence, second.fence);
  EXPECT_EQ(attempts[1].number, 2);
  EXPECT_FALSE(attempts[1].outcome.has_value());
  EXPECT_FALSE(attempts[1].ended_at.has_value());
}

}  // namespace rollcall::store
