#include "media/decode_plan.h"

#include <gtest/gtest.h>

namespace rollcall::media {
namespace {

// A keyframe every `interval` frames.
std::vector<PacketEntry> Packets(int count, int interval) {
  std::vector<PacketEntry> packets(static_cast<std::size_t>(count));
  for (int i = 0; i < count; i += interval) packets[static_cast<std::size_t>(i)].is_keyframe = true;
  return packets;
}

std::vector<std::int64_t> Every(std::int64_t from, std::int64_t to, std::int64_t step) {
  std::vector<std::int64_t> plan;
  for (; from < to; from += step) plan.push_back(from);
  return plan;
}

TEST(DecodePlanTest, LeadsFromTheKeyframeBeforeTheOwnOne) {
  const auto packets = Packets(100, 20);
  EXPECT_EQ(LeadOf(packets, 99), 60);
  EXPECT_EQ(LeadOf(packets, 80), 60) << "the same for all frames of one keyframe";
  EXPECT_EQ(LeadOf(packets, 79), 40);
  EXPECT_EQ(LeadOf(packets, 5), -1);
}

TEST(DecodePlanTest, AFewFramesWellBehindAKeyframeNeedNothingBeforeIt) {
  auto packets = Packets(100, 20);
  EXPECT_EQ(NearLeadOf(packets, 97), 80);
  EXPECT_EQ(NearLeadOf(packets, 90), 60) << "too near to it";
  packets[80].is_gradual = true;
  EXPECT_EQ(NearLeadOf(packets, 97), 60) << "is not whole at once";
  EXPECT_EQ(NearLeadOf(packets, 19), 0);
}

TEST(DecodePlanTest, LeadsByAFewFramesWhereEveryFrameIsAKeyframe) {
  const auto packets = Packets(100, 1);
  EXPECT_EQ(LeadOf(packets, 50), 34);
  EXPECT_EQ(LeadOf(packets, 10), -1);
}

TEST(DecodePlanTest, LeadsFromTheBeginningWithoutKeyframes) {
  EXPECT_EQ(LeadOf(std::vector<PacketEntry>(50), 40), -1);
}

TEST(DecodePlanTest, MakesOneRunOfADensePlanAndManyOfASparseOne) {
  const auto packets = Packets(10'000, 50);
  const auto dense = Every(0, 10'000, 3);
  EXPECT_EQ(LongRun(packets, dense, 0, DecodeMode::kAll).end, dense.size());
  const auto sparse = Every(0, 10'000, 1'000);
  const DecodeRun run = LongRun(packets, sparse, 2, DecodeMode::kAll);
  EXPECT_EQ(run.lead, 1'950);
  EXPECT_EQ(run.end, 3U);
}

TEST(DecodePlanTest, EndsAShortRunWithItsKeyframe) {
  const auto packets = Packets(200, 50);
  const auto plan = Every(0, 200, 10);
  const DecodeRun run = ShortRun(packets, plan, 11, DecodeMode::kAll);
  EXPECT_EQ(run.lead, 50);
  EXPECT_EQ(run.end, 15U);
}

TEST(DecodePlanTest, TakesKeyframesByThemselves) {
  const auto packets = Packets(200, 50);
  const auto plan = Every(0, 200, 50);
  EXPECT_EQ(LongRun(packets, plan, 1, DecodeMode::kKeyframes).end, 4U);
  EXPECT_EQ(LongRun(packets, plan, 1, DecodeMode::kSeparateKeyframes).end, 2U);
  EXPECT_EQ(LongRun(packets, plan, 1, DecodeMode::kSeparateKeyframes).lead, 50);
}

}  // namespace
}  // namespace rollcall::media
