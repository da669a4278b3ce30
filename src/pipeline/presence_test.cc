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
  const auto merged = MergeIntervals({Seen(0, 1000), Seen(2900, 4000), Seen(6000, 6400)},
                                     milliseconds{2000}, milliseconds{500});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].end, milliseconds{4000});
}

TEST(PresenceTest, AGapOfExactlyTheMergeGapSeparates) {
  EXPECT_EQ(
      MergeIntervals({Seen(0, 1000), Seen(3000, 4000)}, milliseconds{2000}, milliseconds{0}).size(),
      2U);
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
