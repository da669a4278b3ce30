#include "pipeline/shot_detector.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

// A grey picture, `white_blocks` of whose 4×3 blocks are white.
struct Shade {
  int grey = 0;
  int white_blocks = 0;
};

class ShadedPicture final : public domain::Picture {
 public:
  explicit ShadedPicture(Shade shade) : shade_(shade) {}

  int width() const override { return 640; }
  int height() const override { return 360; }
  base::Result<domain::Image> Render(const domain::PixelBox& /*region*/,
                                     RenderTarget target) const override {
    domain::Image image{
        .width = target.width, .height = target.height, .format = target.format, .pixels = {}};
    for (int y = 0; y < target.height; ++y) {
      for (int x = 0; x < target.width; ++x) {
        const int block = y * 3 / target.height * 4 + x * 4 / target.width;
        const int value = block < shade_.white_blocks ? 255 : shade_.grey;
        image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(value));
      }
    }
    return image;
  }

 private:
  Shade shade_;
};

class BrokenPicture final : public domain::Picture {
 public:
  int width() const override { return 640; }
  int height() const override { return 360; }
  base::Result<domain::Image> Render(const domain::PixelBox&, RenderTarget) const override {
    return domain::MakeError(domain::reason::kInternal, "no picture");
  }
};

// Greys from 80 on share one pair of neighbouring bins of 32 greys each: a step of 2 moves a
// sixteenth of every block from one bin to the next, and that is its score.
constexpr int kGrey = 80;
std::vector<Shade> Fade(int samples, int step) {
  std::vector<Shade> shades;
  for (int i = 0; i < samples; ++i) shades.push_back({.grey = kGrey + i * step});
  return shades;
}

std::vector<Shade> Then(std::vector<Shade> before, const std::vector<Shade>& after) {
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

struct ShotCase {
  std::string name;
  std::vector<Shade> shades;
  std::vector<std::size_t> cuts;  // The samples that begin a shot; never the first.
};

class ShotTableTest : public ::testing::TestWithParam<ShotCase> {};

TEST_P(ShotTableTest, CutsWhereAShotBegins) {
  ShotDetector detector;
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i < GetParam().shades.size(); ++i) {
    if (detector.Next(ShadedPicture(GetParam().shades[i])).value().is_cut) cuts.push_back(i);
  }
  EXPECT_EQ(cuts, GetParam().cuts);
}

INSTANTIATE_TEST_SUITE_P(
    Shots, ShotTableTest,
    ::testing::Values(
        ShotCase{"NoPicture", {}, {}}, ShotCase{"TheFirstPicture", {{.grey = 255}}, {}},
        ShotCase{"TheSamePicture", {{.grey = 9}, {.grey = 9}, {.grey = 9}}, {}},
        ShotCase{"BlackToWhite", {{.grey = 0}, {.grey = 255}, {.grey = 255}}, {1}},
        ShotCase{"ThereAndBack", {{.grey = 0}, {.grey = 255}, {.grey = 0}}, {1, 2}},
        // A score of 1/12, below 0.12, and of 2/12.
        ShotCase{"OneOfTwelveBlocks", {{.grey = 0}, {.grey = 0, .white_blocks = 1}}, {}},
        ShotCase{"TwoOfTwelveBlocks", {{.grey = 0}, {.grey = 0, .white_blocks = 2}}, {1}},
        ShotCase{"ASlowFade", Fade(15, 2), {}},
        // 1/8 is a cut from rest, but less than three times the 1/16 of the samples before …
        ShotCase{"AStepFromRest", {{.grey = kGrey}, {.grey = kGrey}, {.grey = kGrey + 4}}, {2}},
        ShotCase{"AStepWithinMotion", Then(Fade(6, 2), {{.grey = kGrey + 14}}), {}},
        // … and 1/4 is more.
        ShotCase{"ALeapWithinMotion", Then(Fade(6, 2), {{.grey = kGrey + 18}}), {6}},
        // Motion counts for five samples.
        ShotCase{"AStepLongAfterMotion",
                 Then(Then(Fade(6, 2), std::vector<Shade>(5, {.grey = kGrey + 10})),
                      {{.grey = kGrey + 14}}),
                 {11}},
        ShotCase{"AStepSoonAfterMotion",
                 Then(Then(Fade(6, 2), {{.grey = kGrey + 10}}), {{.grey = kGrey + 14}}),
                 {}},
        // A shot's motion is its own.
        ShotCase{"AStepBehindACut",
                 Then(Fade(6, 2), {{.grey = 255}, {.grey = kGrey}, {.grey = kGrey + 4}}),
                 {6, 7, 8}}),
    [](const auto& row) { return row.param.name; });

struct ScoreCase {
  Shade before;
  Shade after;
  float score;
};

class ShotScoreTest : public ::testing::TestWithParam<ScoreCase> {};

TEST_P(ShotScoreTest, IsTheShareOfThePictureThatChanged) {
  ShotDetector detector;
  EXPECT_EQ(detector.Next(ShadedPicture(GetParam().before)).value().score, 0);
  EXPECT_NEAR(detector.Next(ShadedPicture(GetParam().after)).value().score, GetParam().score,
              1e-3F);
}

INSTANTIATE_TEST_SUITE_P(
    Scores, ShotScoreTest,
    ::testing::Values(ScoreCase{{.grey = 0}, {.grey = 0}, 0},
                      ScoreCase{{.grey = 0}, {.grey = 255}, 1},
                      ScoreCase{{.grey = 255}, {.grey = 0}, 1},
                      ScoreCase{{.grey = 0}, {.grey = 0, .white_blocks = 6}, 0.5F},
                      ScoreCase{{.grey = 0}, {.grey = 0, .white_blocks = 1}, 1 / 12.0F},
                      ScoreCase{{.grey = kGrey}, {.grey = kGrey + 2}, 1 / 16.0F},
                      ScoreCase{{.grey = kGrey}, {.grey = kGrey + 4}, 1 / 8.0F}));

TEST(ShotDetectorTest, ForgottenMotionHidesNoCut) {
  ShotDetector detector;
  for (const Shade& shade : Fade(6, 2)) ASSERT_TRUE(detector.Next(ShadedPicture(shade)).ok());
  detector.ForgetMotion();
  EXPECT_TRUE(detector.Next(ShadedPicture({.grey = kGrey + 14})).value().is_cut);
}

TEST(ShotDetectorTest, ForgettingMotionKeepsTheLastPicture) {
  ShotDetector detector;
  ASSERT_TRUE(detector.Next(ShadedPicture({.grey = 0})).ok());
  detector.ForgetMotion();
  EXPECT_TRUE(detector.Next(ShadedPicture({.grey = 255})).value().is_cut);
}

TEST(ShotDetectorTest, APictureThatCannotBeRenderedIsAnError) {
  ShotDetector detector;
  EXPECT_EQ(detector.Next(BrokenPicture()).error().message, "no picture");
}

}  // namespace
}  // namespace rollcall::pipeline
