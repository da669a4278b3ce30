#include "pipeline/sampling_plan.h"

#include <gtest/gtest.h>

#include "pipeline/segment_plan.h"

namespace rollcall::pipeline {
namespace {

// `count` frames, `step_us` apart, a keyframe each second, every second frame disposable.
media::PacketIndex IndexOf(int count, std::int64_t step_us) {
  media::PacketIndex index;
  for (int i = 0; i < count; ++i) {
    const domain::MediaTime pts{i * step_us};
    index.packets.push_back(
        {.pts = pts, .is_keyframe = pts.count() % 1'000'000 == 0, .is_disposable = i % 2 == 1});
  }
  index.end = domain::MediaTime{count * step_us};
  return index;
}

TEST(SamplingPlanTest, NormalTakesTenASecond) {
  const auto plan = PlanSamples(IndexOf(250, 40'000), Effort::kNormal, {});
  EXPECT_EQ(plan.size(), 101U);  // One at each tenth, and the last frame.
  EXPECT_EQ(plan.back(), 249);
  for (std::size_t i = 1; i < plan.size(); ++i) EXPECT_GT(plan[i], plan[i - 1]);
}

TEST(SamplingPlanTest, NormalPrefersFramesThatAreDecodedAnyway) {
  const media::PacketIndex index = IndexOf(250, 40'000);
  auto plan = PlanSamples(index, Effort::kNormal, {});
  plan.pop_back();  // The last frame is taken whatever it is.
  for (const std::int64_t frame : plan) {
    EXPECT_FALSE(index.packets[static_cast<std::size_t>(frame)].is_disposable) << frame;
  }
}

TEST(SamplingPlanTest, SlowVideoIsSampledFrameByFrame) {
  EXPECT_EQ(PlanSamples(IndexOf(20, 250'000), Effort::kNormal, {}).size(), 20U);
}

TEST(SamplingPlanTest, AHoleInTheTimesIsNotFilledWithLaterFrames) {
  media::PacketIndex index = IndexOf(25, 40'000);
  for (int i = 0; i < 25; ++i) {
    index.packets.push_back({.pts = domain::MediaTime{5'000'000 + i * 40'000}});
  }
  const auto plan = PlanSamples(index, Effort::kNormal, {});
  EXPECT_GE(plan.size(), 20U);
  EXPECT_LE(plan.size(), 22U);
}

TEST(SamplingPlanTest, DraftTakesKeyframesAndFullTakesAll) {
  EXPECT_EQ(PlanSamples(IndexOf(250, 40'000), Effort::kDraft, {}).size(), 10U);
  EXPECT_EQ(PlanSamples(IndexOf(250, 40'000), Effort::kFull, {}).size(), 250U);
  EXPECT_TRUE(PlanSamples({}, Effort::kNormal, {}).empty());
}

TEST(SegmentPlanTest, CoversThePlanWithoutHoles) {
  const media::PacketIndex index = IndexOf(750, 40'000);
  const auto plan = PlanSamples(index, Effort::kNormal, {});
  const auto segments = PlanSegments(index, plan, std::chrono::seconds{10});
  ASSERT_EQ(segments.size(), 3U);
  std::int64_t samples = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    EXPECT_EQ(segments[i].number, static_cast<std::int64_t>(i));
    EXPECT_EQ(segments[i].first_sample, samples);
    if (i > 0) {
      EXPECT_EQ(segments[i].pts_from, segments[i - 1].pts_to);
    }
    samples += segments[i].samples;
  }
  EXPECT_EQ(samples, static_cast<std::int64_t>(plan.size()));
}

TEST(SegmentPlanTest, AStretchWithoutSamplesBelongsToTheSegmentBefore) {
  media::PacketIndex index = IndexOf(25, 40'000);
  index.packets.push_back({.pts = std::chrono::seconds{35}});
  const std::vector<std::int64_t> plan{0, 24, 25};
  const auto segments = PlanSegments(index, plan, std::chrono::seconds{10});
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[0].pts_to, std::chrono::seconds{30});
  EXPECT_EQ(segments[1].pts_from, std::chrono::seconds{30});
}

}  // namespace
}  // namespace rollcall::pipeline
