#include "pipeline/screen_time.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/testing/sources.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::SightingsInMemory;

constexpr std::int64_t kStepMs = 100;  // Ten samples a second …
constexpr std::int64_t kVideoMs = 60'000;

// One face from its first to its last sample.
struct TrackSpan {
  std::int64_t id = 0;
  int person = 1;  // Cluster; 0: noise.
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
  float score = 0.9F;
  float quality = 0.5F;
  std::int64_t best_ms = -40;  // When its best face is; never.
};

// What the stages before would have left: samples, tracks in clusters, sightings in time order.
struct Episode {
  std::vector<TrackSpan> tracks{};
  std::vector<std::int64_t> cuts_ms{};
  std::vector<std::pair<std::int64_t, std::int64_t>> skipped_ms{};

  SampleGrid Grid() const {
    std::vector<Sample> samples;
    for (std::int64_t ms = 0; ms < kVideoMs; ms += kStepMs) {
      const bool is_skipped = std::ranges::any_of(
          skipped_ms, [&](const auto& gap) { return ms >= gap.first && ms < gap.second; });
      if (is_skipped) continue;
      samples.push_back({.frame_id = ms / 40,
                         .pts = milliseconds{ms},
                         .until = milliseconds{ms},
                         .is_cut = std::ranges::count(cuts_ms, ms) > 0});
    }
    std::vector<Interval> gaps;
    for (const auto& [from, to] : skipped_ms) {
      gaps.push_back({.start = milliseconds{from}, .end = milliseconds{to}});
    }
    return testing::GridOf(std::move(samples), milliseconds{kVideoMs}, std::move(gaps));
  }

  // As they are found: whole tracks.
  people::Folded People() const {
    people::Folded folded;
    for (const TrackSpan& track : tracks) {
      const people::Piece whole{.track_id = track.id,
                                .from = milliseconds{track.from_ms},
                                .to = milliseconds{track.to_ms + 1}};
      if (track.person == 0) {
        folded.nobodys.push_back(whole);
        continue;
      }
      const auto count = static_cast<std::size_t>(track.person);
      folded.people.resize(std::max(folded.people.size(), count));
      folded.people[count - 1].pieces.push_back(whole);
    }
    return folded;
  }

  std::vector<Sighting> Sightings() const {
    std::vector<Sighting> sightings;
    for (const TrackSpan& track : tracks) {
      for (std::int64_t ms = track.from_ms; ms <= track.to_ms; ms += kStepMs) {
        sightings.push_back({.track_id = track.id,
                             .frame_id = ms / 40,
                             .pts = milliseconds{ms},
                             .score = track.score});
      }
    }
    std::ranges::stable_sort(sightings, {}, &Sighting::pts);
    return sightings;
  }

  base::Result<std::vector<PersonTime>> Measure(const ScreenTimeOptions& options = {}) const {
    return Measure(People(), options);
  }
  base::Result<std::vector<PersonTime>> Measure(const people::Folded& people,
                                                const ScreenTimeOptions& options = {}) const {
    std::vector<TrackQuality> qualities;
    for (const TrackSpan& track : tracks)
      qualities.push_back(
          {.track_id = track.id, .quality = track.quality, .best_frame_id = track.best_ms / 40});
    const SampleGrid grid = Grid();
    SightingsInMemory sightings(Sightings());
    return MeasureScreenTime(people, 0, qualities, grid, sightings, options);
  }
};

using Spans = std::vector<std::pair<std::int64_t, std::int64_t>>;  // Start and end, ms.

Spans SpansOf(const std::vector<PresenceInterval>& intervals) {
  Spans spans;
  for (const PresenceInterval& interval : intervals) {
    spans.emplace_back(domain::ToMillis(interval.start), domain::ToMillis(interval.end));
  }
  return spans;
}

// One person's tracks and what they come to. A face seen first at 10.0 s and last at 19.9 s was
// there from 9.95 s to 19.95 s: to the middle of the gaps to the samples without it.
struct PersonCase {
  std::string name;
  Episode episode;
  Spans seen;       // Gaps up to 1 s are bridged inside a shot.
  Spans intervals;  // Pauses below 2 s are closed, what is then below 0.5 s is dropped.
};

class ScreenTimeTableTest : public ::testing::TestWithParam<PersonCase> {};

