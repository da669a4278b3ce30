#include "scoring.h"

#include <gtest/gtest.h>

#include "scene.h"

namespace rollcall::bench {
namespace {

using compose::Truth;
using compose::TruthInterval;
using compose::TruthPlace;

TruthPlace Place(std::int64_t start_ms, std::int64_t end_ms, double x) {
  return {.when = {.start_ms = start_ms, .end_ms = end_ms},
          .keys = {{.t_ms = start_ms, .x = x, .y = 0, .width = 100, .height = 100},
                   {.t_ms = end_ms, .x = x, .y = 0, .width = 100, .height = 100}}};
}

// A on the left for 0–4 s, B on the right for 2–4 s and for 8–10 s.
Truth TwoPeople() {
  Truth truth;
  truth.duration_ms = 60'000;
  truth.AddPlace("A", Place(0, 4000, 0));
  truth.AddPlace("B", Place(2000, 4000, 200));
  truth.AddPlace("B", Place(8000, 10'000, 0));
  return truth;
}

FoundPerson Person(std::int64_t id, std::vector<TruthInterval> seen) {
  FoundPerson person{.id = id, .name = "", .seen_ms = 0, .seen = std::move(seen)};
  for (const TruthInterval& each : person.seen) person.seen_ms += each.length_ms();
  return person;
}

void AddFaces(Findings& findings, std::int64_t from_ms, std::int64_t to_ms, double x,
              std::optional<std::int64_t> person) {
  for (std::int64_t t = from_ms; t < to_ms; t += 100) {
    findings.faces.push_back({.t_ms = t,
                              .centre_x = x,
                              .centre_y = 50,
                              .is_tracked = person.has_value(),
                              .person = person});
  }
}

Findings Perfect() {
  Findings findings{.duration_ms = 60'000,
                    .people = {Person(1, {{0, 4000}}), Person(2, {{2000, 4000}, {8000, 10'000}})},
                    .faces = {}};
  AddFaces(findings, 0, 4000, 50, 1);
  AddFaces(findings, 2000, 4000, 250, 2);
  AddFaces(findings, 8000, 10'000, 50, 2);
  return findings;
}

TEST(ScoringTest, PassesAPerfectAnalysis) {
  const EpisodeScore score = ScoreEpisode(TwoPeople(), Perfect());
  EXPECT_TRUE(FailuresOf(score, {}).empty());
  EXPECT_DOUBLE_EQ(score.pairs.f(), 1);
  EXPECT_EQ(score.pairs.faces, 80);
  EXPECT_EQ(score.WorstEdgeMs(), 0);
}

TEST(ScoringTest, FailsTimeThatIsOffByMoreThanHalfASecond) {
  Findings findings = Perfect();
  findings.people[0].seen_ms += 501;
  EXPECT_EQ(FailuresOf(ScoreEpisode(TwoPeople(), findings), {}).size(), 1U);
  findings.people[0].seen_ms -= 1;
  EXPECT_TRUE(FailuresOf(ScoreEpisode(TwoPeople(), findings), {}).empty());
}

TEST(ScoringTest, AllowsOnePerCentOfAShortEpisode) {
  Truth truth = TwoPeople();
  truth.duration_ms = 10'000;
  Findings findings = Perfect();
  findings.people[0].seen_ms += 101;
  EXPECT_EQ(FailuresOf(ScoreEpisode(truth, findings), {}).size(), 1U);
}

TEST(ScoringTest, FailsWhenTwoPeopleAreMerged) {
  Findings findings = Perfect();
  findings.people = {Person(1, {{0, 4000}, {8000, 10'000}})};
  for (FoundFace& face : findings.faces) face.person = 1;
  const EpisodeScore score = ScoreEpisode(TwoPeople(), findings);
  EXPECT_LT(score.pairs.precision, 0.6);
  EXPECT_DOUBLE_EQ(score.pairs.recall, 1);
  EXPECT_GE(FailuresOf(score, {}).size(), 3U);
}

TEST(ScoringTest, NamesWhoIsMixedIntoWhomForMoreThanABlur) {
  Findings findings = Perfect();
  for (FoundFace& face : findings.faces) {
    if (face.t_ms >= 3800 && face.t_ms < 4000 && face.centre_x == 50) face.person = 2;
  }
  EXPECT_TRUE(ScoreEpisode(TwoPeople(), findings).groups.mixed.empty()) << "200 ms of A in B";
  for (FoundFace& face : findings.faces) {
    if (face.t_ms >= 3500 && face.t_ms < 4000 && face.centre_x == 50) face.person = 2;
  }
  const EpisodeScore score = ScoreEpisode(TwoPeople(), findings);
  ASSERT_EQ(score.groups.mixed.size(), 1U);
  EXPECT_EQ(score.groups.mixed[0], std::pair(std::string("A"), std::int64_t{2}));
  EXPECT_FALSE(GroupFailuresOf(score, {}).empty());
}

TEST(ScoringTest, AllowsOnePersonTooManyWhereGroupingIsHard) {
  Findings findings = Perfect();
  for (FoundFace& face : findings.faces) {
    if (face.t_ms >= 9600) face.person = 3;
  }
  EpisodeScore score = ScoreEpisode(TwoPeople(), findings);
  EXPECT_EQ(score.groups.split, std::vector<std::string>{"B"});
  EXPECT_TRUE(GroupFailuresOf(score, {}).empty());
  for (FoundFace& face : findings.faces) {
    if (face.t_ms < 400) face.person = 4;
  }
  score = ScoreEpisode(TwoPeople(), findings);
  EXPECT_EQ(score.groups.split.size(), 2U);
  EXPECT_FALSE(GroupFailuresOf(score, {}).empty());
}

TEST(SceneTest, TimeMayLieBetweenSeenAndMaybe) {
  SceneTruth scene{.video = "", .truth = TwoPeople(), .maybe = {{{4000, 5000}}, {}}};
  Findings findings = Perfect();
  findings.people[0].seen = {{0, 4900}};
  SceneScore score = ScoreScene(scene, findings);
  EXPECT_EQ(score.people[0].error_ms(), 0);
  EXPECT_TRUE(SceneFailuresOf(score, {}).empty());
  findings.people[0].seen = {{0, 5600}};
  score = ScoreScene(scene, findings);
  EXPECT_EQ(score.people[0].error_ms(), 600);
  EXPECT_EQ(SceneFailuresOf(score, {}).size(), 1U);
  findings.people[0].seen = {{0, 3000}};
  EXPECT_EQ(ScoreScene(scene, findings).people[0].error_ms(), -1000);
}

// Behind another, and of the same centre.
TEST(ScoringTest, AFaceIsThatOfWhoIsSeen) {
  Truth truth = TwoPeople();
  TruthPlace hidden = Place(0, 4000, 10);
  hidden.is_hidden = true;
  truth.AddPlace("C", hidden);
  const FoundFace face{.t_ms = 100, .centre_x = 60, .centre_y = 50};
  EXPECT_EQ(OwnerOf(truth, face)->person, 0U) << "A, although the middle of C is nearer";
  EXPECT_EQ(OwnerOf(truth, {.t_ms = 100, .centre_x = 118, .centre_y = 50})->person, 2U)
      << "nobody else is there";
  EXPECT_EQ(truth.people[2].seen_ms, 0);
}

TEST(ScoringTest, FailsWhenOnePersonIsSplit) {
  Findings findings = Perfect();
  findings.people[1] = Person(2, {{2000, 4000}});
  findings.people.push_back(Person(3, {{8000, 10'000}}));
  for (FoundFace& face : findings.faces) {
    if (face.t_ms >= 8000) face.person = 3;
  }
  const EpisodeScore score = ScoreEpisode(TwoPeople(), findings);
  EXPECT_DOUBLE_EQ(score.pairs.precision, 1);
  EXPECT_LT(score.pairs.recall, 0.8);
  EXPECT_EQ(score.people_found, 3U);
  EXPECT_FALSE(FailuresOf(score, {}).empty());
}

TEST(ScoringTest, CountsAPersonMadeOfNobody) {
  Findings findings = Perfect();
  AddFaces(findings, 20'000, 24'000, 700, 9);
  const EpisodeScore score = ScoreEpisode(TwoPeople(), findings);
  EXPECT_LT(score.pairs.precision, 0.9);
  EXPECT_DOUBLE_EQ(score.pairs.recall, 1);
}

TEST(ScoringTest, IgnoresNobodyThatWasTakenForNobody) {
  Findings findings = Perfect();
  AddFaces(findings, 20'000, 24'000, 700, std::nullopt);
  EXPECT_DOUBLE_EQ(ScoreEpisode(TwoPeople(), findings).pairs.f(), 1);
}

TEST(ScoringTest, IgnoresARejectedSecondFaceOfSomebody) {
  Findings findings = Perfect();
  AddFaces(findings, 0, 2000, 70, std::nullopt);
  EXPECT_DOUBLE_EQ(ScoreEpisode(TwoPeople(), findings).pairs.f(), 1);
}

TEST(ScoringTest, CountsAFaceThatWasGivenToNobody) {
  Findings findings = Perfect();
  for (FoundFace& face : findings.faces) {
    if (face.t_ms >= 8000) face.person.reset();
  }
  EXPECT_LT(ScoreEpisode(TwoPeople(), findings).pairs.recall, 0.8);
}

TEST(ScoringTest, TellsNeighboursApartByPlace) {
  const Truth truth = TwoPeople();
  const auto owner = [&truth](std::int64_t t_ms, double x) -> std::optional<std::size_t> {
    const auto found = OwnerOf(
        truth, {.t_ms = t_ms, .centre_x = x, .centre_y = 50, .is_tracked = true, .person = 1});
    return found ? std::optional(found->person) : std::nullopt;
  };
  EXPECT_EQ(owner(3000, 40), 0U);
  EXPECT_EQ(owner(3000, 260), 1U);
  EXPECT_EQ(owner(9000, 40), 1U);
  EXPECT_EQ(owner(3000, 160), std::nullopt);
  EXPECT_EQ(owner(4000, 40), std::nullopt);
}

TEST(ScoringTest, MeasuresTheWorstEdgeBothWays) {
  EXPECT_EQ(WorstEdge({{0, 1000}, {3000, 4000}}, {{50, 1000}, {3000, 4120}}, 200), 120);
  EXPECT_EQ(WorstEdge({{0, 1000}}, {{0, 1000}, {5000, 5600}}, 200), 5000);
  EXPECT_EQ(WorstEdge({{0, 4000}}, {{0, 1900}, {2050, 4000}}, 200), 0) << "a hair is no gap";
  EXPECT_EQ(WorstEdge({{0, 4000}}, {{0, 1900}, {2400, 4000}}, 200), 2400);
}

}  // namespace
}  // namespace rollcall::bench
