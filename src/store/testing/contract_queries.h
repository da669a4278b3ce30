#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

TEST_P(JobStoreContract, FindsAJobByItsPublicId) {
  const JobId job = SubmitAnalyze("x");
  EXPECT_EQ(store().JobFind("analyze_x")->id, job);
  EXPECT_EQ(store().JobFind("track_x")->id, job);  // By a stage that it joined.
  EXPECT_EQ(ReasonOf(store().JobFind("track_y")), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store().JobFind("")), "ERR_JOB_NOT_FOUND");
}

TEST_P(JobStoreContract, FindsTheNewestJobOfAPublicId) {
  Submit(MakeRequest("detect", "x", {"detect"}, 1));
  const JobId second = Submit(MakeRequest("detect", "x", {"detect"}, 2)).job.id;
  EXPECT_EQ(store().JobFind("detect_x")->id, second);
}

TEST_P(JobStoreContract, FindsTheNewestJobOfTheNewestRunOfAStage) {
  SubmitAnalyze("x");
  const JobId both = Submit(MakeRequest("upto", "x", {"extract", "detect"})).job.id;
  EXPECT_EQ(store().JobFind("detect_x")->id, both);
}

// "jobs cancel detect_x" used to answer for a job that had ended, while the work went on.
TEST_P(JobStoreContract, FindsTheOpenJobBeforeOneThatHasEnded) {
  const JobId analyze = SubmitAnalyze("x");
  const JobId detect = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  EXPECT_EQ(store().JobFind("detect_x")->id, detect);
  ASSERT_TRUE(store().JobCancel(detect).ok());
  EXPECT_EQ(store().JobFind("detect_x")->id, analyze);
  ASSERT_TRUE(store().JobCancel(analyze).ok());
  EXPECT_EQ(store().JobFind("detect_x")->id, detect);
}

TEST_P(JobStoreContract, DoesNotKnowAJobOrRunThatIsNotThere) {
  EXPECT_EQ(ReasonOf(store().JobGet(JobId{7})), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store().JobRuns(JobId{7})), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store().RunGet(StageRunId{7})), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(CodeOf(store().RunGet(StageRunId{7})), base::ErrorCode::kNotFound);
}

TEST_P(JobStoreContract, ListsJobsNewestFirst) {
  const JobId a = SubmitAnalyze("x");
  const JobId b = SubmitAnalyze("y");
  const auto jobs = *store().JobList();
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].id, b);
  EXPECT_EQ(jobs[1].id, a);
}

TEST_P(JobStoreContract, ShowsARunWithItsLease) {
  const Subject subject{"episode", "x"};
  EXPECT_FALSE(store().RunLatest(subject, "detect")->has_value());
  Submit(MakeRequest("detect", "x", {"detect"}));
  EXPECT_FALSE((*store().RunLatest(subject, "detect"))->lease.has_value());
  const LeasedTask task = ClaimStarted();
  const auto view = **store().RunLatest(subject, "detect");
  ASSERT_TRUE(view.lease.has_value());
  EXPECT_EQ(view.lease->fence, task.fence);
  EXPECT_EQ(view.lease->pid, 1234);
  EXPECT_EQ(view.lease->pid_start, 5678);
  EXPECT_EQ(view.lease->agent.incarnation, "first");
  EXPECT_EQ(view.lease->expires.at, now().boot + kLease);
}

TEST_P(JobStoreContract, RemembersEveryGenerationNewestFirst) {
  const Subject subject{"episode", "x"};
  for (int version = 1; version <= 3; ++version) {
    Submit(MakeRequest("detect", "x", {"detect"}, version));
    const LeasedTask task = ClaimStarted();
    version == 2 ? Succeed(task) : End(task, AttemptOutcome::kFailed);
  }
  const auto history = *store().RunHistory(subject, "detect");
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].run.generation, 3);
  EXPECT_EQ(history[2].run.generation, 1);
  EXPECT_EQ((*store().RunLatest(subject, "detect"))->run.generation, 3);
  EXPECT_EQ((*store().RunLastGood(subject, "detect"))->generation, 2);
  EXPECT_FALSE(store().RunLastGood(subject, "track")->has_value());
}

