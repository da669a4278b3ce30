#include "pipeline/presence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "domain/reasons.h"
#include "pipeline/testing/faces.h"
#include "pipeline/testing/sources.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::SampleAt;

// Ten samples a second for `seconds`; cuts at the given times.
SampleGrid TenASecond(int seconds, const std::vector<std::int64_t>& cuts_ms) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 0; ms < seconds * 1000; ms += 100) {
    Sample sample = SampleAt(ms, std::count(cuts_ms.begin(), cuts_ms.end(), ms) > 0);
    sample.frame_id = ms / 100;
    samples.push_back(sample);
  }
  return testing::GridOf(std::move(samples), milliseconds{seconds * 1000});
}

PresenceInterval Seen(std::int64_t start_ms, std::int64_t end_ms) {
  PresenceInterval interval;
  interval.start = milliseconds{start_ms};
  interval.end = milliseconds{end_ms};
  interval.start_gap = interval.end_gap = milliseconds{100};
  return interval;
}

TEST(SampleGridTest, APresenceReachesToTheMiddleOfTheGaps) {
  const auto presence = TenASecond(10, {}).Presence(20, 29, {.snap = milliseconds{0}}).value();
  EXPECT_EQ(presence.start, milliseconds{1950});
  EXPECT_EQ(presence.end, milliseconds{2950});
  EXPECT_EQ(presence.start_gap, milliseconds{100});
}

TEST(SampleGridTest, APresenceNearACutReachesToIt) {
  const auto grid = TenASecond(10, {2000, 5000});
  const auto presence = grid.Presence(22, 48, {.snap = milliseconds{300}}).value();
  EXPECT_EQ(presence.start, milliseconds{1950});
  EXPECT_EQ(presence.end, milliseconds{4950});
  EXPECT_EQ(grid.Presence(25, 45, {.snap = milliseconds{300}}).value().start, milliseconds{2450});
}

