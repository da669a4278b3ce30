#include <gtest/gtest.h>

#include <optional>

#include "base/json.h"
#include "episode/episode_projection.h"
#include "episode/stages/episode_stages.h"

namespace rollcall::episode {
namespace {

using base::Json;
using domain::JobState;
using subject::SubjectFacts;

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

SubjectFacts SubjectWith(const store::RunView& detect) {
  SubjectFacts facts{.subject = {"episode", "rhobh_s05_e03"}, .epoch = "e", .stages = {}};
  for (const subject::StageRow& row : EpisodeStages().rows()) {
    facts.stages.push_back({.row = &row});
    if (row.name != "detect") continue;
    facts.stages.back().shown = detect;
    facts.stages.back().has_artifacts = true;
  }
  return facts;
}

TEST(StateJsonTest, IsTrueOnlyFromSuccessToTheNextStart) {
  const auto flag = [](JobState state, bool has_artifacts) {
    SubjectFacts facts = SubjectWith(RunIn(state));
    facts.stages[2].has_artifacts = has_artifacts;
    return Json::parse(StateJson(facts, std::nullopt))["states"]["detected"].get<bool>();
  };
  EXPECT_TRUE(flag(JobState::kSucceeded, true));
  EXPECT_FALSE(flag(JobState::kSucceeded, false)) << "somebody deleted the artefact";
  EXPECT_FALSE(flag(JobState::kRunning, true));
  EXPECT_FALSE(flag(JobState::kFailed, true));
  EXPECT_FALSE(flag(JobState::kCancelled, true));
}

TEST(StateJsonTest, HasEveryFlagAndThePlaceOfTheEpisode) {
  const Json state = Json::parse(StateJson(SubjectWith(RunIn(JobState::kSucceeded)), std::nullopt));
  EXPECT_EQ(state["states"].size(), EpisodeStages().rows().size());
  EXPECT_EQ(state["states"]["mood_measured"], false);
  EXPECT_EQ(state["show"], "rhobh");
  EXPECT_EQ(state["season"], "s05");
  EXPECT_EQ(state["episode"], "e03");
  EXPECT_EQ(state["schema"], 1);
  EXPECT_EQ(state["epoch"], "e");
}

TEST(StateJsonTest, LeavesThePlaceOpenWhereTheKeyHasNone) {
  SubjectFacts facts = SubjectWith(RunIn(JobState::kSucceeded));
  facts.subject.id = "rhobh-test-10-28";
  EXPECT_EQ(Json::parse(StateJson(facts, std::nullopt))["show"], nullptr);
}

TEST(StateJsonTest, FindsThePlaceInEveryKeyThatHasOne) {
  const auto place = [](const std::string& key) {
    SubjectFacts facts = SubjectWith(RunIn(JobState::kSucceeded));
    facts.subject.id = key;
    const Json state = Json::parse(StateJson(facts, std::nullopt));
    return Json{state["show"], state["season"], state["episode"]}.dump();
  };
  EXPECT_EQ(place("a_b_s05_e03"), R"(["a_b","s05","e03"])");
  EXPECT_EQ(place("a_s5_e30-2"), R"(["a","s5","e30"])");
  EXPECT_EQ(place("s05_e03"), R"([null,"s05","e03"])");
  for (const char* key : {"a_s05", "a_e03", "_s05_e03", "a_s05_e03-", "a_s05_e03-2x", "a_s_e03",
                          "a_s05_e", "a_sx_e03", "a_s05_e03_", "a", ""}) {
    EXPECT_EQ(place(key), "[null,null,null]") << key;
  }
}

TEST(StateJsonTest, KeepsWhenAndWhatSucceededLast) {
  SubjectFacts facts = SubjectWith(RunIn(JobState::kRunning, 2));
  facts.stages[2].last_good = RunIn(JobState::kSucceeded, 1).run;
  facts.stages[2].last_good->finished_at = kTime;
  facts.stages[2].artifacts = {
      {.name = "a", .path = "a.g1", .size_bytes = 3, .sha256 = "h", .count = 1}};
  const Json state = Json::parse(StateJson(facts, std::nullopt));
  EXPECT_EQ(state["timestamps"]["detected"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(state["results"]["detected"][0]["path"], "a.g1");
  EXPECT_EQ(state["results"]["detected"][0]["sha256"], "h");
}

TEST(RuntimeJsonTest, ListsWhatIsActive) {
  const auto active = [](JobState state) {
    return Json::parse(RuntimeJson(SubjectWith(RunIn(state)), std::nullopt, kTime))["active_jobs"];
  };
  EXPECT_EQ(active(JobState::kRunning), Json({{"detect", "detect_rhobh_s05_e03"}}));
  EXPECT_EQ(active(JobState::kRetryWait), Json({{"detect", "detect_rhobh_s05_e03"}}));
  EXPECT_EQ(active(JobState::kQueued), Json::object());
  EXPECT_EQ(active(JobState::kSucceeded), Json::object());
  EXPECT_EQ(active(JobState::kFailed), Json::object());
  EXPECT_EQ(active(JobState::kCancelled), Json::object());
}

TEST(RuntimeJsonTest, IsTheSameHoweverOftenItIsWrittenWhenIdle) {
  const SubjectFacts facts = SubjectWith(RunIn(JobState::kSucceeded));
  EXPECT_EQ(RuntimeJson(facts, std::nullopt, kTime),
            RuntimeJson(facts, std::nullopt, kTime + std::chrono::hours{1}));
}

}  // namespace
}  // namespace rollcall::episode
