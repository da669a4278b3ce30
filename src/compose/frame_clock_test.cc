#include "compose/frame_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace rollcall::compose {
namespace {

using domain::MediaTime;

TEST(FrameClockTest, DoesNotDriftAtAnOddRate) {
  VideoSpec video;
  video.frames_per_second = 30'000.0 / 1001;
  FrameClock clock(video);
  for (int i = 0; i < 30'000; ++i) clock.Advance();
  EXPECT_EQ(clock.now(), MediaTime{1'001'000'000});
}

TEST(FrameClockTest, DrawsDurationsFromTheRange) {
  VideoSpec video;
  video.frame_ms = {15, 90};
  FrameClock clock(video);
  MediaTime least{1'000'000};
  MediaTime most{};
  for (int i = 0; i < 2000; ++i) {
    const MediaTime before = clock.now();
    clock.Advance();
    least = std::min(least, clock.now() - before);
    most = std::max(most, clock.now() - before);
  }
  EXPECT_EQ(least, MediaTime{15'000});
  EXPECT_EQ(most, MediaTime{90'000});
}

TEST(FrameClockTest, DrawsTheSameForTheSameSeed) {
  VideoSpec video;
  video.frame_ms = {15, 90};
  video.seed = 7;
  FrameClock one(video);
  FrameClock other(video);
  video.seed = 8;
  FrameClock different(video);
  for (int i = 0; i < 100; ++i) one.Advance(), other.Advance(), different.Advance();
  EXPECT_EQ(one.now(), other.now());
  EXPECT_NE(one.now(), different.now());
}

}  // namespace
}  // namespace rollcall::compose
