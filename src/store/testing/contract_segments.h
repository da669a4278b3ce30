#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

TEST_P(JobStoreContract, GivesBackASegmentAsItWasCommitted) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  const LeasedTask task = ClaimStarted();
  const domain::Segment segment = MakeSegment(0);
  EXPECT_OK(store().SegmentCommit(task.fence, segment, now()));
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
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(1), now())),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0), now()));
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(2), now())),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(-1), now())),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1), now()));
  EXPECT_EQ(store().SegmentList(task.run.work_key)->size(), 2u);
  EXPECT_EQ(CountEvents(job, "segment_committed"), 2);
}

TEST_P(JobStoreContract, ASegmentSaidTwiceIsOneSegmentUnlessItsBytesDiffer) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0), now()));
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0), now()));
  EXPECT_EQ(CodeOf(store().SegmentCommit(task.fence, MakeSegment(0, "other"), now())),
            base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(store().SegmentList(task.run.work_key)->front().sha256, MakeSegment(0).sha256);
  EXPECT_EQ(CountEvents(job, "segment_committed"), 1);
}

TEST_P(JobStoreContract, TheNextAttemptAndGenerationGetTheSegments) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0), now()));
  End(task, AttemptOutcome::kInterrupted);
  task = ClaimStarted();
  EXPECT_EQ(task.segments.size(), 1u);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1), now()));
  EXPECT_OK(store().JobCancel(job, now()));
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

TEST_P(JobStoreContract, DroppingSegmentsIsToldAndLeavesThePrefix) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  for (int i = 0; i < 4; ++i) {
    EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(i), now()));
  }
  EXPECT_OK(store().SegmentDrop(task.run.work_key, 2, now()));
  EXPECT_EQ(store().SegmentList(task.run.work_key)->size(), 2u);
  EXPECT_EQ(CountEvents(job, "checkpoint_repaired"), 1);
  EXPECT_OK(store().SegmentDrop(task.run.work_key, 2, now()));  // Nothing there: no news.
  EXPECT_EQ(CountEvents(job, "checkpoint_repaired"), 1);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(2, "again"), now()));
}

}  // namespace rollcall::store
