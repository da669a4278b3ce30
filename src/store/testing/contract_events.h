#pragma once

#include "base/json.h"
#include "store/testing/contract_fixture.h"

namespace rollcall::store {

using domain::JobState;

TEST_P(JobStoreContract, TellsTheWholeStoryOfAJobInOrder) {
  const JobId job = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  RunToSuccess("extract");
  LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0), now()));
  EndWithRetry(task, {});
  RunToSuccess("detect");
  EXPECT_THAT(
      EventsOf(job),
      testing::ElementsAre("job_submitted", "stage_queued", "stage_blocked", "stage_leased",
                           "stage_started", "stage_succeeded", "stage_queued", "stage_leased",
                           "stage_started", "segment_committed", "stage_retry_wait", "stage_queued",
                           "stage_leased", "stage_started", "stage_succeeded", "job_succeeded"));
}

TEST_P(JobStoreContract, EventsAreContiguousAndHandedOutInPortions) {
  const JobId job = SubmitAnalyze("x");
  RunToSuccess("extract");
  const auto all = *store().EventsAfter(job, 0, 1000);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].seq, static_cast<std::int64_t>(i) + 1);
    EXPECT_EQ(all[i].job, job);
    EXPECT_EQ(all[i].at, now().wall);
  }
  EXPECT_EQ(store().JobGet(job)->event_seq, std::ssize(all));
  const auto portion = *store().EventsAfter(job, 2, 3);
  ASSERT_EQ(portion.size(), 3u);
  EXPECT_EQ(portion[0].seq, 3);
  EXPECT_EQ(portion[2].seq, 5);
  EXPECT_TRUE(store().EventsAfter(job, std::ssize(all), 3)->empty());
}

TEST_P(JobStoreContract, AnEventSaysWhichRunAndWhy) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EndWithRetry(ClaimStarted(), std::chrono::seconds{5});
  const auto events = *store().EventsAfter(job, 0, 100);
  const auto body = *base::ParseJson(events.back().body_json, "event");
  EXPECT_EQ(body["stage"], "detect");
  EXPECT_EQ(body["generation"], 1);
  EXPECT_EQ(body["state"], "retry_wait");
  EXPECT_EQ(body["attempt"], 1);
  EXPECT_EQ(body["outcome"], "failed");
  EXPECT_EQ(body["error"]["reason"], "ERR_WORKER_CRASHED");
  EXPECT_TRUE(body["wait_reason"].get<std::string>().starts_with("tried again at "));
  EXPECT_EQ(body["run_at"], base::IsoTime(now().wall + std::chrono::seconds{5}));
}

TEST_P(JobStoreContract, TheEventOfAFailedJobNamesTheFirstCause) {
  const JobId job = SubmitAnalyze("x");
  End(ClaimStarted(), AttemptOutcome::kFailed);
  const auto events = *store().EventsAfter(job, 0, 100);
  const auto body = *base::ParseJson(events.back().body_json, "event");
  EXPECT_EQ(events.back().kind, "job_failed");
  EXPECT_EQ(body["stage"], "extract");
  EXPECT_EQ(body["error"]["reason"], "ERR_WORKER_CRASHED");
}

TEST_P(JobStoreContract, AnErrorThatIsNotUtf8StillMakesAnEvent) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  AttemptEnd end = MakeEnd(AttemptOutcome::kFailed);
  end.error.message = "bad \xff name";
  EXPECT_OK(store().TaskEnd(task.fence, end, now()));
  const auto events = *store().EventsAfter(job, 0, 100);
  for (const Event& event : events) {
    EXPECT_OK(base::ParseJson(event.body_json, "event"));
  }
}

TEST_P(JobStoreContract, APausedQueueIsNotClaimedAndSaysWhy) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EXPECT_OK(store().QueuePause("detect", "disk full", now()));
  EXPECT_FALSE(TryClaim().has_value());
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "queue detect is paused: disk full");
  EXPECT_EQ(CountEvents(job, "stage_waiting"), 1);
  const JobId later = Submit(MakeRequest("detect", "y", {"detect"})).job.id;
  EXPECT_EQ(RunOf(later, "detect").wait_reason, "queue detect is paused: disk full");
  Submit(MakeRequest("stills", "x", {"stills"}));
  EXPECT_EQ(Claim().run.name, "stills");

  EXPECT_OK(store().QueuePause("detect", "", now()));
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "waits for a free worker");
  EXPECT_EQ(RunOf(later, "detect").wait_reason, "waits for a free worker");
  EXPECT_EQ(Claim().run.name, "detect");
}

TEST_P(JobStoreContract, APausedQueueLetsItsRunningTaskFinish) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().QueuePause("detect", "disk full", now()));
  End(task, AttemptOutcome::kInterrupted);
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "queue detect is paused: disk full");
  EXPECT_FALSE(TryClaim().has_value());
}

}  // namespace rollcall::store
