#include "vision/suppression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace rollcall::vision {
namespace {

FaceCandidate Face(float x, float y, float side, float score) {
  return {.box = {x, y, x + side, y + side}, .score = score, .landmarks = std::nullopt};
}

std::vector<float> Scores(const std::vector<FaceCandidate>& faces) {
  std::vector<float> scores;
  for (const FaceCandidate& face : faces) scores.push_back(face.score);
  return scores;
}

TEST(SuppressionTest, KeepsTheBestOfOverlappingBoxes) {
  const auto kept = Suppress({Face(0, 0, 100, 0.7F), Face(10, 0, 100, 0.9F)}, {.iou = 0.4F});
  EXPECT_THAT(Scores(kept), testing::ElementsAre(0.9F));
}

TEST(SuppressionTest, KeepsNeighboursApart) {
  const auto kept = Suppress({Face(0, 0, 100, 0.7F), Face(90, 0, 100, 0.9F)}, {.iou = 0.4F});
  EXPECT_THAT(Scores(kept), testing::ElementsAre(0.9F, 0.7F));
}

TEST(SuppressionTest, DropsBoxInsideAnotherWhenAsked) {
  const std::vector<FaceCandidate> faces{Face(0, 0, 100, 0.9F), Face(30, 30, 40, 0.8F)};
  EXPECT_EQ(Suppress(faces, {.iou = 0.4F}).size(), 2U);
  EXPECT_EQ(Suppress(faces, {.iou = 0.4F, .overlap = 0.65F}).size(), 1U);
}

TEST(SuppressionTest, DoesNotDependOnTheOrderOfTheInput) {
  std::vector<FaceCandidate> faces{Face(0, 0, 100, 0.8F), Face(30, 0, 100, 0.8F),
                                   Face(60, 0, 100, 0.8F), Face(300, 0, 50, 0.8F)};
  const auto expected = Suppress(faces, {.iou = 0.4F});
  std::ranges::reverse(faces);
  const auto reversed = Suppress(faces, {.iou = 0.4F});
  ASSERT_EQ(expected.size(), reversed.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(expected[i].box.x1, reversed[i].box.x1);
  }
}

}  // namespace
}  // namespace rollcall::vision
