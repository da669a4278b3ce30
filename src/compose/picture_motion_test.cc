#include "compose/picture_motion.h"

#include <gtest/gtest.h>

namespace rollcall::compose {
namespace {

constexpr PixelSize kSource{.width = 1000, .height = 500};
constexpr PixelSize kFrame{.width = 640, .height = 360};

PictureSpec Portrait() {
  PictureSpec picture;
  picture.people = {{.id = "A", .face = Region{.x = 450, .y = 100, .width = 100, .height = 200}}};
  return picture;
}

TEST(PictureMotionTest, KeepsProportionsWhenPlacedByHeight) {
  PictureSpec picture = Portrait();
  picture.from = picture.to = {.centre_x = 0.5, .centre_y = 0.5, .height = 0.5};
  const auto motion = PictureMotion::Create(picture, kSource, kFrame);
  ASSERT_TRUE(motion.ok());
  const View view = motion->At(0);
  EXPECT_DOUBLE_EQ(view.target.height, 180);
  EXPECT_DOUBLE_EQ(view.target.width, 360);
  EXPECT_FALSE(motion->moves());
}

TEST(PictureMotionTest, MovesLinearlyBetweenItsPlaces) {
  PictureSpec picture = Portrait();
  picture.from = {.centre_x = 0.3, .centre_y = 0.5, .height = 0.4};
  picture.to = {.centre_x = 0.7, .centre_y = 0.5, .height = 0.4};
  const auto motion = PictureMotion::Create(picture, kSource, kFrame);
  ASSERT_TRUE(motion.ok());
  const double start = motion->At(0).target.x;
  const double end = motion->At(1).target.x;
  EXPECT_DOUBLE_EQ(motion->At(0.25).target.x, start + (end - start) / 4);
  EXPECT_TRUE(motion->moves());
}

TEST(PictureMotionTest, TrimsTheCropToTheWindow) {
  PictureSpec picture = Portrait();
  picture.window = Region{.x = 0, .y = 0, .width = 0.5, .height = 1};
  const auto motion = PictureMotion::Create(picture, kSource, kFrame);
  ASSERT_TRUE(motion.ok());
  const View view = motion->At(0);
  EXPECT_NEAR(view.source.width / view.source.height, 320.0 / 360.0, 1e-9);
  EXPECT_NEAR(view.source.x + view.source.width / 2, 500, 1e-9);
}

TEST(PictureMotionTest, TellsWhereTheMarkedFaceIs) {
  PictureSpec picture = Portrait();
  picture.from = picture.to = {.centre_x = 0.5, .centre_y = 0.5, .height = 0.5};
  const auto motion = PictureMotion::Create(picture, kSource, kFrame);
  ASSERT_TRUE(motion.ok());
  const Region face = motion->PlaceOf(picture.people[0], 0);
  EXPECT_NEAR(face.x + face.width / 2, 320, 1e-9);
  EXPECT_NEAR(face.height, 72, 1e-9);
}

TEST(PictureMotionTest, RefusesACropThatLeavesTheSource) {
  PictureSpec picture = Portrait();
  picture.crop = Region{.x = 900, .y = 0, .width = 200, .height = 100};
  EXPECT_FALSE(PictureMotion::Create(picture, kSource, kFrame).ok());
}

TEST(PictureMotionTest, RefusesToEnlargeTooMuch) {
  PictureSpec picture = Portrait();
  picture.crop = Region{.x = 0, .y = 0, .width = 160, .height = 90};
  picture.window = Region{.x = 0, .y = 0, .width = 1, .height = 1};
  const auto motion = PictureMotion::Create(picture, kSource, kFrame);
  ASSERT_FALSE(motion.ok());
  EXPECT_EQ(motion.error().reason, "ERR_BAD_PARAMS");
}

TEST(PictureMotionTest, FindsAFaceThatLeavesTheFrameOnTheWay) {
  PictureSpec picture = Portrait();
  picture.from = {.centre_x = 0.5, .centre_y = 0.5, .height = 1};
  picture.to = {.centre_x = 1.0, .centre_y = 0.5, .height = 1};
  const auto motion = PictureMotion::Create(picture, kSource, kFrame);
  ASSERT_TRUE(motion.ok());
  EXPECT_FALSE(motion->CheckVisible(picture.people[0]).ok());
}

TEST(PictureMotionTest, WantsTheWholePictureVisibleWithoutAMarkedFace) {
  PictureSpec picture = Portrait();
  picture.people[0].face.reset();
  picture.from = picture.to = {.centre_x = 0.1, .centre_y = 0.5, .height = 0.8};
  const auto motion = PictureMotion::Create(picture, kSource, kFrame);
  ASSERT_TRUE(motion.ok());
  EXPECT_FALSE(motion->CheckVisible(picture.people[0]).ok());
}

}  // namespace
}  // namespace rollcall::compose