TEST_P(ScreenTimeTableTest, CountsWhenThePersonWasThere) {
  const PersonCase& expected = GetParam();
  const auto people = expected.episode.Measure();
  ASSERT_TRUE(people.ok()) << people.error().ToString();
  if (expected.intervals.empty()) {
    EXPECT_TRUE(people->empty());
    return;
  }
  ASSERT_EQ(people->size(), 1U);
  const PersonTime& person = people->front();
  EXPECT_EQ(SpansOf(person.seen), expected.seen);
  EXPECT_EQ(SpansOf(person.intervals), expected.intervals);
  std::int64_t total = 0;
  for (const auto& [start, end] : expected.intervals) total += end - start;
  EXPECT_EQ(domain::ToMillis(person.total_length()), total);
}

INSTANTIATE_TEST_SUITE_P(
    OnePerson, ScreenTimeTableTest,
    ::testing::Values(
        PersonCase{"NoTrack", {}, {}, {}},
        PersonCase{"OneTrack",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 19'900}}},
                   {{9'950, 19'950}},
                   {{9'950, 19'950}}},
        PersonCase{"TheWholeVideo",
                   {.tracks = {{.id = 1, .from_ms = 0, .to_ms = 59'900}}},
                   {{0, 60'000}},
                   {{0, 60'000}}},
        PersonCase{"APauseInsideAShotThatSeenBridges",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 12'000},
                               {.id = 2, .from_ms = 12'900, .to_ms = 15'000}}},
                   {{9'950, 15'050}},
                   {{9'950, 15'050}}},
        PersonCase{"TheSamePauseOverACut",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 12'000},
                               {.id = 2, .from_ms = 12'900, .to_ms = 15'000}},
                    // Both are 0.4 s from the last or first sample of their shots: too far from
                    // the cut to be moved to it.
                    .cuts_ms = {12'500}},
                   {{9'950, 12'050}, {12'850, 15'050}},
                   {{9'950, 15'050}}},
        PersonCase{"EdgesNearACutAreAtTheCut",
                   {.tracks = {{.id = 1, .from_ms = 10'200, .to_ms = 14'700}},
                    .cuts_ms = {10'000, 15'000}},
                   {{9'950, 14'950}},
                   {{9'950, 14'950}}},
        PersonCase{"APauseOfOneAndAHalfSeconds",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 12'000},
                               {.id = 2, .from_ms = 13'500, .to_ms = 15'000}}},
                   {{9'950, 12'050}, {13'450, 15'050}},
                   {{9'950, 15'050}}},
        PersonCase{"APauseOfTwoAndAHalfSeconds",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 12'000},
                               {.id = 2, .from_ms = 14'500, .to_ms = 16'000}}},
                   {{9'950, 12'050}, {14'450, 16'050}},
                   {{9'950, 12'050}, {14'450, 16'050}}},
        PersonCase{"TracksThatOverlapCountOnce",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 15'000},
                               {.id = 2, .from_ms = 12'000, .to_ms = 18'000}}},
                   {{9'950, 18'050}},
                   {{9'950, 18'050}}},
        PersonCase{
            "ABlipIsNobody", {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 10'300}}}, {}, {}},
        PersonCase{"ABlipNearAnotherTrackIsNone",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 10'300},
                               {.id = 2, .from_ms = 11'800, .to_ms = 15'000}}},
                   {{9'950, 10'350}, {11'750, 15'050}},
                   {{9'950, 15'050}}},
        PersonCase{"ABlipFarFromTheRestIsDropped",
                   {.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 10'300},
                               {.id = 2, .from_ms = 20'000, .to_ms = 25'000}}},
                   {{9'950, 10'350}, {19'950, 25'050}},
                   {{19'950, 25'050}}},
        PersonCase{"NoiseIsNobody",
                   {.tracks = {{.id = 1, .person = 0, .from_ms = 10'000, .to_ms = 19'900}}},
                   {},
                   {}},
        PersonCase{"NothingIsSaidOfWhatWasSkipped",
                   {.tracks = {{.id = 1, .from_ms = 8'000, .to_ms = 9'900},
                               {.id = 2, .from_ms = 11'000, .to_ms = 13'000}},
                    .cuts_ms = {11'000},  // As detect has it: what came before is not known.
                    .skipped_ms = {{10'000, 11'000}}},
                   {{7'950, 10'000}, {11'000, 13'050}},
                   {{7'950, 10'000}, {11'000, 13'050}}}),
    [](const auto& row) { return row.param.name; });

