#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

TEST_P(JobStoreContract, GivesBackASegmentAsItWasCommitted) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  const LeasedTask task = ClaimStarted();
  const domain::Segment segment = MakeSegment(0);
  EXPECT_OK(store().SegmentCommit(task.fence, segment));
  const auto segments = *store().SegmentList(task.run.work_key);
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].number, 0);
  EXPECT_EQ(segments[0].pts_from, segment.pts_from);
  EXPECT_EQ(segments[0].pts_to, segment.pts_to);
  EXPECT_EQ(segments[0].path, segment.path);
  EXPECT_EQ(segments[0].size_bytes, segment.size_bytes);
  EXPECT_EQ(segments[0].sha256, segment.sha256);
  EXPECT_EQ(segments[0].counters_json, segment.counters_json);
  EXPECT_EQ(segments[0].resume_blob, segment.resume_blob);
}

TEST_P(JobStoreContract, SegmentsStayContiguous) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(1))),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(2))),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(-1))),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1)));
  EXPECT_EQ(store().SegmentList(task.run.work_key)->size(), 2u);
  EXPECT_EQ(CountEvents(job, "segment_committed"), 2);
}

TEST_P(JobStoreContract, ASegmentSaidTwiceIsOneSegmentUnlessItsBytesDiffer) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(0, "other"))),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(store().SegmentList(task.run.work_key)->front().sha256, MakeSegment(0).sha256);
  EXPECT_EQ(CountEvents(job, "segment_committed"), 1);
}

TEST_P(JobStoreContract, TheNextAttemptAndGenerationGetTheSegments) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  End(task, AttemptOutcome::kInterrupted);
  task = ClaimStarted();
  EXPECT_EQ(task.segments.size(), 1u);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1)));
  EXPECT_OK(store().JobCancel(job));
  End(task, AttemptOutcome::kCancelled);
  Submit(MakeRequest("detect", "x", {"detect"}));
  task = ClaimStarted();
  EXPECT_EQ(task.run.generation, 2);
  ASSERT_EQ(task.segments.size(), 2u);
  EXPECT_EQ(task.segments[1].number, 1);
  End(task, AttemptOutcome::kFailed);
  Submit(MakeRequest("detect", "x", {"detect"}, 2));
  EXPECT_TRUE(Claim().segments.empty());  // Other work.
}

TEST_P(JobStoreContract, AStartFromNothingForgetsTheCheckpointAsItIsAccepted) {
  const JobId job = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  const LeasedTask extract = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(extract.fence, MakeSegment(0)));
  Succeed(extract);
  const LeasedTask detect = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(detect.fence, MakeSegment(0)));
  EXPECT_OK(store().JobCancel(job));
  End(detect, AttemptOutcome::kCancelled);
  JobRequest again = MakeRequest("detect", "x", {"extract", "detect"});
  again.stages[1].drops_segments = true;
  EXPECT_OK(store().JobSubmit(again));
  EXPECT_EQ(Claim().segments.size(), 1U) << "extract's stay";
  EXPECT_TRUE(store().SegmentList(detect.run.work_key)->empty());
}

// The checkpoint of an hour went before a submission that was refused.
TEST_P(JobStoreContract, ARefusedStartFromNothingLeavesTheCheckpoint) {
  const JobId job = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  const LeasedTask extract = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(extract.fence, MakeSegment(0)));
  JobRequest again = MakeRequest("detect", "x", {"extract", "detect"});
  again.stages[0].drops_segments = true;
  const auto at_work = store().JobSubmit(again);
  EXPECT_EQ(ReasonOf(at_work), "ERR_JOB_ALREADY_RUNNING");
  EXPECT_EQ(CodeOf(at_work), base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(store().SegmentList(extract.run.work_key)->size(), 1U);
  EXPECT_OK(store().JobCancel(job));
  End(extract, AttemptOutcome::kCancelled);
  // Refused for its second stage, when the first has been looked after.
  again.stages[1].skip = SkipWish::kPoison;
  EXPECT_EQ(ReasonOf(store().JobSubmit(again)), "ERR_NOTHING_TO_SKIP");
  EXPECT_EQ(store().SegmentList(extract.run.work_key)->size(), 1U);
  again.stages[0].reuse = extract.run.id;
  EXPECT_EQ(ReasonOf(store().JobSubmit(again)), "ERR_BAD_PARAMS");
  EXPECT_EQ(store().SegmentList(extract.run.work_key)->size(), 1U);
}

TEST_P(JobStoreContract, DroppingSegmentsIsToldAndLeavesThePrefix) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  for (int i = 0; i < 4; ++i) {
    EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(i)));
  }
  EXPECT_OK(store().SegmentDrop(task.run.work_key, 2));
  EXPECT_EQ(store().SegmentList(task.run.work_key)->size(), 2u);
  EXPECT_EQ(CountEvents(job, "checkpoint_repaired"), 1);
  EXPECT_OK(store().SegmentDrop(task.run.work_key, 2));  // Nothing there: no news.
  EXPECT_EQ(CountEvents(job, "checkpoint_repaired"), 1);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(2, "again")));
}

}  // namespace rollcall::store
