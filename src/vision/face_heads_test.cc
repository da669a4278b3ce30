// Post-processing of landmarks, embedder and expression, without their networks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "vision/arcface_embedder.h"
#include "vision/pts68_landmarker.h"
#include "vision/softmax_expression.h"

namespace rollcall::vision {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

TEST(ProbabilitiesTest, TurnsLogitsIntoASumOfOne) {
  const auto scores = Probabilities(std::vector<float>{1000, 1000, -1000}, true);
  EXPECT_THAT(scores, ElementsAre(FloatNear(0.5F, 1e-6F), FloatNear(0.5F, 1e-6F), 0));
}

TEST(ProbabilitiesTest, ScalesWhatIsAlreadyProbable) {
  const auto scores = Probabilities(std::vector<float>{0.2F, 0.2F}, false);
  EXPECT_THAT(scores, ElementsAre(FloatNear(0.5F, 1e-6F), FloatNear(0.5F, 1e-6F)));
}

TEST(SoftmaxCropTest, IsASquareAroundTheFace) {
  SoftmaxPlan plan;
  plan.crop_scale = 1.2F;
  plan.crop_shift_y = 0.1F;
  const domain::PixelBox crop = SoftmaxCrop({100, 100, 150, 200}, plan);
  EXPECT_FLOAT_EQ(crop.width(), 120);
  EXPECT_FLOAT_EQ(crop.height(), 120);
  EXPECT_FLOAT_EQ(crop.centre().x, 125);
  EXPECT_FLOAT_EQ(crop.centre().y, 160);
}

TEST(NormaliseVectorTest, KeepsDirectionAndTellsTheNorm) {
  const FaceVector vector = NormaliseVector(std::vector<float>{3, 4});
  EXPECT_THAT(vector.embedding, ElementsAre(FloatNear(0.6F, 1e-6F), FloatNear(0.8F, 1e-6F)));
  EXPECT_FLOAT_EQ(vector.raw_norm, 5);
}

TEST(NormaliseVectorTest, LeavesZerosAlone) {
  const FaceVector vector = NormaliseVector(std::vector<float>{0, 0});
  EXPECT_THAT(vector.embedding, ElementsAre(0, 0));
  EXPECT_EQ(vector.raw_norm, 0);
}

// Every point lies at (index / 100, index / 200) of the crop.
std::vector<float> Points68() {
  std::vector<float> values;
  for (int i = 0; i < 68; ++i) {
    values.push_back(static_cast<float>(i) / 100);
    values.push_back(static_cast<float>(i) / 200);
  }
  return values;
}

TEST(Pts68DecodeTest, TakesEyesNoseAndMouthCorners) {
  const std::vector<float> values = Points68();
  const runtime::TensorView output{.name = "o", .shape = {1, 136}, .values = values};
  const auto points = DecodePts68(output, {100, 200, 200, 400});
  ASSERT_TRUE(points.ok());
  const std::array<float, 5> index{38.5F, 44.5F, 30, 48, 54};  // Eyes: 36–41 and 42–47.
  for (std::size_t i = 0; i < index.size(); ++i) {
    EXPECT_NEAR((*points)[i].x, 100 + index[i], 1e-3);
    EXPECT_NEAR((*points)[i].y, 200 + index[i], 1e-3);
  }
}

TEST(Pts68DecodeTest, RefusesAnotherNumberOfPoints) {
  const std::vector<float> values(10);
  const runtime::TensorView output{.name = "o", .shape = {1, 10}, .values = values};
  const auto points = DecodePts68(output, {0, 0, 1, 1});
  ASSERT_FALSE(points.ok());
  EXPECT_EQ(points.error().reason, "ERR_MODEL_ALTERED");
}

TEST(Pts68CropTest, HangsOnTheHeightOfTheBox) {
  const Pts68Plan plan{.crop_scale = 1, .crop_shift_y = 0.05F};
  const domain::PixelBox crop = Pts68Crop({100, 100, 150, 200}, plan);
  EXPECT_FLOAT_EQ(crop.width(), 100);
  EXPECT_FLOAT_EQ(crop.centre().x, 125);
  EXPECT_FLOAT_EQ(crop.centre().y, 155);
}

TEST(Pts68CropTest, IsPlacedAgainByEyesAndMouth) {
  const Pts68Plan plan{.refine_scale = 3, .refine_shift_y = 0.1F};
  const domain::PixelBox crop =
      Pts68RefinedCrop({{{0, 0}, {20, 0}, {10, 10}, {0, 20}, {20, 20}}}, plan);
  EXPECT_FLOAT_EQ(crop.width(), 60);
  EXPECT_FLOAT_EQ(crop.centre().x, 10);
  EXPECT_FLOAT_EQ(crop.centre().y, 12);
}

}  // namespace
}  // namespace rollcall::vision
