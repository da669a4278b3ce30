#include "pipeline/track_spool.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/random.h"

namespace rollcall::pipeline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class TrackSpoolTest : public ::testing::Test {
 protected:
  ~TrackSpoolTest() override { fs::remove_all(folder_); }

  // One frame: which track each of its detections belongs to, 0 for none.
  void Frame(const std::vector<std::int64_t>& tracks) {
    spool_->BeginFrame(tracks.size());
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      if (tracks[i] == 0) continue;
      ASSERT_TRUE(spool_
                      ->AddPoint(tracks[i], {.frame_id = frame_,
                                             .pts = milliseconds{100 * frame_},
                                             .index = static_cast<std::int32_t>(i),
                                             .row = row_ + static_cast<std::int64_t>(i),
                                             .box = {1, 2, 3, static_cast<float>(frame_)},
                                             .score = 0.5F})
                      .ok());
    }
    ASSERT_TRUE(spool_->EndFrame().ok());
    row_ += static_cast<std::int64_t>(tracks.size());
    ++frame_;
  }
  void Keep(std::int64_t id, domain::Embedding embedding = {}) {
    ASSERT_TRUE(spool_
                    ->Keep({.id = id,
                            .shot = 7,
                            .start = milliseconds{id},
                            .end = milliseconds{10 * id},
                            .count = 3,
                            .mean_confidence = 0.25F,
                            .quality = 0.75F,
                            .best_frame_id = 100 + id,
                            .best_index = 4,
                            .embedding_count = 2,
                            .embedding = std::move(embedding)})
                    .ok());
  }
  std::vector<TrackSummary> Kept() {
    std::vector<TrackSummary> tracks;
    EXPECT_TRUE(spool_
                    ->ForEachKept([&](const TrackSummary& track) -> base::Result<void> {
                      tracks.push_back(track);
                      return {};
                    })
                    .ok());
    return tracks;
  }
  std::vector<std::int64_t> FramesOf(std::int64_t id) {
    std::vector<std::int64_t> frames;
    EXPECT_TRUE(spool_
                    ->ForEachPoint(id,
                                   [&](const TrackPoint& point) -> base::Result<void> {
                                     frames.push_back(point.frame_id);
                                     return {};
                                   })
                    .ok());
    return frames;
  }

  static fs::path FreshFolder() {
    fs::path folder = fs::temp_directory_path() / ("rollcall_spool_" + base::RandomId());
    fs::create_directories(folder);
    return folder;
  }

  const fs::path folder_ = FreshFolder();
  std::unique_ptr<TrackSpool> spool_ = TrackSpool::Create(folder_ / "tracks.tmp").value();
  std::int64_t frame_ = 0;
  std::int64_t row_ = 0;
};

TEST_F(TrackSpoolTest, TracksComeInOrderOfIdHoweverTheyEnd) {
  Frame({1, 2});
  Frame({1, 3});
  Keep(3, {0.5F, 0.5F});
  Keep(1, {1, 0, 0});
  Keep(2);
  const auto tracks = Kept();
  ASSERT_EQ(tracks.size(), 3U);
  for (std::int64_t id = 1; id <= 3; ++id) {
    const TrackSummary& track = tracks[static_cast<std::size_t>(id - 1)];
    EXPECT_EQ(track.id, id);
    EXPECT_EQ(track.shot, 7);
    EXPECT_EQ(track.start, milliseconds{id});
    EXPECT_EQ(track.end, milliseconds{10 * id});
    EXPECT_EQ(track.count, 3);
    EXPECT_EQ(track.mean_confidence, 0.25F);
    EXPECT_EQ(track.quality, 0.75F);
    EXPECT_EQ(track.best_frame_id, 100 + id);
    EXPECT_EQ(track.best_index, 4);
    EXPECT_EQ(track.embedding_count, 2);
  }
  EXPECT_EQ(tracks[0].embedding, (domain::Embedding{1, 0, 0}));
  EXPECT_TRUE(tracks[1].embedding.empty());
  EXPECT_EQ(tracks[2].embedding, (domain::Embedding{0.5F, 0.5F}));
}

TEST_F(TrackSpoolTest, ATrackHasItsPointsInOrderHoweverManyThereAre) {
  constexpr std::int64_t kFrames = 1'000;
  for (std::int64_t i = 0; i < kFrames; ++i) Frame({1, i % 3 == 0 ? 2 : 0, i < 32 ? 3 : 0});
  for (const std::int64_t id : {1, 2, 3}) Keep(id);
  const auto first = FramesOf(1);
  ASSERT_EQ(first.size(), static_cast<std::size_t>(kFrames));
  for (std::int64_t i = 0; i < kFrames; ++i) EXPECT_EQ(first[static_cast<std::size_t>(i)], i);
  const auto second = FramesOf(2);
  ASSERT_EQ(second.size(), 334U);
  for (std::size_t i = 0; i < second.size(); ++i) {
    EXPECT_EQ(second[i], static_cast<std::int64_t>(3 * i));
  }
  EXPECT_EQ(FramesOf(3).size(), 32U);
}

TEST_F(TrackSpoolTest, APointIsWhatItWas) {
  Frame({0, 1});
  Frame({1});
  Keep(1);
  std::vector<TrackPoint> points;
  ASSERT_TRUE(spool_
                  ->ForEachPoint(1,
                                 [&](const TrackPoint& point) -> base::Result<void> {
                                   points.push_back(point);
                                   return {};
                                 })
                  .ok());
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].frame_id, 0);
  EXPECT_EQ(points[0].index, 1);
  EXPECT_EQ(points[1].pts, milliseconds{100});
  EXPECT_EQ(points[1].index, 0);
  EXPECT_EQ(points[1].box.y2, 1);
  EXPECT_EQ(points[1].score, 0.5F);
}

TEST_F(TrackSpoolTest, ADroppedTrackIsAsIfItHadNeverBeen) {
  Frame({1, 2});
  Frame({2, 0, 1});
  ASSERT_TRUE(spool_->Drop(1).ok());
  Keep(2);
  EXPECT_EQ(spool_->kept(), 1);
  const auto tracks = Kept();
  ASSERT_EQ(tracks.size(), 1U);
  EXPECT_EQ(tracks[0].id, 2);
  const std::vector<std::optional<std::int64_t>> expected{std::nullopt, 2, 2, std::nullopt,
                                                          std::nullopt};
  for (std::size_t row = 0; row < expected.size(); ++row) {
    EXPECT_EQ(spool_->TrackOf(static_cast<std::int64_t>(row)).value(), expected[row]) << row;
  }
}

TEST_F(TrackSpoolTest, ARowThatNoFrameHadIsOfNoTrack) {
  Frame({1});
  Keep(1);
  EXPECT_EQ(spool_->TrackOf(1).value(), std::nullopt);
}

TEST_F(TrackSpoolTest, LeavesNothingInTheFolder) {
  Frame({1});
  Keep(1);
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace rollcall::pipeline
