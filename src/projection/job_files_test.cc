#include "projection/job_files.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace rollcall::projection {
namespace {

using base::Json;
using domain::JobState;

constexpr base::WallTime kTime{std::chrono::milliseconds{1'700'000'000'000}};

store::RunView RunIn(JobState state, int generation = 1) {
  store::RunView view;
  view.run.subject = {"episode", "rhobh_s05_e03"};
  view.run.name = "detect";
  view.run.generation = generation;
  view.run.state = state;
  view.run.created_at = kTime;
  if (state != JobState::kQueued && state != JobState::kBlocked) view.run.started_at = kTime;
  return view;
}

RunFacts Facts(store::RunView view) {
  return {.view = std::move(view), .live = std::nullopt, .labels = {}, .epoch = "e"};
}

TEST(ShownGenerationTest, IsTheNewestThatHasStarted) {
  EXPECT_FALSE(ShownGeneration({}).has_value());
  EXPECT_EQ(ShownGeneration({RunIn(JobState::kQueued, 1)})->run.generation, 1);
  EXPECT_EQ(
      ShownGeneration({RunIn(JobState::kBlocked, 2), RunIn(JobState::kRunning, 1)})->run.generation,
      1);
  EXPECT_EQ(ShownGeneration({RunIn(JobState::kSucceeded, 1), RunIn(JobState::kRunning, 2)})
                ->run.generation,
            2);
}

TEST(MetaJsonTest, HasTheWordsForPeople) {
  const auto status = [](JobState state) {
    return Json::parse(MetaJson(Facts(RunIn(state))))["stages"]["detect"]["status"];
  };
  EXPECT_EQ(status(JobState::kQueued), "pending");
  EXPECT_EQ(status(JobState::kRetryWait), "pending");
  EXPECT_EQ(status(JobState::kRunning), "running");
  EXPECT_EQ(status(JobState::kCancelling), "running");
  EXPECT_EQ(status(JobState::kSucceeded), "ok");
  EXPECT_EQ(status(JobState::kFailed), "error");
  EXPECT_EQ(status(JobState::kCancelled), "canceled");
}

TEST(MetaJsonTest, SaysWhyAStageFailedAndWhatToDo) {
  store::RunView view = RunIn(JobState::kFailed);
  view.run.last_error =
      base::Error{base::ErrorCode::kNotFound, "ERR_VIDEO_NOT_FOUND", "no /v", "look"};
  const Json stage = Json::parse(MetaJson(Facts(view)))["stages"]["detect"];
  EXPECT_EQ(stage["error"], "ERR_VIDEO_NOT_FOUND: no /v");
  EXPECT_EQ(stage["error_code"], "ERR_VIDEO_NOT_FOUND");
  EXPECT_EQ(stage["hint"], "look");
}

TEST(MetaJsonTest, ForgetsTheErrorOfAnEarlierAttemptOnceItSucceeded) {
  store::RunView view = RunIn(JobState::kSucceeded);
  view.run.last_error = base::Error{};
  view.run.result_json = R"({"faces_detected":3})";
  const Json stage = Json::parse(MetaJson(Facts(view)))["stages"]["detect"];
  EXPECT_EQ(stage["error"], nullptr);
  EXPECT_EQ(stage["result"], Json({{"faces_detected", 3}}));
}

TEST(MetaJsonTest, NamesProgressAfterTheUnit) {
  RunFacts facts = Facts(RunIn(JobState::kRunning));
  facts.live.emplace();
  facts.live->liveness.unit = "tracks";
  facts.live->liveness.done = 3;
  facts.live->liveness.total = 9;
  facts.live->liveness.counters_json = R"({"stills_written":2})";
  facts.live->progress_wall = kTime;
  facts.now = kTime + std::chrono::seconds{2};
  EXPECT_EQ(Json::parse(MetaJson(facts))["stages"]["detect"]["result"],
            Json::parse(R"({"tracks_done":3,"tracks_total":9,"stills_written":2,
                            "progress_at":"2023-11-14T22:13:20.000Z",
                            "updated_at":"2023-11-14T22:13:22.000Z"})"));
}

TEST(MetaJsonTest, NamesNoTimeOfProgressBeforeThereIsAny) {
  RunFacts facts = Facts(RunIn(JobState::kRunning));
  facts.live.emplace();
  facts.now = kTime;
  EXPECT_EQ(Json::parse(MetaJson(facts))["stages"]["detect"]["result"],
            Json::parse(R"({"updated_at":"2023-11-14T22:13:20.000Z"})"));
}

}  // namespace
}  // namespace rollcall::projection
