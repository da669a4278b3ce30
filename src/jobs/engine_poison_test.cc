// Segments that end every worker: found, named, skipped on request, and recorded.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::Contains;
using testing::HasSubstr;

class EnginePoisonTest : public EngineTest {
 protected:
  static constexpr Engine::ResumeOptions kSkip{.skips_poison = true};

  // Four segments; every worker crashes at `at`.
  static Json Crashing(std::int64_t at) {
    return {{"behaviour", "crash"}, {"at", at}, {"segments", 4}};
  }
  store::Job FailAt(std::int64_t at, std::vector<std::string> stages = {"detect"}) {
    StartEngine();
    const store::Job job = SubmitOk(FakeRequest("x", stages, Crashing(at)));
    EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
    EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_POISON_SEGMENT");
    return job;
  }
  std::string Refusal(store::JobId id) {
    const auto resumed = engine_->Resume(id, kSkip);
    return resumed.ok() ? "" : resumed.error().reason;
  }
  std::vector<std::string> Events(store::JobId id) {
    std::vector<std::string> kinds;
    for (const auto& event : store_->EventsAfter(id, 0, 1000).value()) kinds.push_back(event.kind);
    return kinds;
  }
};

TEST_F(EnginePoisonTest, NamesTheSegmentItsTimeAndTheCommand) {
  FailAt(2);
  const base::Error error = *Run("detect").run.last_error;
  EXPECT_THAT(error.message, HasSubstr("segment 2 of the video (00:00:20–00:00:30)"));
  EXPECT_THAT(error.message, HasSubstr("crashed on purpose")) << "the worker's last words";
  EXPECT_EQ(Attempts("detect").size(), 2U);
  EXPECT_THAT(error.hint, HasSubstr("`rollcall jobs resume 1 --skip-poison`"));
  EXPECT_THAT(error.hint, HasSubstr("00:00:20–00:00:30"));
}

TEST_F(EnginePoisonTest, NamesTheJobThatSomebodyStarted) {
  const store::Job job = FailAt(0, {"detect", "track"});
  EXPECT_THAT(Run("detect").run.last_error->hint,
              HasSubstr("`rollcall jobs resume 1 --skip-poison`"));
  EXPECT_EQ(Refusal(job.id), "");
}

TEST_F(EnginePoisonTest, TriesItAgainWithoutTheWish) {
  const store::Job job = FailAt(2);
  const auto resumed = engine_->Resume(job.id);
  ASSERT_TRUE(resumed.ok());
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kFailed);
  EXPECT_EQ(Run("detect").run.generation, 2);
  EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_POISON_SEGMENT");
}

TEST_F(EnginePoisonTest, GoesOnBehindItAndRecordsTheGap) {
  const store::Job job = FailAt(2, {"detect", "track"});
  const auto before = store_->SegmentList(Run("detect").run.work_key).value();
  const auto resumed = engine_->Resume(job.id, kSkip);
  ASSERT_TRUE(resumed.ok()) << resumed.error().ToString();
  // Only detect crashes at 2 for ever: track has the same parameters, and no such wish yet.
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kFailed);
  const store::StageRun detect = Run("detect").run;
  EXPECT_EQ(detect.state, JobState::kSucceeded);
  EXPECT_EQ(base::ParseJson(detect.result_json, "result")->at("gaps"),
            Json::parse(R"([{"start_ms":20000,"end_ms":30000,"reason":"ERR_POISON_SEGMENT"}])"));
  EXPECT_EQ(std::ranges::count(Events(resumed->job.id), "segment_skipped"), 1);

  // The others are those of an undisturbed run, to the byte; those before were not done again.
  const auto after = store_->SegmentList(detect.work_key).value();
  ASSERT_EQ(after.size(), 4U);
  EXPECT_EQ(after[0].path, before[0].path);
  EXPECT_EQ(after[1].path, before[1].path);
  EXPECT_EQ(ReadText(after[2].path), "");
  EXPECT_EQ(ReadText(after[3].path), "segment 3\n");
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), "segment 0\nsegment 1\nsegment 3\n");
  EXPECT_EQ(ReadJson("jobs/detect_x/meta.json")["stages"]["detect"]["result"]["gaps"].size(), 1U);
  EXPECT_THAT(
      LogLines("detect_x"),
      Contains("[DETECT] x segment 2 skipped on request: 00:00:20–00:00:30 is not looked at"));

  // The next stage's poison is another wish, of the new job.
  StartEngine();
  const auto again = engine_->Resume(resumed->job.id, kSkip);
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(WaitForEnd(again->job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Run("detect").run.generation, 2) << "its result was taken over";
  const Json track = base::ParseJson(Run("track").run.result_json, "result").value();
  EXPECT_EQ(track.at("input_gaps"), track.at("gaps")) << "the same time, twice for its own reason";
}

TEST_F(EnginePoisonTest, ALaterJobOfTheWorkSaysWhatItsResultLacks) {
  const store::Job job = FailAt(2);
  const auto resumed = engine_->Resume(job.id, kSkip);
  ASSERT_TRUE(resumed.ok());
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kSucceeded);
  store::JobRequest request = FakeRequest("x", {"detect"}, Crashing(2));
  request.stages[0].reuse = *engine_->FindReusable(request.stages[0].work_key);
  ASSERT_TRUE(request.stages[0].reuse.has_value());
  const store::Job later = SubmitOk(request);
  const auto events = store_->EventsAfter(later.id, 0, 10).value();
  EXPECT_THAT(events.at(1).kind, "stage_skipped");
  EXPECT_THAT(events.at(1).body_json, HasSubstr(R"("gaps":[{"start_ms":20000)"));
}

TEST_F(EnginePoisonTest, RefusesWhereThereIsNothingToSkip) {
  StartEngine();
  const store::Job good = SubmitOk(FakeRequest("x", {"detect"}, {{"segments", 1}}));
  WaitForEnd(good.id);
  EXPECT_EQ(Refusal(good.id), "ERR_NOTHING_TO_SKIP");
  const store::Job failed = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "permanent"}}));
  WaitForEnd(failed.id);
  EXPECT_EQ(Refusal(failed.id), "ERR_NOTHING_TO_SKIP");

  // A stage that names no segments: it crashes, but at nothing that could be left out.
  const store::Job whole =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "crash"}, {"announce", false}}));
  EXPECT_EQ(WaitForEnd(whole.id).state, JobState::kFailed);
  EXPECT_EQ(Run("detect").run.last_error->reason, "ERR_POISON_SEGMENT");
  EXPECT_THAT(Run("detect").run.last_error->hint, HasSubstr("nothing to skip"));
  EXPECT_EQ(Refusal(whole.id), "ERR_NOTHING_TO_SKIP");

  const store::Job open = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 0}}));
  EXPECT_EQ(Refusal(open.id), "ERR_NOTHING_TO_SKIP");
  Touch("go");
  WaitForEnd(open.id);
}

TEST_F(EnginePoisonTest, ASkipOutlivesTheOwner) {
  const store::Job job = FailAt(1);
  const auto resumed = engine_->Resume(job.id, kSkip);
  ASSERT_TRUE(resumed.ok());
  engine_.reset();  // At once, perhaps before anything was skipped.
  StartEngine();
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kSucceeded);
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), "segment 0\nsegment 2\nsegment 3\n");
}

}  // namespace
}  // namespace rollcall::jobs