TEST(ScreenTimeTest, SeveralPeopleInAShotAreEachCredited) {
  const Episode episode{.tracks = {{.id = 1, .person = 1, .from_ms = 10'000, .to_ms = 19'900},
                                   {.id = 2, .person = 2, .from_ms = 10'000, .to_ms = 14'900}}};
  const auto people = episode.Measure().value();
  ASSERT_EQ(people.size(), 2U);
  EXPECT_EQ(people[0].total_length(), milliseconds{10'000});
  EXPECT_EQ(people[1].total_length(), milliseconds{5'000});
}

TEST(ScreenTimeTest, TheLongestOnScreenIsPersonOne) {
  const Episode episode{.tracks = {{.id = 1, .person = 1, .from_ms = 0, .to_ms = 4'900},
                                   {.id = 2, .person = 2, .from_ms = 10'000, .to_ms = 29'900},
                                   {.id = 3, .person = 3, .from_ms = 40'000, .to_ms = 49'900}}};
  const auto people = episode.Measure().value();
  ASSERT_EQ(people.size(), 3U);
  EXPECT_EQ(people[0].person, 1U);
  EXPECT_EQ(people[0].name, "Person 1");
  EXPECT_EQ(people[1].person, 2U);
  EXPECT_EQ(people[2].person, 0U);
  EXPECT_EQ(people[2].name, "Person 3");
}

TEST(ScreenTimeTest, OfTwoEquallyLongTheOneWhoCameFirstIsFirst) {
  const Episode episode{.tracks = {{.id = 1, .person = 1, .from_ms = 30'000, .to_ms = 34'900},
                                   {.id = 2, .person = 2, .from_ms = 10'000, .to_ms = 14'900}}};
  const auto people = episode.Measure().value();
  ASSERT_EQ(people.size(), 2U);
  EXPECT_EQ(people[0].person, 1U);
}

TEST(ScreenTimeTest, ABlipTakesNoNumber) {
  const Episode episode{.tracks = {{.id = 1, .person = 1, .from_ms = 0, .to_ms = 200},
                                   {.id = 2, .person = 2, .from_ms = 10'000, .to_ms = 14'900}}};
  const auto people = episode.Measure().value();
  ASSERT_EQ(people.size(), 1U);
  EXPECT_EQ(people[0].name, "Person 1");
  EXPECT_EQ(people[0].person, 1U);
}

TEST(ScreenTimeTest, TheErrorIsThatOfTheEdges) {
  const Episode inside{.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 19'900}}};
  // 2·√(2 · 100² / 12) ms.
  EXPECT_NEAR(static_cast<double>(inside.Measure().value()[0].error().count()), 81'650, 1);
  const Episode whole{.tracks = {{.id = 1, .from_ms = 0, .to_ms = 59'900}}};
  // Nobody looked behind the last sample, 100 ms before the end: 2·√(100² / 12) ms.
  EXPECT_NEAR(static_cast<double>(whole.Measure().value()[0].error().count()), 57'735, 1);
}

TEST(ScreenTimeTest, TheBestTrackIsThatOfTheBestQualityAndTheFirstOfEqualOnes) {
  const Episode episode{.tracks = {{.id = 1, .from_ms = 0, .to_ms = 1'000, .quality = 0.3F},
                                   {.id = 2, .from_ms = 10'000, .to_ms = 11'000, .quality = 0.8F},
                                   {.id = 3, .from_ms = 20'000, .to_ms = 21'000, .quality = 0.8F}}};
  EXPECT_EQ(episode.Measure().value()[0].best_track_id, 2);
}

TEST(ScreenTimeTest, ConfidenceIsTheMeanOverTheFacesOfThePerson) {
  const Episode episode{
      .tracks = {{.id = 1, .from_ms = 0, .to_ms = 2'900, .score = 0.6F},          // 30 faces.
                 {.id = 2, .from_ms = 10'000, .to_ms = 10'900, .score = 1.0F}}};  // 10 faces.
  EXPECT_NEAR(episode.Measure().value()[0].mean_confidence, (30 * 0.6 + 10 * 1.0) / 40, 1e-6);
}

TEST(ScreenTimeTest, AnIntervalCountsItsOwnFramesAndFaces) {
  const Episode episode{.tracks = {{.id = 1, .from_ms = 0, .to_ms = 2'900, .score = 0.5F},
                                   // Twice in the same frames, as between two tracks of one face.
                                   {.id = 2, .from_ms = 2'000, .to_ms = 2'900, .score = 1.0F},
                                   {.id = 3, .from_ms = 20'000, .to_ms = 21'900, .score = 0.75F}}};
  const auto people = episode.Measure().value();
  ASSERT_EQ(people.size(), 1U);
  ASSERT_EQ(people[0].sighted.size(), 2U);
  EXPECT_EQ(people[0].sighted[0].frames, 30);
  EXPECT_EQ(people[0].sighted[0].faces, 40);
  EXPECT_DOUBLE_EQ(people[0].sighted[0].score_sum, 30 * 0.5 + 10 * 1.0);
  EXPECT_EQ(people[0].sighted[1].frames, 20);
  EXPECT_EQ(people[0].sighted[1].faces, 20);
}

TEST(ScreenTimeTest, ADroppedBlipCountsForNoInterval) {
  const Episode episode{.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 10'300},
                                   {.id = 2, .from_ms = 20'000, .to_ms = 24'900}}};
  const auto people = episode.Measure().value();
  ASSERT_EQ(people[0].sighted.size(), 1U);
  EXPECT_EQ(people[0].sighted[0].faces, 50);
}

struct SettingCase {
  std::string name;
  ScreenTimeOptions options;
  std::size_t seen;
  std::size_t intervals;
};

class ScreenTimeSettingTest : public ::testing::TestWithParam<SettingCase> {};

// 0.7 s and 1.4 s between three tracks of 2 s, 1 s and 0.4 s.
TEST_P(ScreenTimeSettingTest, Holds) {
  const Episode episode{.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 11'900},
                                   {.id = 2, .from_ms = 12'700, .to_ms = 13'600},
                                   {.id = 3, .from_ms = 15'100, .to_ms = 15'400}}};
  const auto people = episode.Measure(GetParam().options).value();
  ASSERT_EQ(people.size(), 1U);
  EXPECT_EQ(people[0].seen.size(), GetParam().seen);
  EXPECT_EQ(people[0].intervals.size(), GetParam().intervals);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, ScreenTimeSettingTest,
    ::testing::Values(
        SettingCase{"AsTheyAre", {}, 2, 1},
        SettingCase{"NothingBridged", {.bridge = milliseconds{0}}, 3, 1},
        SettingCase{"AllBridged", {.bridge = milliseconds{1'500}}, 1, 1},
        SettingCase{"NothingMerged", {.merge_gap = milliseconds{0}, .blip = milliseconds{0}}, 2, 2},
        SettingCase{"NothingMergedAndBlipsGo", {.merge_gap = milliseconds{0}}, 2, 1},
        SettingCase{"NothingBridgedAndOnlyShortPausesMerged",
                    {.merge_gap = milliseconds{1'000}, .bridge = milliseconds{0}},
                    3,
                    1}),
    [](const auto& row) { return row.param.name; });

TEST(ScreenTimeTest, AFaceInAFrameThatWasNeverSampledIsDamage) {
  Episode episode{.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 19'900}}};
  const std::vector<TrackQuality> qualities{{.track_id = 1, .quality = 0.5F}};
  const SampleGrid grid = episode.Grid();
  SightingsInMemory sightings({{.track_id = 1, .frame_id = 1, .pts = milliseconds{40}}});
  const auto people = MeasureScreenTime(episode.People(), 0, qualities, grid, sightings, {});
  ASSERT_FALSE(people.ok());
  EXPECT_EQ(people.error().reason, "ERR_ARTIFACT_CORRUPT");
}

TEST(ScreenTimeTest, ATrackThatNothingIsKnownOfIsLeftOut) {
  Episode episode{.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 19'900}}};
  const SampleGrid grid = episode.Grid();
  SightingsInMemory sightings(episode.Sightings());
  EXPECT_TRUE(MeasureScreenTime(episode.People(), 0, {}, grid, sightings, {}).value().empty());
}

// One track from 10 to 20 s, of person 1, and what edits make of it.
class EditedScreenTimeTest : public ::testing::Test {
 protected:
  Episode episode_{.tracks = {{.id = 1, .from_ms = 10'000, .to_ms = 19'900, .best_ms = 18'000},
                              {.id = 2, .person = 2, .from_ms = 30'000, .to_ms = 34'900}}};
  people::Folded people_ = episode_.People();
};

TEST_F(EditedScreenTimeTest, ThePiecesOfACutTrackEndExactlyThere) {
  people_.people[0].pieces[0].to = milliseconds{13'333};
  people_.people[1].pieces.insert(
      people_.people[1].pieces.begin(),
      {.track_id = 1, .from = milliseconds{13'333}, .to = milliseconds{19'901}});
  const auto people = episode_.Measure(people_).value();
  ASSERT_EQ(people.size(), 2U);
  EXPECT_EQ(SpansOf(people[0].intervals), (Spans{{13'333, 19'950}, {29'950, 34'950}}));
  EXPECT_EQ(SpansOf(people[1].intervals), (Spans{{9'950, 13'333}}));
  EXPECT_EQ(people[1].intervals[0].end_gap, milliseconds{0});
  EXPECT_EQ(people[1].sighted[0].faces, 34) << "10.0 to 13.3 s";
  EXPECT_EQ(people[0].sighted[0].faces, 66);
  // The still of track 1 shows the face at 18 s, which is somebody else's.
  EXPECT_EQ(people[0].best_track_id, 1);
}

TEST_F(EditedScreenTimeTest, TwoPiecesOfOnePersonAreWhatTheTrackWas) {
  people_.people[0].pieces = {
      {.track_id = 1, .from = milliseconds{10'000}, .to = milliseconds{13'333}},
      {.track_id = 1, .from = milliseconds{13'333}, .to = milliseconds{19'901}}};
  const auto people = episode_.Measure(people_).value();
  EXPECT_EQ(SpansOf(people[0].seen), (Spans{{9'950, 19'950}}));
}

TEST_F(EditedScreenTimeTest, WhatIsExcludedIsNotCountedAndNotBridged) {
  people_.excluded = {{.from = milliseconds{12'000}, .to = milliseconds{12'500}}};
  people_.people[1].excluded = {{.from = milliseconds{30'200}, .to = milliseconds{40'000}}};
  const auto people = episode_.Measure(people_).value();
  ASSERT_EQ(people.size(), 1U) << "a quarter of a second is left of the other";
  EXPECT_EQ(SpansOf(people[0].intervals), (Spans{{9'950, 12'000}, {12'500, 19'950}}));
  EXPECT_EQ(SpansOf(people[0].seen), (Spans{{9'950, 12'000}, {12'500, 19'950}}));
  EXPECT_EQ(people[0].intervals[0].end_gap, milliseconds{0});
}

TEST_F(EditedScreenTimeTest, AFaceThatWasMissedCounts) {
  people_.people[1].added = {{.from = milliseconds{50'000}, .to = milliseconds{53'000}}};
  const auto people = episode_.Measure(people_).value();
  EXPECT_EQ(SpansOf(people[1].intervals), (Spans{{29'950, 34'950}, {50'000, 53'000}}));
}

TEST_F(EditedScreenTimeTest, ALabelStaysAndNewOnesGoOnBehindTheLast) {
  people_.people[1].label = 4;
  people_.people[1].name = "Bea";
  SightingsInMemory sightings(episode_.Sightings());
  const SampleGrid grid = episode_.Grid();
  const std::vector<TrackQuality> qualities{{.track_id = 1}, {.track_id = 2}};
  const auto people = MeasureScreenTime(people_, 9, qualities, grid, sightings, {}).value();
  ASSERT_EQ(people.size(), 2U);
  EXPECT_EQ(people[0].name, "Person 10");
  EXPECT_FALSE(people[0].is_named);
  EXPECT_EQ(people[1].label, 4);
  EXPECT_EQ(people[1].name, "Bea");
  EXPECT_TRUE(people[1].is_named);
}

}  // namespace
}  // namespace rollcall::pipeline
