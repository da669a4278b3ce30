#include "pipeline/presence.h"

#include <gtest/gtest.h>

#include "pipeline/testing/faces.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::SampleAt;

// Ten samples a second for `seconds`; cuts at the given times.
SampleGrid GridOf(int seconds, std::vector<std::int64_t> cuts_ms) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 0; ms < seconds * 1000; ms += 100) {
    Sample sample = SampleAt(ms, std::count(cuts_ms.begin(), cuts_ms.end(), ms) > 0);
    sample.frame_id = ms / 100;
    samples.push_back(sample);
  }
  return SampleGrid(std::move(samples), milliseconds{seconds * 1000});
}

PresenceInterval Seen(std::int64_t start_ms, std::int64_t end_ms) {
  PresenceInterval interval;
  interval.start = milliseconds{start_ms};
  interval.end = milliseconds{end_ms};
  interval.start_gap = interval.end_gap = milliseconds{100};
  return interval;
}

TEST(SampleGridTest, APresenceReachesToTheMiddleOfTheGaps) {
  const auto presence = GridOf(10, {}).Presence(20, 29, milliseconds{0});
  EXPECT_EQ(presence.start, milliseconds{1950});
  EXPECT_EQ(presence.end, milliseconds{2950});
  EXPECT_EQ(presence.start_gap, milliseconds{100});
}

TEST(SampleGridTest, APresenceNearACutReachesToIt) {
  const auto grid = GridOf(10, {2000, 5000});
  const auto presence = grid.Presence(22, 48, milliseconds{300});
  EXPECT_EQ(presence.start, milliseconds{1950});
  EXPECT_EQ(presence.end, milliseconds{4950});
  EXPECT_EQ(grid.Presence(25, 45, milliseconds{300}).start, milliseconds{2450});
}

TEST(SampleGridTest, APresenceAtTheEndsOfTheVideoIsExact) {
  const auto presence = GridOf(10, {}).Presence(0, 99, milliseconds{0});
  EXPECT_EQ(presence.start, milliseconds{0});
  EXPECT_EQ(presence.end, milliseconds{10'000});
  EXPECT_EQ(presence.start_gap + presence.end_gap, milliseconds{0});
}

TEST(SampleGridTest, FramesThatDidNotDecodeAreNotFilled) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 0; ms < 2000; ms += 100) samples.push_back(SampleAt(ms));
  for (std::int64_t ms = 8000; ms < 9000; ms += 100) samples.push_back(SampleAt(ms));
  const SampleGrid grid(samples, milliseconds{9000});
  EXPECT_EQ(grid.Presence(10, 19, milliseconds{0}).end, milliseconds{2000});
}

// Ten samples a second for ten seconds, but none from 4 s to `to_ms`, which was skipped.
SampleGrid GridWithGap(std::int64_t to_ms) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 50; ms < 10'000; ms += 100) {
    if (ms >= 4000 && ms < to_ms) continue;
    samples.push_back(SampleAt(ms, ms == to_ms + 50));
  }
  return SampleGrid(std::move(samples), milliseconds{10'000},
                    {{.start = milliseconds{4000}, .end = milliseconds{to_ms}}});
}

TEST(SampleGridTest, NobodyReachesIntoWhatWasSkipped) {
  for (const std::int64_t to_ms : {4200, 6000}) {
    const SampleGrid grid = GridWithGap(to_ms);
    const auto before = grid.Presence(30, 39, milliseconds{300});
    EXPECT_EQ(before.end, milliseconds{4000}) << to_ms;
    EXPECT_EQ(before.end_gap, milliseconds{0});  // As at the end of the video.
    const auto behind = grid.Presence(40, 45, milliseconds{300});
    EXPECT_EQ(behind.start, milliseconds{to_ms}) << to_ms;
    EXPECT_EQ(behind.start_gap, milliseconds{0});
  }
}

TEST(SampleGridTest, ASampleFarFromWhatWasSkippedDoesNotReachToIt) {
  std::vector<Sample> samples;
  for (std::int64_t ms = 0; ms < 2000; ms += 100) samples.push_back(SampleAt(ms));
  for (std::int64_t ms = 9000; ms < 9900; ms += 100) samples.push_back(SampleAt(ms));
  const SampleGrid grid(samples, milliseconds{10'000},
                        {{.start = milliseconds{4000}, .end = milliseconds{6000}}});
  EXPECT_EQ(grid.Presence(0, 19, milliseconds{0}).end, milliseconds{2100});
  EXPECT_EQ(grid.Presence(20, 24, milliseconds{0}).start, milliseconds{8800});
}

TEST(PresenceTest, NothingIsMergedOverWhatWasSkipped) {
  const SampleGrid grid = GridWithGap(4200);
  const MergeRule rule{.merge_gap = milliseconds{2000}, .blip = milliseconds{0}};
  EXPECT_EQ(MergeIntervals({Seen(3000, 4000), Seen(4200, 5000)}, grid, rule).size(), 2U);
  EXPECT_EQ(MergeIntervals({Seen(4200, 5000), Seen(5200, 6000)}, grid, rule).size(), 1U);
  const auto united = UnitePresence({Seen(3000, 4000), Seen(4200, 5000)}, grid, milliseconds{1000});
  EXPECT_EQ(united.size(), 2U);
}

TEST(PresenceTest, GapsAreBridgedOnlyInsideAShot) {
  const auto grid = GridOf(10, {5000});
  const auto united = UnitePresence({Seen(1000, 2000), Seen(2800, 4700), Seen(5300, 6000)}, grid,
                                    milliseconds{1000});
  ASSERT_EQ(united.size(), 2U);
  EXPECT_EQ(united[0].start, milliseconds{1000});
  EXPECT_EQ(united[0].end, milliseconds{4700});
}

TEST(PresenceTest, OverlappingTracksOfOnePersonCountOnce) {
  const auto united =
      UnitePresence({Seen(1000, 3000), Seen(2000, 2500)}, GridOf(10, {}), milliseconds{0});
  EXPECT_EQ(TotalLength(united), milliseconds{2000});
}

TEST(PresenceTest, DetectionsLessThanTheMergeGapApartAreOneIntervalAndBlipsGo) {
  const auto merged =
      MergeIntervals({Seen(0, 1000), Seen(2900, 4000), Seen(6000, 6400)}, GridOf(10, {}),
                     {.merge_gap = milliseconds{2000}, .blip = milliseconds{500}});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].end, milliseconds{4000});
}

TEST(PresenceTest, AGapOfExactlyTheMergeGapSeparates) {
  const auto merged = MergeIntervals({Seen(0, 1000), Seen(3000, 4000)}, GridOf(10, {}),
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

}  // namespace
}  // namespace rollcall::pipeline
