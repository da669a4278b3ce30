#include "vision/face_alignment.h"

#include <gtest/gtest.h>

#include <cmath>

#include "vision/face_analyzer.h"
#include "vision/testing/image_picture.h"

namespace rollcall::vision {
namespace {

domain::Landmarks5 Transformed(const Similarity& by) {
  domain::Landmarks5 points = ArcfaceTemplate();
  for (domain::PixelPoint& point : points) point = by.Apply(point);
  return points;
}

Similarity Turn(double degrees, double scale, double tx, double ty) {
  const double angle = degrees / 180 * M_PI;
  return {.a = scale * std::cos(angle), .b = scale * std::sin(angle), .tx = tx, .ty = ty};
}

// A picture whose pixels say where they are: red grows with x, green with y.
domain::Image Ramp(int width, int height) {
  domain::Image image{.width = width, .height = height, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<std::uint8_t>(255 * x / width));
      image.pixels.push_back(static_cast<std::uint8_t>(255 * y / height));
      image.pixels.push_back(0);
    }
  }
  return image;
}

TEST(SimilarityTest, RecoversTurnScaleAndShift) {
  for (const double degrees : {-170.0, -45.0, 0.0, 30.0, 90.0}) {
    for (const double scale : {0.2, 1.0, 7.0}) {
      const Similarity truth = Turn(degrees, scale, 120, -40);
      const Similarity fit = FitSimilarity(ArcfaceTemplate(), Transformed(truth));
      EXPECT_NEAR(fit.a, truth.a, 1e-4 * scale);
      EXPECT_NEAR(fit.b, truth.b, 1e-4 * scale);
      EXPECT_NEAR(fit.tx, 120, 0.01);
      EXPECT_NEAR(fit.ty, -40, 0.01);
    }
  }
}

TEST(SimilarityTest, DoesNotMirror) {
  domain::Landmarks5 mirrored = ArcfaceTemplate();
  for (domain::PixelPoint& point : mirrored) point.x = -point.x;
  const Similarity fit = FitSimilarity(mirrored, ArcfaceTemplate());
  // A similarity without reflection cannot make up for the mirror: the eyes stay exchanged.
  EXPECT_GT(fit.Apply(mirrored[0]).x, fit.Apply(mirrored[1]).x);
}

TEST(SimilarityTest, InverseUndoes) {
  const Similarity turn = Turn(33, 2.5, 10, 20);
  const domain::PixelPoint back = turn.ApplyInverse(turn.Apply({7, 9}));
  EXPECT_NEAR(back.x, 7, 1e-4);
  EXPECT_NEAR(back.y, 9, 1e-4);
}

struct AlignCase {
  const char* name;
  double degrees;
  double scale;  // Of the face in the picture against the template.
};
class AlignFaceTest : public testing::TestWithParam<AlignCase> {};

// The template's eyes must show what the picture has at its eyes, whatever turn and size.
TEST_P(AlignFaceTest, BringsThePointsToTheTemplate) {
  const AlignCase& each = GetParam();
  const int side = 1000;
  const ImagePicture picture(Ramp(side, side));
  domain::Landmarks5 points = Transformed(Turn(each.degrees, each.scale, 0, 0));
  domain::PixelPoint centre;
  for (const domain::PixelPoint& point : points) {
    centre.x += point.x / 5;
    centre.y += point.y / 5;
  }
  for (domain::PixelPoint& point : points) {
    point.x += 500 - centre.x;
    point.y += 500 - centre.y;
  }
  const auto aligned = AlignFace(picture, points);
  ASSERT_TRUE(aligned.ok()) << aligned.error().ToString();
  ASSERT_EQ(aligned->width, kTemplateSide);
  ASSERT_EQ(aligned->height, kTemplateSide);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const int column = static_cast<int>(std::lround(ArcfaceTemplate()[i].x));
    const int row = static_cast<int>(std::lround(ArcfaceTemplate()[i].y));
    const std::size_t at = static_cast<std::size_t>(row * kTemplateSide + column) * 3;
    const double tolerance = 1.5 + 255.0 / side * each.scale;  // One pixel of the template.
    EXPECT_NEAR(aligned->pixels[at], 255 * points[i].x / side, tolerance);
    EXPECT_NEAR(aligned->pixels[at + 1], 255 * points[i].y / side, tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Faces, AlignFaceTest,
                         testing::Values(AlignCase{"Small", 0, 0.3}, AlignCase{"Same", 0, 1},
                                         AlignCase{"Large", 0, 6}, AlignCase{"Turned", 40, 1.7},
                                         AlignCase{"TurnedFar", -100, 0.8}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(AlignFaceEdgeTest, DoesNotAliasAFineTextureOnALargeFace) {
  // One-pixel checks: sampled without averaging they would flicker between 0 and 255.
  domain::Image checks{.width = 1200, .height = 1200, .pixels = {}};
  for (int y = 0; y < 1200; ++y) {
    for (int x = 0; x < 1200; ++x) {
      checks.pixels.insert(checks.pixels.end(), 3, (x + y) % 2 == 0 ? 0 : 255);
    }
  }
  const ImagePicture picture(std::move(checks));
  const auto aligned = AlignFace(picture, Transformed(Turn(10, 8.3, 150, 100)));
  ASSERT_TRUE(aligned.ok());
  for (int row = 30; row < 80; ++row) {
    for (int column = 30; column < 80; ++column) {
      const std::size_t at = static_cast<std::size_t>(row * kTemplateSide + column) * 3;
      ASSERT_NEAR(aligned->pixels[at], 127, 12);
    }
  }
}

TEST(AlignFaceEdgeTest, ShowsBlackBeyondThePicture) {
  const ImagePicture picture(Ramp(200, 200));
  domain::Landmarks5 points = ArcfaceTemplate();
  for (domain::PixelPoint& point : points) point.x -= 60;
  const auto aligned = AlignFace(picture, points);
  ASSERT_TRUE(aligned.ok());
  EXPECT_EQ(aligned->pixels[std::size_t{50} * kTemplateSide * 3 + 1], 0);
}

TEST(AlignFaceEdgeTest, RefusesPointsThatFallTogether) {
  const ImagePicture picture(Ramp(200, 200));
  domain::Landmarks5 points;
  points.fill({50, 50});
  const auto aligned = AlignFace(picture, points);
  ASSERT_FALSE(aligned.ok());
  EXPECT_EQ(aligned.error().reason, "ERR_BAD_PARAMS");
}

}  // namespace
}  // namespace rollcall::vision
