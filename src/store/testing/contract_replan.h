#pragma once

#include "store/testing/contract_submit.h"

namespace rollcall::store {

// A program of another version would do its stages by other rules.
TEST_P(JobStoreContract, AnOpenJobThatIsPlannedAnewLosesItsCheckpointsAndStaysTheSameJob) {
  const JobId job = Submit(MakeRequest("analyze", "x", {"extract", "detect"}, 1)).job.id;
  RunToSuccess("extract");
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_OK(store().TaskEnd(task.fence,
                            {.outcome = AttemptOutcome::kInterrupted, .error = {}, .exit = ""}));
  ASSERT_EQ(store().SegmentList(task.run.work_key)->size(), 1U);

  JobRequest request = MakeRequest("analyze", "x", {"extract", "detect"}, 2);
  request.request_json = R"({"new":1})";
  const auto anew = store().JobReplan(job, request);
  ASSERT_TRUE(anew.ok());
  EXPECT_EQ(anew->job.id, job);
  EXPECT_EQ(store().JobGet(job)->request_json, request.request_json);
  EXPECT_EQ(CountEvents(job, "job_replanned"), 1);
  EXPECT_TRUE(store().SegmentList(task.run.work_key)->empty());
  EXPECT_EQ(store().JobRuns(job)->size(), 2U);
  EXPECT_EQ(store().RunGet(task.run.id)->state, JobState::kCancelled);
  RunToSuccess("extract");
  RunToSuccess("detect");
  EXPECT_EQ(JobStateOf(job), JobState::kSucceeded);
}

// Of a later stage the rules have changed: what runs of an earlier one is the same work.
TEST_P(JobStoreContract, WhatIsPlannedAnewGoesOnWithTheSameWork) {
  const JobId job = Submit(MakeRequest("analyze", "x", {"extract", "detect"}, 1)).job.id;
  RunToSuccess("extract");
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  JobRequest request = MakeRequest("analyze", "x", {"extract", "detect", "track"}, 1);
  request.stages[0].reuse = RunOf(job, "extract").id;
  request.stages[2] = MakeRequest("analyze", "x", {"extract", "detect", "track"}, 2).stages[2];
  const auto anew = store().JobReplan(job, request);
  ASSERT_TRUE(anew.ok()) << anew.error().ToString();
  EXPECT_EQ(store().JobRuns(job)->size(), 3U);
  EXPECT_EQ(RunOf(job, "detect").id, task.run.id) << "its attempt works on";
  EXPECT_EQ(StateOf(job, "detect"), JobState::kRunning);
  EXPECT_EQ(store().SegmentList(task.run.work_key)->size(), 1U);
  Succeed(task);
  RunToSuccess("track");
  EXPECT_EQ(JobStateOf(job), JobState::kSucceeded);
}

TEST_P(JobStoreContract, WhatAnAttemptStillWritesEndsBeforeWhatIsPlannedAnewBegins) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"}, 1)).job.id;
  const LeasedTask task = ClaimStarted();
  ASSERT_TRUE(store().JobReplan(job, MakeRequest("detect", "x", {"detect"}, 2)).ok());
  EXPECT_EQ(store().RunGet(task.run.id)->state, JobState::kCancelling);
  EXPECT_EQ(StateOf(job, "detect"), JobState::kBlocked);
  EXPECT_OK(store().TaskEnd(task.fence,
                            {.outcome = AttemptOutcome::kCancelled, .error = {}, .exit = ""}));
  EXPECT_EQ(StateOf(job, "detect"), JobState::kQueued);
}

TEST_P(JobStoreContract, WhatAnotherJobWantsOutlivesThatAJobIsPlannedAnew) {
  const JobId job = Submit(MakeRequest("analyze", "x", {"extract", "detect"}, 1)).job.id;
  const JobId other = Submit(MakeRequest("extract", "x", {"extract"}, 1)).job.id;
  ASSERT_TRUE(store().JobReplan(job, MakeRequest("analyze", "x", {"extract", "detect"}, 2)).ok());
  RunToSuccess("extract");
  EXPECT_EQ(JobStateOf(other), JobState::kSucceeded);
  EXPECT_NE(JobStateOf(job), JobState::kSucceeded);
}

TEST_P(JobStoreContract, OnlyAJobThatIsOpenCanBePlannedAnew) {
  const JobRequest request = MakeRequest("detect", "x", {"detect"}, 2);
  EXPECT_EQ(ReasonOf(store().JobReplan(JobId{99}, request)), "ERR_JOB_NOT_FOUND");
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"}, 1)).job.id;
  RunToSuccess("detect");
  EXPECT_EQ(ReasonOf(store().JobReplan(job, request)), "ERR_BAD_PARAMS");
}

}  // namespace rollcall::store