TEST(SampleGridTest, APresenceAtTheEndsOfTheVideoReachesToThem) {
  const auto presence = TenASecond(10, {}).Presence(0, 99, {.snap = milliseconds{0}}).value();
  EXPECT_EQ(presence.start, milliseconds{0});
  EXPECT_EQ(presence.end, milliseconds{10'000});
  EXPECT_EQ(presence.start_gap, milliseconds{0});
  EXPECT_EQ(presence.end_gap, milliseconds{100}) << "nobody looked behind the last sample";
}

Sample Shown(std::int64_t from_ms, std::int64_t until_ms, bool is_cut = false) {
  Sample sample = SampleAt(from_ms, is_cut);
  sample.until = milliseconds{until_ms};
  return sample;
}

// A screen recorder writes a picture only when something changes: it was counted as one sample.
TEST(SampleGridTest, APictureStaysUntilTheNextOne) {
  const SampleGrid grid = testing::GridOf(
      {Shown(0, 1'000), Shown(1'000, 9'000), Shown(9'000, 10'000)}, milliseconds{10'000});
  const auto presence = grid.Presence(1, 1, {.snap = milliseconds{300}}).value();
  EXPECT_EQ(presence.start, milliseconds{1'000});
  EXPECT_EQ(presence.end, milliseconds{9'000});
  EXPECT_EQ(presence.start_gap + presence.end_gap, milliseconds{0}) << "every picture was seen";
}

TEST(SampleGridTest, AnEdgeNearACutIsNotMovedOverAPictureThatStays) {
  const SampleGrid grid = testing::GridOf(
      {Shown(0, 1'000), Shown(1'000, 2'000), Shown(2'000, 3'000, true)}, milliseconds{3'000});
  EXPECT_EQ(grid.Presence(0, 0, {.snap = milliseconds{300}}).value().end, milliseconds{1'000});
}

// Sound may begin before the picture: until then nobody is on screen.
TEST(SampleGridTest, APresenceBeginsWithTheFirstPictureAtTheEarliest) {
  const auto grid =
      SampleGrid::Create(std::make_unique<testing::SamplesInMemory>(std::vector<Sample>{
                             Shown(5'000, 5'040), Shown(5'100, 5'140), Shown(5'200, 5'240)}),
                         {.start = milliseconds{5'000}, .end = milliseconds{5'300}});
  ASSERT_TRUE(grid.ok());
  const auto presence = grid->Presence(0, 2, {.snap = milliseconds{300}}).value();
  EXPECT_EQ(presence.start, milliseconds{5'000});
  EXPECT_EQ(presence.end, milliseconds{5'300});
}

// `draft` of a file with one keyframe said 9.00 s ± 0.00.
TEST(SampleGridTest, OneSampleOfALongVideoIsAsUncertainAsTheVideoIsLong) {
  const SampleGrid grid = testing::GridOf({Shown(0, 40)}, milliseconds{9'000});
  const auto presence = grid.Presence(0, 0, {.snap = milliseconds{300}}).value();
  EXPECT_EQ(presence.end, milliseconds{9'000});
  EXPECT_EQ(presence.end_gap, milliseconds{8'960});
}

// Ten samples a second, once a second with tiles.
SampleGrid WithTilesOnceASecond(std::int64_t cut_ms) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 0; ms < 10'000; ms += 100) {
    samples.push_back(Shown(ms, ms + 40, ms == cut_ms));
    samples.back().with_tiles = ms % 1'000 == 0 || ms == cut_ms;
  }
  return testing::GridOf(std::move(samples), milliseconds{10'000});
}

// Whom only tiles show was counted from his first tile to his last, a second apart.
TEST(SampleGridTest, SamplesWithoutTilesSayNothingOfAFaceThatNeedsThem) {
  const EdgeRule small{.snap = milliseconds{300}, .needs_tiles = true};
  // Seen at 2, 3 and 4 s; at 5 s he is gone.
  const auto gone = WithTilesOnceASecond(-1).Presence(20, 40, small).value();
  EXPECT_EQ(gone.end, milliseconds{4'520});
  EXPECT_EQ(gone.end_gap, milliseconds{960});
  // The shot ends at 4.7 s.
  const auto cut = WithTilesOnceASecond(4'700).Presence(20, 40, small).value();
  EXPECT_EQ(cut.end, milliseconds{4'670});
  EXPECT_EQ(cut.end_gap, milliseconds{660});
  const auto large = WithTilesOnceASecond(-1).Presence(20, 40, {.snap = milliseconds{300}}).value();
  EXPECT_EQ(large.end, milliseconds{4'070});
}

TEST(SampleGridTest, FramesThatDidNotDecodeAreNotFilled) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 0; ms < 2000; ms += 100) samples.push_back(SampleAt(ms));
  for (std::int64_t ms = 8000; ms < 9000; ms += 100) samples.push_back(SampleAt(ms));
  const SampleGrid grid = testing::GridOf(samples, milliseconds{9000});
  EXPECT_EQ(grid.Presence(10, 19, {.snap = milliseconds{0}}).value().end, milliseconds{2000});
}

// Ten samples a second for ten seconds, but none from 4 s to `to_ms`, which was skipped.
SampleGrid GridWithGap(std::int64_t to_ms) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 50; ms < 10'000; ms += 100) {
    if (ms >= 4000 && ms < to_ms) continue;
    samples.push_back(SampleAt(ms, ms == to_ms + 50));
  }
  return testing::GridOf(std::move(samples), milliseconds{10'000},
                         {{.start = milliseconds{4000}, .end = milliseconds{to_ms}}});
}

TEST(SampleGridTest, NobodyReachesIntoWhatWasSkipped) {
  for (const std::int64_t to_ms : {4200, 6000}) {
    const SampleGrid grid = GridWithGap(to_ms);
    const auto before = grid.Presence(30, 39, {.snap = milliseconds{300}}).value();
    EXPECT_EQ(before.end, milliseconds{4000}) << to_ms;
    EXPECT_EQ(before.end_gap, milliseconds{0});  // As at the end of the video.
    const auto behind = grid.Presence(40, 45, {.snap = milliseconds{300}}).value();
    EXPECT_EQ(behind.start, milliseconds{to_ms}) << to_ms;
    EXPECT_EQ(behind.start_gap, milliseconds{0});
  }
}

TEST(SampleGridTest, ASampleFarFromWhatWasSkippedDoesNotReachToIt) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 0; ms < 2000; ms += 100) samples.push_back(SampleAt(ms));
  for (std::int64_t ms = 9000; ms < 9900; ms += 100) samples.push_back(SampleAt(ms));
  const SampleGrid grid = testing::GridOf(
      samples, milliseconds{10'000}, {{.start = milliseconds{4000}, .end = milliseconds{6000}}});
  EXPECT_EQ(grid.Presence(0, 19, {.snap = milliseconds{0}}).value().end, milliseconds{2100});
  EXPECT_EQ(grid.Presence(20, 24, {.snap = milliseconds{0}}).value().start, milliseconds{8800});
}

TEST(PresenceTest, NothingIsMergedOverWhatWasSkipped) {
  const SampleGrid grid = GridWithGap(4200);
  const MergeRule rule{.merge_gap = milliseconds{2000}, .blip = milliseconds{0}};
  EXPECT_EQ(MergeIntervals({Seen(3000, 4000), Seen(4200, 5000)}, grid, rule).size(), 2U);
  EXPECT_EQ(MergeIntervals({Seen(4200, 5000), Seen(5200, 6000)}, grid, rule).size(), 1U);
  const auto united =
      UnitePresence({Seen(3000, 4000), Seen(4200, 5000)}, grid, milliseconds{1000}).value();
  EXPECT_EQ(united.size(), 2U);
}

TEST(PresenceTest, GapsAreBridgedOnlyInsideAShot) {
  const auto grid = TenASecond(10, {5000});
  const auto united = UnitePresence({Seen(1000, 2000), Seen(2800, 4700), Seen(5300, 6000)}, grid,
                                    milliseconds{1000})
                          .value();
  ASSERT_EQ(united.size(), 2U);
  EXPECT_EQ(united[0].start, milliseconds{1000});
  EXPECT_EQ(united[0].end, milliseconds{4700});
}

TEST(PresenceTest, OverlappingTracksOfOnePersonCountOnce) {
  const auto united =
      UnitePresence({Seen(1000, 3000), Seen(2000, 2500)}, TenASecond(10, {}), milliseconds{0})
          .value();
  EXPECT_EQ(TotalLength(united), milliseconds{2000});
}

TEST(PresenceTest, DetectionsLessThanTheMergeGapApartAreOneIntervalAndBlipsGo) {
  const auto merged =
      MergeIntervals({Seen(0, 1000), Seen(2900, 4000), Seen(6000, 6400)}, TenASecond(10, {}),
                     {.merge_gap = milliseconds{2000}, .blip = milliseconds{500}});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].end, milliseconds{4000});
}

TEST(PresenceTest, AGapOfExactlyTheMergeGapSeparates) {
  const auto merged = MergeIntervals({Seen(0, 1000), Seen(3000, 4000)}, TenASecond(10, {}),
                                     {.merge_gap = milliseconds{2000}, .blip = milliseconds{0}});
  EXPECT_EQ(merged.size(), 2U);
}

TEST(PresenceTest, ErrorGrowsWithTheSquareRootOfTheEdges) {
  const std::vector<PresenceInterval> one{Seen(0, 1000)};
  const std::vector<PresenceInterval> four{Seen(0, 1), Seen(2, 3), Seen(4, 5), Seen(6, 7)};
  EXPECT_NEAR(static_cast<double>(TotalError(one).count()), 2e5 * std::sqrt(2 / 12.0), 2);
  EXPECT_NEAR(static_cast<double>(TotalError(four).count()),
              2 * static_cast<double>(TotalError(one).count()), 4);
}

// Ten samples a second for ten seconds, cuts as named: a face seen first and last in the samples
// at these times was there from `start_ms` to `end_ms`.
struct EdgeCase {
  std::string name;
  std::vector<std::int64_t> cuts_ms;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
};

class PresenceEdgeTest : public ::testing::TestWithParam<EdgeCase> {};

TEST_P(PresenceEdgeTest, IsWhereItIsKnownToBe) {
  const EdgeCase& edge = GetParam();
  const SampleGrid grid = TenASecond(10, edge.cuts_ms);
  const auto presence =
      grid.Presence(static_cast<std::size_t>(edge.first_ms / 100),
                    static_cast<std::size_t>(edge.last_ms / 100), {.snap = milliseconds{300}})
          .value();
  EXPECT_EQ(presence.start, milliseconds{edge.start_ms});
  EXPECT_EQ(presence.end, milliseconds{edge.end_ms});
  // An edge lies anywhere between the face and the last picture that cannot show it.
  const std::int64_t before = edge.start_ms == 0 ? 0 : edge.start_ms - 50;
  const std::int64_t behind = edge.end_ms == 10'000 ? 10'000 : edge.end_ms + 50;
  EXPECT_EQ(presence.start_gap, milliseconds{edge.first_ms - before});
  EXPECT_EQ(presence.end_gap, milliseconds{behind - edge.last_ms});
}

INSTANTIATE_TEST_SUITE_P(
    Edges, PresenceEdgeTest,
    ::testing::Values(EdgeCase{"InTheMiddle", {}, 2'000, 2'900, 1'950, 2'950},
                      EdgeCase{"OneSample", {}, 2'000, 2'000, 1'950, 2'050},
                      EdgeCase{"TheWholeVideo", {}, 0, 9'900, 0, 10'000},
                      EdgeCase{"NearTheBeginning", {}, 300, 1'000, 0, 1'050},
                      EdgeCase{"NotNearTheBeginning", {}, 400, 1'000, 350, 1'050},
                      EdgeCase{"NearTheEnd", {}, 9'000, 9'600, 8'950, 10'000},
                      EdgeCase{"NotNearTheEnd", {}, 9'000, 9'500, 8'950, 9'550},
                      EdgeCase{"AtACut", {2'000}, 2'000, 3'000, 1'950, 3'050},
                      EdgeCase{"NearACut", {2'000}, 2'300, 3'000, 1'950, 3'050},
                      EdgeCase{"NotNearACut", {2'000}, 2'400, 3'000, 2'350, 3'050},
                      EdgeCase{"UpToTheNextCut", {4'000}, 3'000, 3'600, 2'950, 3'950},
                      EdgeCase{"NotUpToTheNextCut", {4'000}, 3'000, 3'500, 2'950, 3'550},
                      EdgeCase{"TheNearerOfTwoCuts", {2'000, 2'200}, 2'300, 3'000, 2'150, 3'050},
                      EdgeCase{"AShotOfOneSample", {2'000, 2'100}, 2'000, 2'000, 1'950, 2'050}),
    [](const auto& row) { return row.param.name; });

using PresenceSpans = std::vector<std::pair<std::int64_t, std::int64_t>>;  // Start and end, ms.

std::vector<PresenceInterval> IntervalsOf(const PresenceSpans& spans) {
  std::vector<PresenceInterval> intervals;
  for (const auto& [start, end] : spans) intervals.push_back(Seen(start, end));
  return intervals;
}

PresenceSpans PresenceSpansOf(const std::vector<PresenceInterval>& intervals) {
  PresenceSpans spans;
  for (const PresenceInterval& interval : intervals) {
    spans.emplace_back(domain::ToMillis(interval.start), domain::ToMillis(interval.end));
  }
  return spans;
}

// What one person's tracks come to as `seen`: bridged up to 1 s inside a shot; a cut at 5 s.
struct UniteCase {
  std::string name;
  PresenceSpans tracks;
  PresenceSpans seen;
};

class UnitePresenceTest : public ::testing::TestWithParam<UniteCase> {};

TEST_P(UnitePresenceTest, BridgesInsideAShot) {
  const SampleGrid grid = TenASecond(10, {5'000});
  const auto seen =
      UnitePresence(IntervalsOf(GetParam().tracks), grid, milliseconds{1'000}).value();
  EXPECT_EQ(PresenceSpansOf(seen), GetParam().seen);
}

INSTANTIATE_TEST_SUITE_P(
    Tracks, UnitePresenceTest,
    ::testing::Values(
        UniteCase{"None", {}, {}}, UniteCase{"One", {{1'000, 2'000}}, {{1'000, 2'000}}},
        UniteCase{"InAnyOrder", {{7'000, 8'000}, {1'000, 2'000}}, {{1'000, 2'000}, {7'000, 8'000}}},
        UniteCase{"Overlapping", {{1'000, 3'000}, {2'000, 4'000}}, {{1'000, 4'000}}},
        UniteCase{"OneInsideTheOther", {{1'000, 4'000}, {2'000, 3'000}}, {{1'000, 4'000}}},
        UniteCase{"Meeting", {{1'000, 2'000}, {2'000, 3'000}}, {{1'000, 3'000}}},
        UniteCase{"MeetingAtTheCut", {{4'000, 4'950}, {4'950, 6'000}}, {{4'000, 6'000}}},
        UniteCase{"AGapAsLongAsTheBridge", {{1'000, 2'000}, {3'000, 4'000}}, {{1'000, 4'000}}},
        UniteCase{"AGapLongerThanTheBridge",
                  {{1'000, 2'000}, {3'001, 4'000}},
                  {{1'000, 2'000}, {3'001, 4'000}}},
        UniteCase{"AShortGapOverTheCut",
                  {{4'000, 4'800}, {5'200, 6'000}},
                  {{4'000, 4'800}, {5'200, 6'000}}},
        UniteCase{"AShortGapBehindTheCut", {{5'000, 5'300}, {5'700, 6'000}}, {{5'000, 6'000}}},
        // The gap is counted from where the presence ends, not from the track that came last.
        UniteCase{"AShortTrackInsideALongOneHidesNoGap",
                  {{1'000, 3'500}, {1'500, 2'000}, {4'400, 4'800}},
                  {{1'000, 4'800}}}),
    [](const auto& row) { return row.param.name; });

// Pauses below 2 s are closed, what is then shorter than 0.5 s is dropped.
struct MergeCase {
  std::string name;
  PresenceSpans seen;
  PresenceSpans intervals;
};

class MergeIntervalsTest : public ::testing::TestWithParam<MergeCase> {};

TEST_P(MergeIntervalsTest, ClosesShortPausesAndDropsBlips) {
  const auto merged = MergeIntervals(IntervalsOf(GetParam().seen), TenASecond(10, {5'000}),
                                     {.merge_gap = milliseconds{2'000}, .blip = milliseconds{500}});
  EXPECT_EQ(PresenceSpansOf(merged), GetParam().intervals);
}

INSTANTIATE_TEST_SUITE_P(
    Seen, MergeIntervalsTest,
    ::testing::Values(
        MergeCase{"Nothing", {}, {}},
        MergeCase{"JustShortOfTheGap", {{0, 1'000}, {2'999, 4'000}}, {{0, 4'000}}},
        MergeCase{"TheGapItself", {{0, 1'000}, {3'000, 4'000}}, {{0, 1'000}, {3'000, 4'000}}},
        MergeCase{"OverACut", {{4'000, 4'800}, {5'200, 6'000}}, {{4'000, 6'000}}},
        MergeCase{"AChain",
                  {{0, 1'000}, {2'500, 3'000}, {4'500, 5'000}, {8'000, 9'000}},
                  {{0, 5'000}, {8'000, 9'000}}},
        MergeCase{"JustABlip", {{1'000, 1'499}}, {}},
        MergeCase{"JustNoBlip", {{1'000, 1'500}}, {{1'000, 1'500}}},
        MergeCase{"BlipsThatAddUp", {{1'000, 1'300}, {2'000, 2'300}}, {{1'000, 2'300}}}),
    [](const auto& row) { return row.param.name; });

TEST(PresenceTest, AnIntervalsGapsAreThoseOfItsOwnEdges) {
  std::vector<PresenceInterval> parts = IntervalsOf({{1'000, 2'000}, {2'500, 4'000}});
  parts[0].start_gap = milliseconds{10};
  parts[0].end_gap = milliseconds{20};
  parts[1].start_gap = milliseconds{30};
  parts[1].end_gap = milliseconds{40};
  const SampleGrid grid = TenASecond(10, {});
  const auto seen = UnitePresence(parts, grid, milliseconds{1'000}).value();
  const auto merged = MergeIntervals(parts, grid, {.merge_gap = milliseconds{2'000}, .blip = {}});
  for (const auto& intervals : {seen, merged}) {
    ASSERT_EQ(intervals.size(), 1U);
    EXPECT_EQ(intervals[0].start_gap, milliseconds{10});
    EXPECT_EQ(intervals[0].end_gap, milliseconds{40});
  }
}

// Samples a step apart each.
SampleGrid GridOfSteps(const std::vector<std::int64_t>& steps_us) {
  std::vector<Sample> samples{{}};
  for (const std::int64_t step : steps_us) {
    samples.push_back({.frame_id = samples.back().frame_id + 1,
                       .pts = samples.back().pts + domain::MediaTime{step}});
  }
  const domain::MediaTime length = samples.back().pts;
  return testing::GridOf(std::move(samples), length);
}

struct StepCase {
  std::vector<std::int64_t> steps_us;
  std::int64_t median_us = 0;  // The upper one of two.
};

class MedianStepTest : public ::testing::TestWithParam<StepCase> {};

TEST_P(MedianStepTest, IsTheStepInTheMiddle) {
  EXPECT_EQ(GridOfSteps(GetParam().steps_us).median_step().count(), GetParam().median_us);
}

INSTANTIATE_TEST_SUITE_P(
    Steps, MedianStepTest,
    ::testing::Values(StepCase{{100'000}, 100'000}, StepCase{{1, 2}, 2}, StepCase{{2, 1}, 2},
                      StepCase{{3, 1, 2}, 2}, StepCase{{5, 5, 5, 1'000'000'000}, 5},
                      StepCase{{1'000'000'000'000, 1, 1'000'000'000'000}, 1'000'000'000'000},
                      StepCase{{33'366, 33'367, 33'366, 33'367, 33'367}, 33'367},
                      StepCase{{0, 0, 7}, 0}));

TEST(SampleGridTest, TheMedianStepOfManyIsFoundByCounting) {
  std::vector<std::int64_t> steps;
  std::uint64_t state = 1;
  for (int i = 0; i < 2'001; ++i) {
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    steps.push_back(static_cast<std::int64_t>((state >> 33) % 10'000'000));
  }
  const SampleGrid grid = GridOfSteps(steps);
  std::ranges::sort(steps);
  EXPECT_EQ(grid.median_step().count(), steps[1'000]);
}

TEST(SampleGridTest, WithoutTwoSamplesTheStepIsTheVideo) {
  EXPECT_EQ(testing::GridOf({}, milliseconds{700}).median_step(), milliseconds{700});
  EXPECT_EQ(testing::GridOf({{}}, milliseconds{700}).median_step(), milliseconds{700});
}

struct CountCase {
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t samples = 0;
};

class CountInTest : public ::testing::TestWithParam<CountCase> {};

TEST_P(CountInTest, CountsFromTheStartToBeforeTheEnd) {
  const Interval interval{.start = milliseconds{GetParam().start_ms},
                          .end = milliseconds{GetParam().end_ms}};
  EXPECT_EQ(TenASecond(10, {}).CountIn(interval).value(), GetParam().samples);
}

INSTANTIATE_TEST_SUITE_P(Intervals, CountInTest,
                         ::testing::Values(CountCase{0, 10'000, 100}, CountCase{0, 100, 1},
                                           CountCase{50, 150, 1}, CountCase{100, 100, 0},
                                           CountCase{110, 190, 0}, CountCase{1'000, 2'000, 10},
                                           CountCase{9'950, 20'000, 0}));

TEST(SampleGridTest, AFrameThatWasNotSampledIsAnError) {
  const SampleGrid grid = TenASecond(1, {});
  EXPECT_EQ(grid.IndexOf(3).value(), 3U);
  EXPECT_EQ(grid.IndexOf(10).error().reason, "ERR_ARTIFACT_CORRUPT");
}

// Fails from some reading on.
class FailingSamples final : public SampleSource {
 public:
  explicit FailingSamples(int readings) : readings_(readings) {}
  std::size_t size() const override { return 10; }
  base::Result<Sample> At(std::size_t index) override {
    if (readings_-- <= 0) return domain::MakeError(domain::reason::kInternal, "cannot be read");
    return Sample{.frame_id = static_cast<std::int64_t>(index),
                  .pts = milliseconds{100 * static_cast<std::int64_t>(index)}};
  }

 private:
  int readings_;
};

constexpr Interval kSecond{.start = milliseconds{0}, .end = milliseconds{1'000}};

TEST(SampleGridTest, ASourceThatFailsIsAnErrorOfWhateverAsked) {
  EXPECT_FALSE(SampleGrid::Create(std::make_unique<FailingSamples>(5), kSecond).ok());
  int readings = 5;
  auto grid = SampleGrid::Create(std::make_unique<FailingSamples>(readings), kSecond);
  while (!grid.ok()) {
    grid = SampleGrid::Create(std::make_unique<FailingSamples>(++readings), kSecond);
  }
  // Not one reading is left.
  EXPECT_FALSE(grid->IndexOf(3).ok());
  EXPECT_FALSE(grid->Presence(2, 3, {.snap = milliseconds{300}}).ok());
  EXPECT_FALSE(grid->IsOneShot(milliseconds{100}, milliseconds{300}).ok());
  EXPECT_FALSE(grid->CountIn({.start = milliseconds{100}, .end = milliseconds{300}}).ok());
  EXPECT_FALSE(UnitePresence({Seen(0, 100), Seen(300, 400)}, *grid, milliseconds{1'000}).ok());
}

}  // namespace
}  // namespace rollcall::pipeline
