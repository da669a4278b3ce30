#include "pipeline/fast_stretch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "pipeline/testing/short_episode.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::FakeContext;

// 25 frames a second, ten samples a second up to 2 s, cuts before the samples named.
artifacts::DetectSegment Sampled(const std::vector<std::int64_t>& cuts_ms) {
  artifacts::DetectSegment segment;
  for (std::int64_t ms = 0; ms < 2'000; ms += 100) {
    segment.frames.push_back({.frame_id = ms / 20,
                              .pts = milliseconds{ms},
                              .until = milliseconds{ms + 40},
                              .is_cut = std::ranges::count(cuts_ms, ms) > 0});
  }
  return segment;
}

// Frames before and last, in milliseconds; -1: to the segment's end.
struct StretchCase {
  std::string name;
  std::vector<std::int64_t> cuts_ms;
  std::vector<std::pair<std::int64_t, std::int64_t>> stretches;
};

class FastStretchTest : public ::testing::TestWithParam<StretchCase> {};

TEST_P(FastStretchTest, IsWhereTwoCutsAreNear) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (const FastStretch& stretch :
       FindFastStretches(Sampled(GetParam().cuts_ms), milliseconds{2'000})) {
    const bool is_to_the_end = stretch.last_frame > 100;
    found.emplace_back(20 * stretch.frame_before, is_to_the_end ? -1 : 20 * stretch.last_frame);
  }
  EXPECT_EQ(found, GetParam().stretches);
}

INSTANTIATE_TEST_SUITE_P(
    Cuts, FastStretchTest,
    ::testing::Values(StretchCase{"None", {}, {}}, StretchCase{"OneCut", {1'000}, {}},
                      StretchCase{"HalfASecondApart", {700, 1'200}, {}},
                      StretchCase{"Near", {700, 1'100}, {{600, 1'100}}},
                      StretchCase{"Many", {600, 700, 900, 1'200}, {{500, 1'200}}},
                      StretchCase{"FromTheBeginning", {300, 600}, {{0, 600}}},
                      StretchCase{"ToTheEnd", {1'300, 1'600}, {{1'200, -1}}},
                      StretchCase{"TheFirstSampleBeginsNoStretch", {0, 300}, {}},
                      StretchCase{"OfAFlash", {900, 1'000}, {{800, 1'000}}}),
    [](const auto& each) { return each.param.name; });

TEST(FastStretchFramesTest, AreAllOrFifteenMillisecondsApart) {
  media::PacketIndex index;
  for (int i = 0; i < 200; ++i) index.packets.push_back({.pts = milliseconds{5 * i}});
  index.end = milliseconds{1'000};
  const FastStretch stretch{.frame_before = 10, .last_frame = 20, .until = milliseconds{1'000}};
  EXPECT_EQ(FramesOf(stretch, index), (std::vector<std::int64_t>{13, 16, 19, 20}));
  for (int i = 0; i < 200; ++i) index.packets[static_cast<std::size_t>(i)].pts *= 8;
  EXPECT_EQ(FramesOf(stretch, index).size(), 10U);
}

TEST(FastStretchFramesTest, WhatWasSeenCloselyTakesThePlaceOfItsSamples) {
  artifacts::DetectSegment segment = Sampled({});
  for (const std::int64_t frame : {0, 5, 10, 50}) segment.detections.push_back({.frame_id = frame});
  artifacts::DetectSegment closer;
  for (std::int64_t frame = 6; frame <= 10; ++frame) closer.frames.push_back({.frame_id = frame});
  closer.detections = {{.frame_id = 7}, {.frame_id = 8}};
  ReplaceFrames({.frame_before = 5, .last_frame = 10, .until = {}}, closer, segment);
  std::vector<std::int64_t> frames;
  for (std::size_t i = 0; i < 9; ++i) frames.push_back(segment.frames[i].frame_id);
  EXPECT_EQ(frames, (std::vector<std::int64_t>{0, 5, 6, 7, 8, 9, 10, 15, 20}));
  std::vector<std::int64_t> faces;
  for (const auto& face : segment.detections) faces.push_back(face.frame_id);
  EXPECT_EQ(faces, (std::vector<std::int64_t>{0, 5, 7, 8, 50}));
}

// A picture that changes every four frames, through every border of a segment.
class SegmentAloneTest : public testing::ShortEpisode {
 protected:
  SegmentAloneTest() {
    EXPECT_TRUE(media::testing::RunFfmpeg(
        "-f lavfi -i color=red:s=192x128:r=25:d=4 -f lavfi -i testsrc2=s=192x128:r=25:d=4 "
        "-filter_complex \"[0][1]overlay=enable='mod(floor(n/4),2)'\" -c:v libx264 -g 25 "
        "-pix_fmt yuv420p " +
        video_.string()));
  }
};

TEST_F(SegmentAloneTest, IsThatOfTheWholeRunWithAnyNumberOfThreads) {
  ExtractStage extract;
  Pass(extract, "extract");
  DetectStage detect = MakeDetect();
  FakeContext whole(Assignment("detect"));
  ASSERT_TRUE(detect.Run(whole).ok());
  ASSERT_EQ(whole.committed.size(), static_cast<std::size_t>(kSegments));
  const std::string bytes = base::ReadFile(folder_.path() / whole.committed[1].path).value();
  EXPECT_GT(artifacts::DecodeDetectSegment(bytes)->frames.size(), 20U)
      << "it was looked at closely";
  for (const int threads : {1, 4}) {
    for (std::size_t before = 0; before < whole.committed.size(); ++before) {
      SCOPED_TRACE(std::to_string(threads) + " threads, from segment " + std::to_string(before));
      domain::StageAssignment assignment = Assignment("detect");
      assignment.segments.assign(whole.committed.begin(),
                                 whole.committed.begin() + static_cast<std::ptrdiff_t>(before));
      FakeContext context(std::move(assignment));
      DetectStage again = MakeDetect(PackFolder(), threads);
      ASSERT_TRUE(again.Run(context).ok());
      ASSERT_EQ(context.committed.size(), whole.committed.size() - before);
      for (std::size_t i = 0; i < context.committed.size(); ++i) {
        EXPECT_EQ(context.committed[i].sha256, whole.committed[before + i].sha256) << i;
      }
    }
  }
}

}  // namespace
}  // namespace rollcall::pipeline
