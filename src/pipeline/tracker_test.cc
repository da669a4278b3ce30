#include "pipeline/tracker.h"

#include <gtest/gtest.h>

#include "pipeline/testing/faces.h"

namespace rollcall::pipeline {
namespace {

using testing::FaceAt;
using testing::SampleAt;
using testing::VectorOf;

class TrackerTest : public ::testing::Test {
 protected:
  void Feed(std::int64_t ms, std::vector<domain::Detection> faces, bool is_cut = false) {
    for (std::size_t i = 0; i < faces.size(); ++i) faces[i].index = static_cast<int>(i);
    ASSERT_TRUE(tracker_.Next(SampleAt(ms, is_cut), faces).ok());
  }
  const std::vector<Track>& Finish() {
    EXPECT_TRUE(tracker_.Flush().ok());
    return tracks_;
  }

  std::vector<Track> tracks_;
  Tracker tracker_{Tracker::Options{}, [this](Track track) -> base::Result<void> {
                     tracks_.push_back(std::move(track));
                     return {};
                   }};
};

TEST_F(TrackerTest, FollowsAMovingFace) {
  for (int i = 0; i < 20; ++i) Feed(i * 100, {FaceAt(i * 100, 20.0F * static_cast<float>(i))});
  ASSERT_EQ(Finish().size(), 1U);
  EXPECT_EQ(tracks_[0].points.size(), 20U);
}

TEST_F(TrackerTest, KeepsTwoCrossingFacesApartByAppearance) {
  for (int i = 0; i < 20; ++i) {
    const float x = 20.0F * static_cast<float>(i);
    Feed(i * 100, {FaceAt(i * 100, x, VectorOf(0)), FaceAt(i * 100, 380 - x, VectorOf(1))});
  }
  ASSERT_EQ(Finish().size(), 2U);
  for (const Track& track : tracks_) {
    EXPECT_EQ(track.points.size(), 20U);
    EXPECT_GT(domain::Cosine(track.embedding, VectorOf(static_cast<int>(track.id) - 1)), 0.99F);
  }
}

TEST_F(TrackerTest, EndsEveryTrackAtACut) {
  for (int i = 0; i < 6; ++i) Feed(i * 100, {FaceAt(i * 100, 50, VectorOf(0))}, i == 3);
  ASSERT_EQ(Finish().size(), 2U);
  EXPECT_EQ(tracks_[0].points.size(), 3U);
  EXPECT_EQ(tracks_[0].shot, 0);
  EXPECT_EQ(tracks_[1].shot, 1);
}

TEST_F(TrackerTest, DoesNotContinueATrackWithSomebodyElse) {
  for (int i = 0; i < 3; ++i) Feed(i * 100, {FaceAt(i * 100, 50, VectorOf(0))});
  for (int i = 3; i < 6; ++i) Feed(i * 100, {FaceAt(i * 100, 50, VectorOf(1))});
  EXPECT_EQ(Finish().size(), 2U);
}

TEST_F(TrackerTest, RelinksAfterAShortGapByAppearance) {
  for (int i = 0; i < 3; ++i) Feed(i * 100, {FaceAt(i * 100, 50, VectorOf(0))});
  for (int i = 3; i < 15; ++i) Feed(i * 100, {});
  for (int i = 15; i < 18; ++i) Feed(i * 100, {FaceAt(i * 100, 400, VectorOf(0, 0.3F))});
  EXPECT_EQ(Finish().size(), 1U);
}

TEST_F(TrackerTest, ALostTrackIsHandedOutAndNotContinuedForEver) {
  Feed(0, {FaceAt(0, 50, VectorOf(0))});
  for (int i = 1; i < 25; ++i) Feed(i * 100, {});
  EXPECT_EQ(tracks_.size(), 1U);  // Before the end: it has aged.
  Feed(2500, {FaceAt(2500, 50, VectorOf(0))});
  EXPECT_EQ(Finish().size(), 2U);
}

TEST_F(TrackerTest, WeakDetectionContinuesButNeverBegins) {
  Feed(0, {FaceAt(0, 300, {}, 0.5F)});
  Feed(100, {FaceAt(100, 50)});
  Feed(200, {FaceAt(200, 52, {}, 0.5F)});
  ASSERT_EQ(Finish().size(), 1U);
  EXPECT_EQ(tracks_[0].points.size(), 2U);
}

TEST_F(TrackerTest, NumbersRowsInTheOrderTheyWereGiven) {
  Feed(0, {FaceAt(0, 50), FaceAt(0, 400)});
  Feed(100, {FaceAt(100, 402), FaceAt(100, 48)});
  Finish();
  ASSERT_EQ(tracks_.size(), 2U);
  EXPECT_EQ(tracks_[0].points[0].row, 0);
  EXPECT_EQ(tracks_[0].points[1].row, 3);
  EXPECT_EQ(tracks_[1].points[1].row, 2);
}

}  // namespace
}  // namespace rollcall::pipeline
