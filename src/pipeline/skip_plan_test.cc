#include "pipeline/skip_plan.h"

#include <gtest/gtest.h>

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Ten frames a second, all sampled, segments of ten seconds.
class SkipPlanTest : public ::testing::Test {
 protected:
  SkipPlan PlanOf(int length_s, std::vector<int> keyframes, std::vector<std::int64_t> skipped) {
    for (int i = 0; i < length_s * 10; ++i) {
      const bool is_keyframe = std::find(keyframes.begin(), keyframes.end(), i) != keyframes.end();
      index_.packets.push_back({.pts = milliseconds{100 * i}, .is_keyframe = is_keyframe});
      samples_.push_back(i);
    }
    segments_ = PlanSegments(index_, samples_, seconds{10});
    std::vector<domain::SegmentSpan> skips;
    for (const std::int64_t number : skipped) skips.push_back({.number = number});
    return SkipPlan(index_, samples_, segments_, skips);
  }

  media::PacketIndex index_;
  std::vector<std::int64_t> samples_;
  std::vector<PlannedSegment> segments_;
};

TEST_F(SkipPlanTest, LosesNothingWithoutASkip) {
  const SkipPlan plan = PlanOf(30, {0, 55, 250}, {});
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(plan.IsSkipped(i));
    EXPECT_EQ(plan.SamplesLost(i), 0);
    EXPECT_EQ(plan.FirstFrame(i), 0);
  }
}

TEST_F(SkipPlanTest, LosesTheSegmentAloneWhereAKeyframeFollows) {
  const SkipPlan plan = PlanOf(40, {0, 100, 200, 300}, {1});
  EXPECT_TRUE(plan.IsSkipped(1));
  EXPECT_EQ(plan.SamplesLost(1), 100);
  EXPECT_EQ(plan.SamplesLost(2), 0);
  EXPECT_EQ(plan.FirstFrame(1), 0);
  EXPECT_EQ(plan.FirstFrame(2), 200);
  EXPECT_EQ(plan.GapOf(1).start, seconds{10});
  EXPECT_EQ(plan.GapOf(1).end, seconds{20});
  EXPECT_EQ(plan.GapOf(1).reason, "ERR_POISON_SEGMENT");
}

TEST_F(SkipPlanTest, LosesWhatCannotBeDecodedWithoutTheSegment) {
  const SkipPlan plan = PlanOf(50, {0, 150, 325}, {1});
  EXPECT_EQ(plan.SamplesLost(2), 100);  // All of it.
  EXPECT_EQ(plan.SamplesLost(3), 25);
  EXPECT_EQ(plan.SamplesLost(4), 0);
  EXPECT_TRUE(plan.IsLost(324));
  EXPECT_FALSE(plan.IsLost(325));
  EXPECT_EQ(plan.FirstFrame(4), 325) << "the lead of later frames must not reach back either";
  EXPECT_EQ(plan.GapOf(1).end, milliseconds{32'500});
}

TEST_F(SkipPlanTest, LosesTheRestWhereNoKeyframeFollows) {
  const SkipPlan plan = PlanOf(35, {0, 150}, {1});
  EXPECT_EQ(plan.SamplesLost(2), 100);
  EXPECT_EQ(plan.SamplesLost(3), 50);
  EXPECT_EQ(plan.GapOf(1).end, seconds{40});
}

TEST_F(SkipPlanTest, AGapThatTouchesTheOneBeforeGoesOnWithIt) {
  const SkipPlan plan = PlanOf(40, {0, 250, 300}, {1, 2});
  std::vector<Gap> gaps;
  AddGap(plan.GapOf(1), gaps);
  AddGap(plan.GapOf(2), gaps);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].start, seconds{10});
  EXPECT_EQ(gaps[0].end, seconds{30});
  AddGap({.start = seconds{31}, .end = seconds{32}, .reason = "r"}, gaps);
  EXPECT_EQ(gaps.size(), 2U);
}

TEST(GapTest, TravelsAsJsonAndReadsAsASentence) {
  const std::vector<Gap> gaps{
      {.start = seconds{80}, .end = seconds{90}, .reason = "ERR_POISON_SEGMENT"},
      {.start = seconds{100}, .end = seconds{110}, .reason = "ERR_POISON_SEGMENT"}};
  const auto again = GapsFromJson(GapsToJson(gaps));
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[1].end, seconds{110});
  EXPECT_EQ(again[1].reason, "ERR_POISON_SEGMENT");
  EXPECT_EQ(GapsWarning({gaps[0]}),
            "00:01:20–00:01:30 was not looked at: the worker ended there each time, and somebody "
            "chose to skip it");
  EXPECT_EQ(GapsWarning(gaps).find("00:01:20–00:01:30 and 00:01:40–00:01:50 were not"), 0U);
  EXPECT_TRUE(GapsFromJson("nonsense").empty());
}

}  // namespace
}  // namespace rollcall::pipeline
