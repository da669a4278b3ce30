#include "pipeline/tracker.h"

#include <gtest/gtest.h>

#include <map>

#include "pipeline/testing/faces.h"

namespace rollcall::pipeline {
namespace {

using testing::FaceAt;
using testing::SampleAt;
using testing::VectorOf;

// Collects everything.
class CollectingSink final : public TrackSink {
 public:
  base::Result<void> TakePoint(std::int64_t track_id, const TrackPoint& point) override {
    points[track_id].push_back(point);
    return {};
  }
  base::Result<void> TakeTrack(Track track) override {
    tracks.push_back(std::move(track));
    return {};
  }

  std::map<std::int64_t, std::vector<TrackPoint>> points;  // By track id.
  std::vector<Track> tracks;
};

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

  CollectingSink sink_;
  const std::vector<Track>& tracks_ = sink_.tracks;
  Tracker tracker_{Tracker::Options{}, sink_};
};

TEST_F(TrackerTest, FollowsAMovingFace) {
  for (int i = 0; i < 20; ++i) Feed(i * 100, {FaceAt(i * 100, 20.0F * static_cast<float>(i))});
  ASSERT_EQ(Finish().size(), 1U);
  EXPECT_EQ(tracks_[0].count, 20);
}

TEST_F(TrackerTest, KeepsTwoCrossingFacesApartByAppearance) {
  for (int i = 0; i < 20; ++i) {
    const float x = 20.0F * static_cast<float>(i);
    Feed(i * 100, {FaceAt(i * 100, x, VectorOf(0)), FaceAt(i * 100, 380 - x, VectorOf(1))});
  }
  ASSERT_EQ(Finish().size(), 2U);
  for (const Track& track : tracks_) {
    EXPECT_EQ(track.count, 20);
    EXPECT_GT(domain::Cosine(track.embedding, VectorOf(static_cast<int>(track.id) - 1)), 0.99F);
  }
}

domain::Detection Poor(domain::Detection face) {
  face.quality = 0.2F;
  return face;
}

// Of a face that turns away the vector says little: one woman was two tracks.
TEST_F(TrackerTest, AFaceThatTurnsAwayStaysTheSameOne) {
  for (int i = 0; i < 5; ++i) Feed(i * 100, {FaceAt(i * 100, 50, VectorOf(0))});
  for (int i = 5; i < 10; ++i) Feed(i * 100, {Poor(FaceAt(i * 100, 55, VectorOf(1)))});
  EXPECT_EQ(Finish().size(), 1U);
}

TEST_F(TrackerTest, AnotherFaceInItsPlaceIsAnotherTrack) {
  for (int i = 0; i < 5; ++i) Feed(i * 100, {FaceAt(i * 100, 50, VectorOf(0))});
  for (int i = 5; i < 10; ++i) Feed(i * 100, {FaceAt(i * 100, 55, VectorOf(1))});
  EXPECT_EQ(Finish().size(), 2U);
}

// Pictures three seconds apart: each ended the track of the one before.
TEST_F(TrackerTest, PicturesThatStayLongEndNoTrack) {
  for (int i = 0; i < 5; ++i) {
    Sample sample = SampleAt(i * 3'000);
    sample.until = std::chrono::milliseconds{(i + 1) * 3'000};
    ASSERT_TRUE(tracker_.Next(sample, {FaceAt(i * 3'000, 50)}).ok());
  }
  ASSERT_EQ(Finish().size(), 1U);
  EXPECT_EQ(tracks_[0].length(), std::chrono::seconds{15});
}

TEST_F(TrackerTest, KnowsWhichTracksOnlyTilesShow) {
  for (int i = 0; i < 30; ++i) {
    Sample sample = SampleAt(i * 100);
    sample.with_tiles = i % 10 == 0;
    std::vector<domain::Detection> faces{FaceAt(i * 100, 50)};
    if (sample.with_tiles) faces.push_back(FaceAt(i * 100, 500));
    ASSERT_TRUE(tracker_.Next(sample, faces).ok());
  }
  ASSERT_EQ(Finish().size(), 2U);
  EXPECT_FALSE(tracks_[0].needs_tiles());
  EXPECT_TRUE(tracks_[1].needs_tiles());
}

TEST_F(TrackerTest, EndsEveryTrackAtACut) {
  for (int i = 0; i < 6; ++i) Feed(i * 100, {FaceAt(i * 100, 50, VectorOf(0))}, i == 3);
  ASSERT_EQ(Finish().size(), 2U);
  EXPECT_EQ(tracks_[0].count, 3);
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
  EXPECT_EQ(tracks_[0].count, 2);
}

TEST_F(TrackerTest, NumbersRowsInTheOrderTheyWereGiven) {
  Feed(0, {FaceAt(0, 50), FaceAt(0, 400)});
  Feed(100, {FaceAt(100, 402), FaceAt(100, 48)});
  Finish();
  ASSERT_EQ(tracks_.size(), 2U);
  EXPECT_EQ(sink_.points[1][0].row, 0);
  EXPECT_EQ(sink_.points[1][1].row, 3);
  EXPECT_EQ(sink_.points[2][1].row, 2);
}

TEST_F(TrackerTest, ATrackIsWhatItsPointsAddUpTo) {
  Feed(100, {FaceAt(100, 50, {}, 0.7F)});
  Feed(200, {FaceAt(200, 52, VectorOf(0), 0.9F)});
  Feed(300, {FaceAt(300, 54, {}, 0.8F)});
  ASSERT_EQ(Finish().size(), 1U);
  const Track& track = tracks_[0];
  EXPECT_EQ(track.start, std::chrono::milliseconds{100});
  EXPECT_EQ(track.end, std::chrono::milliseconds{300});
  EXPECT_EQ(track.count, 3);
  EXPECT_FLOAT_EQ(track.score_sum, 2.4F);
  EXPECT_FLOAT_EQ(track.landmark_score_sum, 2.7F);
  EXPECT_EQ(track.embedding_count, 1);
  // All are of one quality; the embedded one has a crop for certain.
  EXPECT_EQ(track.best.pts, std::chrono::milliseconds{200});
  ASSERT_EQ(sink_.points[1].size(), 3U);
  EXPECT_EQ(sink_.points[1][2].pts, std::chrono::milliseconds{300});
}

}  // namespace
}  // namespace rollcall::pipeline
