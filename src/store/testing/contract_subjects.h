#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

// A kind with subjects and stages of its own: "scan", then "report".
inline JobRequest MakeBatch(std::string id) {
  JobRequest request{.subject = {.kind = "batch", .id = std::move(id)}, .kind = "batch"};
  request.stages.push_back({.name = "scan", .work_key = request.subject.id + "/scan"});
  request.stages.push_back(
      {.name = "report", .work_key = request.subject.id + "/report", .needs = {"scan"}});
  return request;
}

TEST_P(JobStoreContract, ForgetsASubjectOfAnyKindWithAllThatWasItsOwn) {
  const JobId gone = Submit(MakeBatch("b1")).job.id;
  const LeasedTask task = ClaimStarted({"scan"});
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  Succeed(task);
  End(ClaimStarted({"report"}), AttemptOutcome::kFailed);
  const JobId kept = Submit(MakeBatch("b2")).job.id;
  const LeasedTask kept_task = ClaimStarted({"scan"});
  EXPECT_OK(store().SegmentCommit(kept_task.fence, MakeSegment(0)));

  EXPECT_OK(store().SubjectErase({"batch", "b1"}));

  EXPECT_EQ(ReasonOf(store().JobGet(gone)), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store().RunGet(task.run.id)), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store().JobFind("scan_b1")), "ERR_JOB_NOT_FOUND");
  EXPECT_TRUE(store().EventsAfter(gone, 0, 100)->empty());
  EXPECT_TRUE(store().SegmentList(task.run.work_key)->empty());
  EXPECT_TRUE(store().AttemptList(task.run.id)->empty());
  EXPECT_TRUE(store().ArtifactList(task.run.id)->empty());
  EXPECT_FALSE(store().RunSucceeded(task.run.work_key)->has_value());
  EXPECT_TRUE(store().RunHistory({"batch", "b1"}, "scan")->empty());
  EXPECT_EQ(store().SegmentList(kept_task.run.work_key)->size(), 1U);
  EXPECT_EQ(JobStateOf(kept), JobState::kRunning);
  Succeed(kept_task);
}

TEST_P(JobStoreContract, KeepsASubjectWhileAJobOfItIsOpen) {
  const JobId job = Submit(MakeBatch("b1")).job.id;
  const auto erased = store().SubjectErase({"batch", "b1"});
  EXPECT_EQ(ReasonOf(erased), "ERR_JOB_ALREADY_RUNNING");
  EXPECT_EQ(CodeOf(erased), base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(StateOf(job, "scan"), JobState::kQueued);
  EXPECT_OK(store().JobCancel(job));
  EXPECT_OK(store().SubjectErase({"batch", "b1"}));
}

TEST_P(JobStoreContract, ForgettingWhatIsNotKnownChangesNothing) {
  EXPECT_OK(store().SubjectErase({"batch", "b1"}));
  const JobId job = Submit(MakeBatch("b1")).job.id;
  EXPECT_OK(store().SubjectErase({"batch", "b2"}));
  EXPECT_OK(store().SubjectErase({"episode", "b1"}));  // The same id, and another kind.
  EXPECT_EQ(JobStateOf(job), JobState::kQueued);
}

// Two kinds may name their subjects, and even their work, alike.
TEST_P(JobStoreContract, SegmentsOfWorkThatAnotherSubjectHasTooStay) {
  const JobId mine = Submit(MakeSeparate("hume", "clip")).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  Succeed(task);
  const JobId other = Submit(MakeSeparate("music", "clip")).job.id;
  EXPECT_OK(store().SubjectErase({"hume", "clip"}));
  EXPECT_EQ(ReasonOf(store().JobGet(mine)), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(Claim().segments.size(), 1U);
  EXPECT_OK(store().JobCancel(other));
  EXPECT_EQ(StateOf(other, "predict"), JobState::kCancelling);
}

TEST_P(JobStoreContract, ForgettingASubjectLeavesItsEpisodeInTheRegistry) {
  EXPECT_OK(store().EpisodePut({.key = "x", .fingerprint = "f"}));
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  RunToSuccess("detect");
  EXPECT_OK(store().SubjectErase({"episode", "x"}));
  EXPECT_EQ(ReasonOf(store().JobGet(job)), "ERR_JOB_NOT_FOUND");
  EXPECT_OK(store().EpisodeGet("x"));
  EXPECT_OK(store().EpisodeRemove("x"));
}

// Its job had been planned anew, and then cancelled, while it was being ended.
TEST_P(JobStoreContract, AnAttemptOfAForgottenSubjectIsFenced) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"}, 1)).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().JobReplan(job, MakeRequest("detect", "x", {"detect"}, 2)));
  EXPECT_OK(store().JobCancel(job));
  EXPECT_OK(store().SubjectErase({"episode", "x"}));
  EXPECT_TRUE(store().LeaseList()->empty());
  EXPECT_EQ(ReasonOf(store().TaskEnd(task.fence, MakeEnd(AttemptOutcome::kCancelled))),
            "ERR_FENCED");
  EXPECT_FALSE(*store().HasOpenJobs());
}

}  // namespace rollcall::store
