#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

using domain::JobState;

TEST_P(JobStoreContract, CancelsQueuedAndBlockedRunsAtOnce) {
  const JobId job = SubmitAnalyze("x");
  const CancelOutcome outcome = *store().JobCancel(job);
  EXPECT_FALSE(outcome.had_finished);
  EXPECT_TRUE(outcome.to_stop.empty());
  EXPECT_EQ(outcome.job.state, JobState::kCancelled);
  EXPECT_EQ(outcome.job.finished_at, now().wall);
  for (const char* stage : {"extract", "detect", "track"}) {
    EXPECT_EQ(StateOf(job, stage), JobState::kCancelled);
  }
  EXPECT_EQ(EventsOf(job).back(), "job_cancelled");
  EXPECT_FALSE(TryClaim().has_value());
}

// Found by the random lives of tests/faults.
TEST_P(JobStoreContract, AJobThatJoinsALiveRunAlsoJoinsWhatThatWaitsFor) {
  const JobRequest request = MakeRequest("detect", "x", {"extract", "detect"});
  const JobId first = Submit(request).job.id;
  Succeed(ClaimStarted());
  const StageRunId finished = RunOf(first, "extract").id;
  ASSERT_TRUE(store().JobCancel(first).ok());
  const JobId second = Submit(request).job.id;  // From nothing: extract runs again.
  JobRequest third_request = request;
  third_request.kind = "analyze";
  third_request.stages[0].reuse = finished;
  const JobId third = Submit(third_request).job.id;
  ASSERT_TRUE(store().JobCancel(second).ok());
  EXPECT_EQ(StateOf(third, "extract"), JobState::kQueued);
  EXPECT_TRUE(store().IntegrityCheck().ok());
  ASSERT_TRUE(store().JobCancel(third).ok());
  EXPECT_FALSE(TryClaim().has_value());
  EXPECT_TRUE(store().IntegrityCheck().ok());
}

TEST_P(JobStoreContract, CancelsARunThatWaitsForItsRetryAtOnce) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EndWithRetry(ClaimStarted(), std::chrono::seconds{5});
  EXPECT_EQ(store().JobCancel(job)->job.state, JobState::kCancelled);
  clock_.Advance(std::chrono::seconds{5});
  EXPECT_FALSE(TryClaim().has_value());
  EXPECT_FALSE(store().NextRetry()->has_value());
}

TEST_P(JobStoreContract, ARunningRunIsCancellingUntilItsAttemptEnded) {
  const JobId job = SubmitAnalyze("x");
  const LeasedTask task = ClaimStarted();
  const CancelOutcome outcome = *store().JobCancel(job);
  ASSERT_EQ(outcome.to_stop.size(), 1u);
  EXPECT_EQ(outcome.to_stop[0], task.fence);
  EXPECT_EQ(outcome.job.state, JobState::kRunning);
  EXPECT_EQ(StateOf(job, "extract"), JobState::kCancelling);
  EXPECT_TRUE(RunOf(job, "extract").is_cancel_wanted);
  EXPECT_EQ(StateOf(job, "detect"), JobState::kCancelled);
  EXPECT_TRUE(*store().HasOpenJobs());
  End(task, AttemptOutcome::kCancelled);
  EXPECT_EQ(StateOf(job, "extract"), JobState::kCancelled);
  EXPECT_EQ(JobStateOf(job), JobState::kCancelled);
  EXPECT_EQ(CountEvents(job, "job_cancelled"), 1);
}

TEST_P(JobStoreContract, CancelsALeasedRunWhoseWorkerThenStarts) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = Claim();
  EXPECT_EQ(store().JobCancel(job)->to_stop.size(), 1u);
  EXPECT_OK(store().TaskStarted(task.fence, 77, 88));
  EXPECT_EQ(StateOf(job, "detect"), JobState::kCancelling);
  EXPECT_EQ(LeaseOf(task.fence)->pid, 77);  // So that it can be found and ended.
  End(task, AttemptOutcome::kCancelled);
  EXPECT_EQ(JobStateOf(job), JobState::kCancelled);
}

TEST_P(JobStoreContract, HoweverACancellingAttemptEndsItsRunIsCancelled) {
  for (const AttemptOutcome outcome :
       {AttemptOutcome::kFailed, AttemptOutcome::kInterrupted, AttemptOutcome::kCancelled,
        AttemptOutcome::kCrashed, AttemptOutcome::kStalled, AttemptOutcome::kExpired}) {
    const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
    const LeasedTask task = ClaimStarted();
    EXPECT_OK(store().JobCancel(job));
    EndWithRetry(task, std::chrono::seconds{5}, outcome);
    EXPECT_EQ(StateOf(job, "detect"), JobState::kCancelled) << AttemptOutcomeName(outcome);
    EXPECT_EQ(RunOf(job, "detect").wait_reason, "");
  }
}

TEST_P(JobStoreContract, ASuccessThatCameFirstWinsOverTheCancel) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().JobCancel(job));
  Succeed(task);
  EXPECT_EQ(JobStateOf(job), JobState::kSucceeded);
  EXPECT_EQ(CountEvents(job, "job_succeeded"), 1);
}

