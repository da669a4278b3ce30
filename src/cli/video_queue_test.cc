#include "cli/video_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/sample_queue.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using testing::EndedJob;
using testing::FailedJob;
using testing::JobAt;
using testing::OnceDoneJob;
using testing::QueueOf;
using testing::WaitingJob;

TEST(VideoQueueTest, GoesThroughItsVideosInOrder) {
  VideoQueue queue = QueueOf(2);
  EXPECT_EQ(queue.NextToStart(), 0U);
  queue.OnStarted(0, WaitingJob(7), true);
  EXPECT_EQ(queue.NextToStart(), 1U);
  queue.OnStarted(1, WaitingJob(8), true);
  EXPECT_EQ(queue.NextToStart(), std::nullopt);
  EXPECT_FALSE(queue.is_over());
  EXPECT_TRUE(queue.OnShown(JobAt(7, 0.5, 100)));
  EXPECT_EQ(queue.videos()[0].state, VideoState::kRunning);
  EXPECT_FALSE(queue.OnShown(JobAt(9, 0.5, 100)));  // Somebody else's.
  queue.OnShown(EndedJob(7, 100));
  queue.OnShown(FailedJob(8));
  EXPECT_TRUE(queue.is_over());
  EXPECT_EQ(queue.videos()[0].people(), 5);
  EXPECT_EQ(queue.videos()[0].took_s(), 105);
  EXPECT_EQ(queue.Exit(), ExitCode::kFailed);
}

TEST(VideoQueueTest, WhatHasEndedStaysEnded) {
  VideoQueue queue = QueueOf(1);
  queue.OnStarted(0, WaitingJob(7), true);
  queue.OnShown(EndedJob(7, 100));
  queue.OnShown(JobAt(7, 0.5, 100));
  EXPECT_EQ(queue.videos()[0].state, VideoState::kOk);
}

TEST(VideoQueueTest, ExitsAsTheFirstThatFailedInOrder) {
  VideoQueue queue = QueueOf(3);
  queue.OnFailed(2, domain::MakeError(domain::reason::kInternal, "x"));
  EXPECT_EQ(queue.Exit(), ExitCode::kFailed);
  queue.OnFailed(1, domain::MakeError(domain::reason::kKeyTaken, "x"));
  EXPECT_EQ(queue.Exit(), ExitCode::kInput);
}

TEST(VideoQueueTest, ACtrlCLeavesWhatOthersBegan) {
  VideoQueue queue = QueueOf(3);
  queue.OnStarted(0, JobAt(7, 0.5, 100), true);
  queue.OnStarted(1, JobAt(8, 0.5, 100), false);
  queue.Cancel();
  EXPECT_EQ(queue.videos()[0].state, VideoState::kRunning);
  EXPECT_EQ(queue.videos()[1].state, VideoState::kLeft);
  EXPECT_EQ(queue.videos()[2].state, VideoState::kNotStarted);
}

TEST(VideoQueueTest, AnEpisodeThatIsForgottenMeanwhileHasFailed) {
  VideoQueue queue = QueueOf(1);
  queue.OnStarted(0, WaitingJob(7), true);
  queue.OnGone(8, domain::MakeError(domain::reason::kJobNotFound, "x"));
  EXPECT_FALSE(queue.is_over());
  queue.OnGone(7, domain::MakeError(domain::reason::kJobNotFound, "there is no job 7"));
  EXPECT_TRUE(queue.is_over());
  EXPECT_EQ(queue.Exit(), ExitCode::kInput);
}

TEST(VideoQueueTest, SaysHowLongAllTakeOnceTheFirstHasToldEnough) {
  VideoQueue queue = QueueOf(3);
  queue.OnStarted(0, WaitingJob(1), true);
  queue.OnStarted(1, WaitingJob(2), true);
  queue.OnShown(JobAt(1, 0.5, 950));
  EXPECT_FALSE(queue.Left());  // The third may be done already.
  queue.OnStarted(2, WaitingJob(3), true);
  const auto left = queue.Left();
  ASSERT_TRUE(left);
  // About 1,000 s each: half of the first is left.
  EXPECT_NEAR(left->p50.count(), 2'500, 60);
  EXPECT_GT(left->p90.count(), 2'700);
}

TEST(VideoQueueTest, WhatWasDoneBeforeTellsHowLongTheOthersTake) {
  VideoQueue queue = QueueOf(3);
  queue.OnStarted(0, OnceDoneJob(1, 595), true);
  queue.OnStarted(1, WaitingJob(2), true);
  queue.OnStarted(2, WaitingJob(3), true);
  ASSERT_TRUE(queue.Left());
  EXPECT_NEAR(queue.Left()->p50.count(), 1'200, 1e-6);
}

// It has looked at half of its frames yesterday.
TEST(VideoQueueTest, AResumedVideoIsNotTakenForAFastOne) {
  VideoQueue queue = QueueOf(2);
  JobView resumed = WaitingJob(1);
  resumed.stages[1].segments = 40;
  queue.OnStarted(0, resumed, true);
  queue.OnStarted(1, WaitingJob(2), true);
  JobView running = JobAt(1, 0.5, 950);
  running.stages[1].elapsed_s = 5;
  queue.OnShown(running);
  ASSERT_TRUE(queue.Left());
  EXPECT_NEAR(queue.Left()->p50.count(), 1'500, 60);
  queue.OnShown(EndedJob(1, 480));
  EXPECT_NEAR(queue.Left()->p50.count(), 1'000, 60);
}

TEST(VideoQueueTest, SaysNoTimeWhileTheDiskIsFull) {
  VideoQueue queue = QueueOf(1);
  JobView job = JobAt(1, 0.5, 100);
  queue.OnStarted(0, job, true);
  EXPECT_TRUE(queue.Left());
  job.troubles = {domain::MakeError(domain::reason::kDiskFull, "no space left on device")};
  queue.OnShown(job);
  EXPECT_FALSE(queue.Left());
  EXPECT_EQ(queue.Trouble()->reason, domain::reason::kDiskFull);
}

}  // namespace
}  // namespace rollcall::cli
