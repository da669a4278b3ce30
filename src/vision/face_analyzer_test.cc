#include "vision/face_analyzer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "vision/face_alignment.h"

namespace rollcall::vision {
namespace {

constexpr float kTrusted = 0.5F;

// The template in the middle of a box as a detector would draw it.
constexpr domain::PixelBox kBox{16, 2, 96, 112};

struct PointsCase {
  const char* name;
  std::size_t point;  // Of the template, moved by (x, y).
  float x;
  float y;
};

domain::Landmarks5 Moved(const PointsCase& by) {
  domain::Landmarks5 points = ArcfaceTemplate();
  points[by.point].x += by.x;
  points[by.point].y += by.y;
  return points;
}

class PlausiblePointsTest : public testing::TestWithParam<PointsCase> {};
TEST_P(PlausiblePointsTest, AreTrusted) {
  EXPECT_GE(LandmarkPlausibility(Moved(GetParam()), kBox), kTrusted);
}
INSTANTIATE_TEST_SUITE_P(Faces, PlausiblePointsTest,
                         testing::Values(PointsCase{"Template", 0, 0, 0},
                                         PointsCase{"NoseAside", 2, 12, 0},
                                         PointsCase{"EyeHigher", 1, 0, -4},
                                         PointsCase{"MouthOpen", 3, -2, 4}),
                         [](const auto& each) { return std::string(each.param.name); });

class ImplausiblePointsTest : public testing::TestWithParam<PointsCase> {};
TEST_P(ImplausiblePointsTest, AreNot) {
  EXPECT_LT(LandmarkPlausibility(Moved(GetParam()), kBox), kTrusted);
}
INSTANTIATE_TEST_SUITE_P(Others, ImplausiblePointsTest,
                         testing::Values(PointsCase{"NoseAboveEyes", 2, 0, -25},
                                         PointsCase{"NoseBelowMouth", 2, 0, 35},
                                         PointsCase{"NoseFarAside", 2, 45, 0},
                                         PointsCase{"MouthCornersCrossed", 3, 40, 0},
                                         PointsCase{"MouthSlanted", 3, 0, 15},
                                         PointsCase{"EyesTogether", 0, 32, 0}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(LandmarkPlausibilityTest, TurnsWithTheHeadOnlySoFar) {
  const auto turned = [](double degrees) {
    const double angle = degrees / 180 * M_PI;
    const Similarity turn{.a = std::cos(angle), .b = std::sin(angle)};
    domain::Landmarks5 points = ArcfaceTemplate();
    for (domain::PixelPoint& point : points) {
      point = turn.Apply({point.x - 56, point.y - 67});
      point = {point.x + 56, point.y + 63};
    }
    return LandmarkPlausibility(points, {11, 7, 101, 107});
  };
  EXPECT_GE(turned(0), kTrusted);
  EXPECT_GE(turned(25), kTrusted);
  EXPECT_GE(turned(-25), kTrusted);
  EXPECT_LT(turned(90), kTrusted);
  EXPECT_LT(turned(180), kTrusted);
}

TEST(LandmarkPlausibilityTest, WantsThePointsInTheMiddleOfTheBox) {
  const domain::Landmarks5& points = ArcfaceTemplate();
  EXPECT_LT(LandmarkPlausibility(points, {60, 2, 140, 112}), kTrusted);
  EXPECT_LT(LandmarkPlausibility(points, {16, 40, 96, 150}), kTrusted);
  EXPECT_LT(LandmarkPlausibility(points, {-144, -218, 256, 332}), kTrusted);
}

TEST(LandmarkPlausibilityTest, GivesZeroForNothing) {
  domain::Landmarks5 together;
  together.fill({5, 5});
  EXPECT_EQ(LandmarkPlausibility(together, kBox), 0);
  EXPECT_EQ(LandmarkPlausibility(ArcfaceTemplate(), {}), 0);
}

TEST(PointStabilityTest, FallsAsPointsMove) {
  const auto moved_by = [](float x) {
    domain::Landmarks5 second = ArcfaceTemplate();
    for (domain::PixelPoint& point : second) point.x += x;
    return PointStability(ArcfaceTemplate(), second, {0, 0, 80, 100});
  };
  EXPECT_EQ(moved_by(0), 1);
  EXPECT_GT(moved_by(2), 0.85F);
  EXPECT_NEAR(moved_by(6), 0.5F, 1e-4);
  EXPECT_LT(moved_by(20), 0.1F);
}

TEST(FrontalityTest, FallsAsTheNoseTurnsAside) {
  EXPECT_GT(Frontality(ArcfaceTemplate()), 0.95F);
  EXPECT_LT(Frontality(Moved({"", 2, 15, 0})), 0.6F);
  EXPECT_EQ(Frontality(Moved({"", 2, 40, 0})), 0);
}

TEST(SharpnessTest, FallsAsThePictureBlurs) {
  const auto checks = [](int side) {
    domain::Image image{.width = 112, .height = 112, .pixels = {}};
    for (int y = 0; y < 112; ++y) {
      for (int x = 0; x < 112; ++x) {
        image.pixels.insert(image.pixels.end(), 3, (x / side + y / side) % 2 == 0 ? 60 : 160);
      }
    }
    return Sharpness(image);
  };
  EXPECT_GT(checks(2), checks(8));
  EXPECT_GT(checks(8), checks(56));
  EXPECT_EQ(checks(112), 0);
}

TEST(FaceQualityTest, IsBestForALargeSharpFrontalFace) {
  const QualityEvidence best{
      .face_px = 200, .sharpness = 1, .frontality = 1, .raw_norm = 4, .raw_norm_typical = 3.7F};
  EXPECT_FLOAT_EQ(FaceQuality(best), 1);
  for (const auto member : {&QualityEvidence::face_px, &QualityEvidence::sharpness,
                            &QualityEvidence::frontality, &QualityEvidence::raw_norm}) {
    QualityEvidence worse = best;
    worse.*member *= 0.25F;
    EXPECT_LT(FaceQuality(worse), 0.9F);
    worse.*member = 0;
    EXPECT_EQ(FaceQuality(worse), 0);
  }
}

}  // namespace
}  // namespace rollcall::vision