TEST_P(JobStoreContract, CancelTwiceIsOneCancel) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().JobCancel(job));
  const CancelOutcome again = *store().JobCancel(job);
  EXPECT_FALSE(again.had_finished);
  EXPECT_EQ(again.to_stop.size(), 1u);
  End(task, AttemptOutcome::kCancelled);
  EXPECT_EQ(CountEvents(job, "stage_cancelling"), 1);
}

TEST_P(JobStoreContract, CancellingWhatHasEndedChangesNothing) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  RunToSuccess("detect");
  const auto seq = store().JobGet(job)->event_seq;
  const CancelOutcome outcome = *store().JobCancel(job);
  EXPECT_TRUE(outcome.had_finished);
  EXPECT_EQ(outcome.job.state, JobState::kSucceeded);
  EXPECT_EQ(store().JobGet(job)->event_seq, seq);
}

TEST_P(JobStoreContract, CannotCancelAJobThatIsNotThere) {
  EXPECT_EQ(ReasonOf(store().JobCancel(JobId{7})), "ERR_JOB_NOT_FOUND");
}

TEST_P(JobStoreContract, CancelLeavesRunsThatAnotherOpenJobJoined) {
  const JobId analyze = SubmitAnalyze("x");
  const JobId detect = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  const CancelOutcome outcome = *store().JobCancel(analyze);
  EXPECT_TRUE(outcome.to_stop.empty());
  EXPECT_EQ(outcome.job.state, JobState::kCancelled);  // Its own part has ended.
  EXPECT_EQ(StateOf(analyze, "track"), JobState::kCancelled);
  EXPECT_EQ(StateOf(detect, "extract"), JobState::kRunning);
  EXPECT_EQ(StateOf(detect, "detect"), JobState::kBlocked);
  EXPECT_TRUE(store().JobRuns(analyze)->front().is_left);
  EXPECT_EQ(EventsOf(analyze).back(), "job_cancelled");
  Succeed(task);
  RunToSuccess("detect");
  EXPECT_EQ(JobStateOf(detect), JobState::kSucceeded);
  EXPECT_EQ(JobStateOf(analyze), JobState::kCancelled);
  EXPECT_EQ(CountEvents(analyze, "stage_succeeded"), 0);
}

TEST_P(JobStoreContract, TheLastJobOfASharedRunStopsIt) {
  const JobId analyze = SubmitAnalyze("x");
  const JobId detect = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_TRUE(store().JobCancel(detect)->to_stop.empty());
  EXPECT_EQ(store().JobCancel(analyze)->to_stop.size(), 1u);
  End(task, AttemptOutcome::kCancelled);
  EXPECT_FALSE(*store().HasOpenJobs());
}

TEST_P(JobStoreContract, CancellingTheYoungerGenerationLeavesTheOlder) {
  const JobId first = Submit(MakeRequest("detect", "x", {"detect"}, 1)).job.id;
  const JobId second = Submit(MakeRequest("detect", "x", {"detect"}, 2)).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(store().JobCancel(second)->job.state, JobState::kCancelled);
  EXPECT_EQ(StateOf(first, "detect"), JobState::kRunning);
  Succeed(task);
}

TEST_P(JobStoreContract, CancellingTheOlderGenerationLetsTheYoungerGo) {
  const JobId first = Submit(MakeRequest("detect", "x", {"detect"}, 1)).job.id;
  const JobId second = Submit(MakeRequest("detect", "x", {"detect"}, 2)).job.id;
  EXPECT_OK(store().JobCancel(first));
  EXPECT_EQ(StateOf(second, "detect"), JobState::kQueued);
  EXPECT_EQ(Claim().run.generation, 2);
}

// A person cancels and starts again before the worker is gone: the new job must not be told that
// it is "already running" and then end with the old one.
TEST_P(JobStoreContract, AStartWhileTheSameWorkIsBeingCancelledGoesOnWithIt) {
  const JobId old_job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_OK(store().JobCancel(old_job));
  const Submission started = Submit(MakeRequest("detect", "x", {"detect"}));
  EXPECT_FALSE(started.is_existing);
  EXPECT_EQ(JobStateOf(old_job), JobState::kCancelled);
  EXPECT_EQ(RunOf(started.job.id, "detect").wait_reason,
            "waits for the cancelled attempt to end, then goes on from its last checkpoint");
  const std::vector beats{Heartbeat{.fence = task.fence}};
  EXPECT_TRUE(store().LeaseRenew(agent_, beats, kLease)->front().is_cancel_wanted);
  EXPECT_FALSE(TryClaim().has_value());
  End(task, AttemptOutcome::kCancelled);
  EXPECT_EQ(StateOf(started.job.id, "detect"), JobState::kQueued);
  EXPECT_EQ(Claim().segments.size(), 1u);
  EXPECT_EQ(CountEvents(old_job, "job_cancelled"), 1);
}

TEST_P(JobStoreContract, AStartWhileCancellingCanBeCancelledToo) {
  const JobId old_job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().JobCancel(old_job));
  const JobId new_job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EXPECT_EQ(store().JobCancel(new_job)->to_stop.size(), 1u);
  End(task, AttemptOutcome::kCancelled);
  EXPECT_EQ(JobStateOf(new_job), JobState::kCancelled);
}

}  // namespace rollcall::store
