#include "pipeline/close_look.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/file.h"
#include "pipeline/testing/short_episode.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::FakeContext;

constexpr domain::PixelBox kFace{100, 100, 200, 220};
constexpr domain::PixelBox kOtherFace{400, 100, 500, 220};

// 25 frames a second, ten samples a second up to 2 s, cuts before the samples named; somebody is
// always there.
artifacts::DetectSegment Sampled(const std::vector<std::int64_t>& cuts_ms) {
  artifacts::DetectSegment segment;
  for (std::int64_t ms = 0; ms < 2'000; ms += 100) {
    segment.frames.push_back({.frame_id = ms / 20,
                              .pts = milliseconds{ms},
                              .until = milliseconds{ms + 40},
                              .is_cut = std::ranges::count(cuts_ms, ms) > 0});
    segment.detections.push_back({.frame_id = ms / 20, .box = kFace});
  }
  return segment;
}

// Frames before and last, in milliseconds; -1: to the segment's end.
struct LookCase {
  std::string name;
  std::vector<std::int64_t> cuts_ms;
  std::vector<std::pair<std::int64_t, std::int64_t>> looks;
};

class FastCutsLookTest : public ::testing::TestWithParam<LookCase> {};

TEST_P(FastCutsLookTest, IsWhereTwoCutsAreNear) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (const CloseLook& look : FindFastCuts(Sampled(GetParam().cuts_ms), milliseconds{2'000})) {
    const bool is_to_the_end = look.last_frame > 100;
    found.emplace_back(20 * look.frame_before, is_to_the_end ? -1 : 20 * look.last_frame);
  }
  EXPECT_EQ(found, GetParam().looks);
}

INSTANTIATE_TEST_SUITE_P(Cuts, FastCutsLookTest,
                         ::testing::Values(LookCase{"None", {}, {}},
                                           LookCase{"OneCut", {1'000}, {}},
                                           LookCase{"HalfASecondApart", {700, 1'200}, {}},
                                           LookCase{"Near", {700, 1'100}, {{600, 1'100}}},
                                           LookCase{"Many", {600, 700, 900, 1'200}, {{500, 1'200}}},
                                           LookCase{"FromTheBeginning", {300, 600}, {{0, 600}}},
                                           LookCase{"ToTheEnd", {1'300, 1'600}, {{1'200, -1}}},
                                           LookCase{"TheFirstSampleBeginsNoLook", {0, 300}, {}},
                                           LookCase{"OfAFlash", {900, 1'000}, {{800, 1'000}}}),
                         [](const auto& each) { return each.param.name; });

void SetScores(std::size_t first, const std::vector<float>& scores,
               artifacts::DetectSegment& segment) {
  for (std::size_t i = 0; i < scores.size(); ++i) {
    segment.frames.at(first + i).cut_score = scores[i];
  }
}

TEST(CloseLookTest, IsNotWhereMotionBehindACutLooksLikeAnother) {
  artifacts::DetectSegment segment = Sampled({700, 900});
  SetScores(7, {0.8F, 0.07F, 0.17F, 0.07F, 0.07F, 0.07F, 0.07F, 0.07F}, segment);
  EXPECT_THAT(FindFastCuts(segment, milliseconds{2'000}), ::testing::IsEmpty());
  SetScores(9, {0.22F}, segment);
  EXPECT_THAT(FindFastCuts(segment, milliseconds{2'000}), ::testing::SizeIs(1));
}

// Of a short shot in motion: the few samples in it tell nothing.
TEST(CloseLookTest, IsWhereAShortShotMoves) {
  artifacts::DetectSegment segment = Sampled({700, 900});
  SetScores(7, {0.3F, 0.11F, 0.4F, 0.01F, 0.01F, 0.01F, 0.01F, 0.01F}, segment);
  EXPECT_THAT(FindFastCuts(segment, milliseconds{2'000}), ::testing::SizeIs(1));
  segment = Sampled({700, 900, 1'200});
  SetScores(7, {0.8F, 0.1F, 0.25F, 0.1F, 0.1F, 0.5F}, segment);
  EXPECT_THAT(FindFastCuts(segment, milliseconds{2'000}), ::testing::SizeIs(1));
}

// Two cuts alone, before the samples at 0.9 and 1.1 s.
struct BlinkCase {
  std::string name;
  std::vector<domain::PixelBox> earlier;
  std::vector<domain::PixelBox> before;
  std::vector<domain::PixelBox> between;
  std::vector<domain::PixelBox> behind;
  std::vector<std::int64_t> more_cuts_ms;
  bool is_looked_at;
};

class BlinkTest : public ::testing::TestWithParam<BlinkCase> {};

TEST_P(BlinkTest, IsLookedAtWhereSomebodyMayBeInIt) {
  std::vector<std::int64_t> cuts = GetParam().more_cuts_ms;
  cuts.insert(cuts.end(), {900, 1'100});
  artifacts::DetectSegment segment = Sampled(cuts);
  segment.detections.clear();
  const auto add = [&](std::int64_t ms, const std::vector<domain::PixelBox>& boxes) {
    for (const auto& box : boxes) segment.detections.push_back({.frame_id = ms / 20, .box = box});
  };
  add(200, GetParam().earlier);
  add(800, GetParam().before);
  add(1'000, GetParam().between);
  add(1'100, GetParam().behind);
  EXPECT_EQ(!FindFastCuts(segment, milliseconds{2'000}).empty(), GetParam().is_looked_at);
}

INSTANTIATE_TEST_SUITE_P(
    Faces, BlinkTest,
    ::testing::Values(BlinkCase{"Nobody", {}, {}, {}, {}, {}, false},
                      BlinkCase{"SomebodyBefore", {}, {kFace}, {}, {}, {}, false},
                      BlinkCase{"SomebodyBehind", {}, {}, {}, {kFace}, {}, false},
                      BlinkCase{"InOtherPlaces", {}, {kFace}, {}, {kOtherFace}, {}, false},
                      BlinkCase{"AFlashOverAFace", {}, {kFace}, {}, {kOtherFace, kFace}, {}, true},
                      BlinkCase{"AFlashOverASmallFace", {kFace}, {}, {}, {kFace}, {}, true},
                      BlinkCase{"SomebodyBetween", {}, {}, {kFace}, {}, {}, true},
                      BlinkCase{"OfMany", {}, {}, {}, {}, {600}, true},
                      BlinkCase{"OfManyBehind", {}, {}, {}, {}, {1'400}, true}),
    [](const auto& each) { return each.param.name; });

TEST(CloseLookTest, IsAlwaysNearABorder) {
  for (const auto& cuts : {std::vector<std::int64_t>{100, 300}, {1'700, 1'900}}) {
    artifacts::DetectSegment segment = Sampled(cuts);
    segment.detections.clear();
    EXPECT_THAT(FindFastCuts(segment, milliseconds{2'000}), ::testing::SizeIs(1));
  }
}

TEST(CloseLookTest, IsNotWhereEveryFrameBetweenTwoCutsWasSeen) {
  artifacts::DetectSegment segment = Sampled({900, 1'000});
  segment.frames.at(10).frame_id = segment.frames.at(9).frame_id + 1;
  EXPECT_THAT(FindFastCuts(segment, milliseconds{2'000}), ::testing::IsEmpty());
  segment.frames.at(10).frame_id += 1;
  EXPECT_THAT(FindFastCuts(segment, milliseconds{2'000}), ::testing::SizeIs(1));
}

TEST(CloseLookFramesTest, AreAllOrFifteenMillisecondsApart) {
  media::PacketIndex index;
  for (int i = 0; i < 200; ++i) index.packets.push_back({.pts = milliseconds{5 * i}});
  index.end = milliseconds{1'000};
  const CloseLook look{.frame_before = 10, .last_frame = 20, .until = milliseconds{1'000}};
  EXPECT_EQ(FramesOf(look, index), (std::vector<std::int64_t>{13, 16, 19, 20}));
  for (int i = 0; i < 200; ++i) index.packets[static_cast<std::size_t>(i)].pts *= 8;
  EXPECT_EQ(FramesOf(look, index).size(), 10U);
}

TEST(CloseLookFramesTest, WhatWasSeenCloselyTakesThePlaceOfItsSamples) {
  artifacts::DetectSegment segment = Sampled({});
  segment.detections.clear();
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

// What is the same is seen without a sanitizer; under one, how the threads go about it.
#ifdef ROLLCALL_SANITIZED
constexpr std::array kThreads{4};
constexpr bool kLastOnly = true;
#else
constexpr std::array kThreads{1, 4};
constexpr bool kLastOnly = false;
#endif

class SegmentAloneTest : public testing::ShortEpisode {
 protected:
  void Make(const std::string& arguments) {
    ASSERT_TRUE(media::testing::RunFfmpeg(arguments + " -c:v libx264 -g 25 -pix_fmt yuv420p " +
                                          video_.string()));
  }

  // Segments from `first` on made again with the ones before them at hand, by one thread and by
  // four.
  // Returns the second one.
  artifacts::DetectSegment ExpectTheSameAlone(domain::MediaTime segment, std::size_t first = 0) {
    ExtractStage extract;
    Pass(extract, "extract");
    DetectStage detect = MakeDetect(PackFolder(), 2, segment);
    FakeContext whole(folder_.path(), Assignment("detect"));
    EXPECT_TRUE(detect.Run(whole).ok());
    EXPECT_GT(whole.committed.size(), 2U);
    const std::size_t begin = kLastOnly ? whole.committed.size() - 1 : first;
    for (const int threads : kThreads) {
      for (std::size_t before = begin; before < whole.committed.size(); ++before) {
        SCOPED_TRACE(std::to_string(threads) + " threads, from segment " + std::to_string(before));
        domain::StageAssignment assignment = Assignment("detect");
        assignment.segments.assign(whole.committed.begin(),
                                   whole.committed.begin() + static_cast<std::ptrdiff_t>(before));
        FakeContext context(folder_.path(), std::move(assignment));
        DetectStage again = MakeDetect(PackFolder(), threads, segment);
        EXPECT_TRUE(again.Run(context).ok());
        EXPECT_EQ(HashesFrom(0, context), HashesFrom(before, whole));
      }
    }
    const std::string bytes = base::ReadFile(folder_.path() / whole.committed.at(1).path).value();
    return artifacts::DecodeDetectSegment(bytes).value();
  }

  static std::vector<std::string> HashesFrom(std::size_t first, const FakeContext& context) {
    std::vector<std::string> hashes;
    for (std::size_t i = first; i < context.committed.size(); ++i) {
      hashes.push_back(context.committed[i].sha256);
    }
    return hashes;
  }
};

// A picture that changes every four frames, through every border of a segment.
TEST_F(SegmentAloneTest, IsThatOfTheWholeRunWithAnyNumberOfThreads) {
  Make(
      "-f lavfi -i color=red:s=192x128:r=25:d=4 -f lavfi -i testsrc2=s=192x128:r=25:d=4 "
      "-filter_complex \"[0][1]overlay=enable='mod(floor(n/4),2)'\"");
  EXPECT_GT(ExpectTheSameAlone(kSegment).frames.size(), 20U) << "every frame was looked at";
}

// Two people who fade into each other in each of three segments, so slowly that there is no cut and
// so fast that there may be.
TEST_F(SegmentAloneTest, IsThatOfTheWholeRunWhereAFaceBecomesAnother) {
  const std::string photos = ROLLCALL_DEPS_DIR "/photos/";
  const std::string scaled =
      "scale=180:-2,pad=240:224:-1:-1,format=yuv420p,loop=loop=-1:size=1,setpts=N/25/TB";
  Make("-i " + photos + "sample3.jpg -i " + photos +
       "sample6.jpg -filter_complex \"[0]crop=600:708:860:40," + scaled +
       "[a];[1]crop=560:660:60:320," + scaled +
       "[b];[a][b]blend=all_expr='st(0,clip(0.9*sin(T*2.0944)+0.5,0,1));A*(1-ld(0))+B*ld(0)'\" -t "
       "9");
  const auto segment = ExpectTheSameAlone(std::chrono::seconds{3}, 1);
  EXPECT_GE(CountFaces(segment.detections).embedded, 8)
      << "three because of the time, the rest for the fade";
}

}  // namespace
}  // namespace rollcall::pipeline
