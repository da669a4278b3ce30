#pragma once

#include <map>

#include "base/json.h"
#include "store/testing/contract_fixture.h"

namespace rollcall::store {

using domain::JobState;

TEST_P(JobStoreContract, TellsTheWholeStoryOfAJobInOrder) {
  const JobId job = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  RunToSuccess("extract");
  LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
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

TEST_P(JobStoreContract, EventsOfAllJobsAreHandedOutInTheOrderOfTheirWriting) {
  EXPECT_EQ(*store().EventPosition(), 0);
  const JobId first = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const JobId second = Submit(MakeRequest("detect", "y", {"detect"})).job.id;
  RunToSuccess("detect");
  RunToSuccess("detect");
  const auto all = *store().EventsSince(0, 1000);
  std::map<JobId, std::int64_t> seqs;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) {
      EXPECT_GT(all[i].position, all[i - 1].position);
    }
    EXPECT_EQ(all[i].seq, ++seqs[all[i].job]);
  }
  EXPECT_EQ(seqs[first], store().JobGet(first)->event_seq);
  EXPECT_EQ(seqs[second], store().JobGet(second)->event_seq);
  EXPECT_GT(store().EventsAfter(second, 0, 1)->front().position,
            store().EventsAfter(first, 0, 1)->front().position);
  EXPECT_EQ(*store().EventPosition(), all.back().position);
  // In portions nothing is missed and nothing comes twice.
  std::vector<Event> portions;
  std::int64_t position = 0;
  while (true) {
    const auto portion = *store().EventsSince(position, 3);
    if (portion.empty()) break;
    position = portion.back().position;
    portions.insert(portions.end(), portion.begin(), portion.end());
  }
  ASSERT_EQ(portions.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(portions[i].position, all[i].position);
}

TEST_P(JobStoreContract, NoPositionIsGivenTwiceThoughItsEventIsForgotten) {
  const JobId gone = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  RunToSuccess("detect");
  const std::int64_t before = *store().EventPosition();
  EXPECT_EQ(store().EventsSince(0, 1000)->back().job, gone);
  EXPECT_OK(store().SubjectErase({"episode", "x"}));
  EXPECT_TRUE(store().EventsSince(0, 1000)->empty());
  EXPECT_EQ(*store().EventPosition(), before);
  Submit(MakeRequest("detect", "y", {"detect"}));
  EXPECT_GT(store().EventsSince(0, 1000)->front().position, before);
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
  EXPECT_OK(store().TaskEnd(task.fence, end));
  const auto events = *store().EventsAfter(job, 0, 100);
  for (const Event& event : events) {
    EXPECT_OK(base::ParseJson(event.body_json, "event"));
  }
}

TEST_P(JobStoreContract, APausedQueueIsNotClaimedAndSaysWhy) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EXPECT_OK(store().QueuePause("detect", "disk full"));
  EXPECT_FALSE(TryClaim().has_value());
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "queue detect is paused: disk full");
  EXPECT_EQ(CountEvents(job, "stage_waiting"), 1);
  const JobId later = Submit(MakeRequest("detect", "y", {"detect"})).job.id;
  EXPECT_EQ(RunOf(later, "detect").wait_reason, "queue detect is paused: disk full");
  Submit(MakeRequest("stills", "x", {"stills"}));
  EXPECT_EQ(Claim().run.name, "stills");

  EXPECT_OK(store().QueuePause("detect", ""));
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "waits for a free worker");
  EXPECT_EQ(RunOf(later, "detect").wait_reason, "waits for a free worker");
  EXPECT_EQ(Claim().run.name, "detect");
}

TEST_P(JobStoreContract, APausedQueueLetsItsRunningTaskFinish) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().QueuePause("detect", "disk full"));
  End(task, AttemptOutcome::kInterrupted);
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "queue detect is paused: disk full");
  EXPECT_FALSE(TryClaim().has_value());
}

TEST_P(JobStoreContract, AQueueSaysHowManyWaitAndSinceWhen) {
  const std::vector<std::string> stages{"detect", "track"};
  EXPECT_FALSE((*store().QueueList(stages))[0].oldest.has_value());
  const base::WallTime first = now().wall;
  Submit(MakeRequest("analyze", "x", {"detect", "track"}));
  clock_.Advance(std::chrono::minutes{5});
  Submit(MakeRequest("analyze", "y", {"detect", "track"}));
  auto queues = *store().QueueList(stages);
  ASSERT_EQ(queues.size(), 2U);
  EXPECT_EQ(queues[0].stage, "detect");
  EXPECT_EQ(queues[0].queued, 2);
  EXPECT_EQ(queues[0].oldest, first);
  EXPECT_EQ(queues[1].queued, 0);  // Blocked is not queued.

  // A stage behind another one waits since that ended; an interrupted one since its attempt did.
  const LeasedTask x = ClaimStarted();
  clock_.Advance(std::chrono::minutes{1});
  const base::WallTime done = now().wall;
  Succeed(x);
  const LeasedTask y = ClaimStarted({"detect"});
  clock_.Advance(std::chrono::minutes{1});
  const base::WallTime interrupted = now().wall;
  End(y, AttemptOutcome::kInterrupted);
  EXPECT_OK(store().QueuePause("track", "disk full"));
  queues = *store().QueueList(stages);
  EXPECT_EQ(queues[0].queued, 1);
  EXPECT_EQ(queues[0].oldest, interrupted);
  EXPECT_EQ(queues[1].oldest, done);
  EXPECT_EQ(queues[1].paused, "disk full");
}

}  // namespace rollcall::store
