#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

inline Episode MakeEpisode(std::string key) {
  return {.key = std::move(key),
          .display = "Title",
          .video_path = "videos/a.mp4",
          .fingerprint = "f1",
          .created_at = base::WallTime{std::chrono::milliseconds{1000}}};
}

TEST_P(JobStoreContract, GivesBackAnEpisodeAsItWasPut) {
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  const Episode episode = *store().EpisodeGet("x");
  EXPECT_EQ(episode.key, "x");
  EXPECT_EQ(episode.display, "Title");
  EXPECT_EQ(episode.video_path, "videos/a.mp4");
  EXPECT_EQ(episode.fingerprint, "f1");
  EXPECT_EQ(episode.created_at.time_since_epoch().count(), 1000);
}

TEST_P(JobStoreContract, DoesNotKnowAnEpisodeThatWasNeverPut) {
  EXPECT_EQ(ReasonOf(store().EpisodeGet("x")), "ERR_EPISODE_NOT_REGISTERED");
  EXPECT_EQ(CodeOf(store().EpisodeGet("x")), base::ErrorCode::kNotFound);
}

TEST_P(JobStoreContract, UpdatesPathAndTitleOfTheSameVideo) {
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  Episode moved = MakeEpisode("x");
  moved.video_path = "videos/b.mp4";
  moved.display = "Other";
  moved.created_at = base::WallTime{std::chrono::milliseconds{2000}};
  const Episode stored = *store().EpisodePut(moved);
  EXPECT_EQ(stored.video_path, "videos/b.mp4");
  EXPECT_EQ(store().EpisodeGet("x")->display, "Other");
  EXPECT_EQ(store().EpisodeGet("x")->created_at.time_since_epoch().count(), 1000);
}

TEST_P(JobStoreContract, RefusesAnotherVideoUnderATakenKey) {
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  Episode other = MakeEpisode("x");
  other.fingerprint = "f2";
  const auto result = store().EpisodePut(other);
  EXPECT_EQ(ReasonOf(result), "ERR_EPISODE_KEY_TAKEN");
  EXPECT_EQ(CodeOf(result), base::ErrorCode::kAlreadyExists);
  EXPECT_EQ(store().EpisodeGet("x")->fingerprint, "f1");
}

TEST_P(JobStoreContract, ListsEpisodesByKey) {
  EXPECT_OK(store().EpisodePut(MakeEpisode("y")));
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  const auto episodes = *store().EpisodeList();
  ASSERT_EQ(episodes.size(), 2u);
  EXPECT_EQ(episodes[0].key, "x");
  EXPECT_EQ(episodes[1].key, "y");
}

TEST_P(JobStoreContract, ForgetsAnEpisodeWithAllThatWasItsOwn) {
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  EXPECT_OK(store().EpisodePut(MakeEpisode("y")));
  const JobId gone = SubmitAnalyze("x");
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_OK(store().JobCancel(gone));
  End(task, AttemptOutcome::kCancelled);
  const JobId kept = SubmitAnalyze("y");
  const StageRunId kept_run = RunOf(kept, "extract").id;

  EXPECT_OK(store().EpisodeRemove("x"));

  EXPECT_EQ(ReasonOf(store().EpisodeGet("x")), "ERR_EPISODE_NOT_REGISTERED");
  EXPECT_EQ(ReasonOf(store().JobGet(gone)), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store().RunGet(task.run.id)), "ERR_JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store().JobFind("analyze_x")), "ERR_JOB_NOT_FOUND");
  EXPECT_TRUE(store().EventsAfter(gone, 0, 100)->empty());
  EXPECT_TRUE(store().SegmentList(task.run.work_key)->empty());
  EXPECT_TRUE(store().AttemptList(task.run.id)->empty());
  EXPECT_FALSE(store().RunLatest({"episode", "x"}, "extract")->has_value());
  EXPECT_TRUE(store().EpisodeGet("y").ok());
  EXPECT_EQ(RunOf(kept, "extract").id, kept_run);
}

TEST_P(JobStoreContract, KeepsAnEpisodeWhileAJobOfItIsOpen) {
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  const JobId job = SubmitAnalyze("x");
  const auto result = store().EpisodeRemove("x");
  EXPECT_EQ(ReasonOf(result), "ERR_JOB_ALREADY_RUNNING");
  EXPECT_EQ(CodeOf(result), base::ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(store().EpisodeGet("x").ok());
  EXPECT_TRUE(store().JobGet(job).ok());
}

TEST_P(JobStoreContract, DoesNotRemoveAnEpisodeThatIsNotThere) {
  EXPECT_EQ(ReasonOf(store().EpisodeRemove("x")), "ERR_EPISODE_NOT_REGISTERED");
}

// It was removed, and then could not be put: nothing was known of either.
TEST_P(JobStoreContract, ReplacesAnEpisodeInOneStep) {
  EXPECT_EQ(ReasonOf(store().EpisodeReplace(MakeEpisode("x"))), "ERR_EPISODE_NOT_REGISTERED");
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  const JobId job = SubmitAnalyze("x");
  Episode other = MakeEpisode("x");
  other.fingerprint = "another";
  EXPECT_EQ(ReasonOf(store().EpisodeReplace(other)), "ERR_JOB_ALREADY_RUNNING");
  EXPECT_NE(store().EpisodeGet("x")->fingerprint, "another");
  EXPECT_OK(store().JobCancel(job));
  EXPECT_EQ(store().EpisodeReplace(other)->fingerprint, "another");
  EXPECT_EQ(store().EpisodeGet("x")->fingerprint, "another");
  EXPECT_EQ(ReasonOf(store().JobGet(job)), "ERR_JOB_NOT_FOUND");
}

// Ids and the change counter go on: a cursor or a link from before never means something new.
TEST_P(JobStoreContract, NeverUsesTheIdsOfARemovedEpisodeAgain) {
  EXPECT_OK(store().EpisodePut(MakeEpisode("x")));
  const JobId old_job = SubmitAnalyze("x");
  const StageRun old_run = RunOf(old_job, "extract");
  EXPECT_OK(store().JobCancel(old_job));
  const std::int64_t change = store().RunsChangedSince(0, 100)->back().run.change;
  EXPECT_OK(store().EpisodeRemove("x"));
  const JobId new_job = SubmitAnalyze("x");
  EXPECT_GT(new_job, old_job);
  EXPECT_GT(RunOf(new_job, "extract").id, old_run.id);
  EXPECT_GT(RunOf(new_job, "extract").change, change);
}

}  // namespace rollcall::store