TEST_P(JobStoreContract, FindsTheNewestSuccessOfTheSameWork) {
  EXPECT_FALSE(store().RunSucceeded("x/detect/1")->has_value());
  Submit(MakeRequest("detect", "x", {"detect"}));
  RunToSuccess("detect");
  Submit(MakeRequest("detect", "x", {"detect"}));
  const LeasedTask second = RunToSuccess("detect");
  EXPECT_EQ((*store().RunSucceeded("x/detect/1"))->id, second.run.id);
  Submit(MakeRequest("detect", "x", {"detect"}));
  End(ClaimStarted(), AttemptOutcome::kFailed);
  EXPECT_EQ((*store().RunSucceeded("x/detect/1"))->id, second.run.id);
  EXPECT_FALSE(store().RunSucceeded("x/detect/2")->has_value());
}

TEST_P(JobStoreContract, ListsTheJobsOfARunOpenOnesFirst) {
  const JobId ended = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const JobId open = Submit(MakeRequest("upto", "x", {"detect", "track"})).job.id;
  const JobId cancelled = Submit(MakeRequest("third", "x", {"detect", "track"})).job.id;
  EXPECT_OK(store().JobCancel(cancelled));
  const StageRunId run = RunOf(ended, "detect").id;
  RunToSuccess("detect");
  const auto jobs = *store().RunJobs(run);
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[0].id, open);
  EXPECT_EQ(jobs[1].id, cancelled);
  EXPECT_EQ(jobs[2].id, ended);
}

TEST_P(JobStoreContract, EveryChangeOfARunMovesItPastTheCursor) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  std::int64_t cursor = 0;
  const auto has_changed = [&] {
    const auto changed = *store().RunsChangedSince(cursor, 10);
    if (changed.empty()) return false;
    EXPECT_EQ(changed.size(), 1u);
    EXPECT_GT(changed[0].run.change, cursor);
    cursor = changed[0].run.change;
    return true;
  };
  EXPECT_TRUE(has_changed());
  EXPECT_FALSE(has_changed());
  const LeasedTask task = Claim();
  EXPECT_TRUE(has_changed());
  EXPECT_OK(store().TaskStarted(task.fence, 1, 2));
  EXPECT_TRUE(has_changed());
  const std::vector beats{Heartbeat{.fence = task.fence}};
  // What an attempt does is in its lease: a change a second would make every reader read it all.
  EXPECT_OK(store().LeaseRenew(agent_, beats, kLease));
  EXPECT_FALSE(has_changed());
  EXPECT_OK(store().LeaseMarkStalled(task.fence, "no progress"));
  EXPECT_TRUE(has_changed());
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_TRUE(has_changed());
  EXPECT_OK(store().JobCancel(job));
  EXPECT_TRUE(has_changed());
  End(task, AttemptOutcome::kCancelled);
  EXPECT_TRUE(has_changed());
  EXPECT_FALSE(has_changed());
}

TEST_P(JobStoreContract, HandsOutChangesInOrderAndInPortions) {
  SubmitAnalyze("x");
  SubmitAnalyze("y");
  const auto all = *store().RunsChangedSince(0, 100);
  ASSERT_EQ(all.size(), 6u);
  const auto first = *store().RunsChangedSince(0, 4);
  ASSERT_EQ(first.size(), 4u);
  const auto rest = *store().RunsChangedSince(first.back().run.change, 4);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_LT(first.back().run.change, rest.front().run.change);
  EXPECT_EQ(rest.back().run.id, all.back().run.id);
}

TEST_P(JobStoreContract, KeepsItsEpoch) {
  const std::string epoch = *store().StreamEpoch();
  EXPECT_EQ(epoch.size(), 32u);
  SubmitAnalyze("x");
  EXPECT_EQ(*store().StreamEpoch(), epoch);
}

}  // namespace rollcall::store
