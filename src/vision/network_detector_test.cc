#include "vision/network_detector.h"

#include <gtest/gtest.h>

#include "vision/model_pack.h"
#include "vision/testing/image_picture.h"
#include "vision/testing/temp_folder.h"
#include "vision/testing/tiny_pack.h"

namespace rollcall::vision {
namespace {

domain::Image Plain(int width, int height, std::uint8_t value) {
  domain::Image image{.width = width, .height = height, .pixels = {}};
  image.pixels.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3,
                      value);
  return image;
}

class NetworkDetectorTest : public ::testing::Test {
 protected:
  NetworkDetectorTest() { WriteTinyPack(folder_.path()); }

  std::unique_ptr<FaceDetector> Detector() {
    const auto pack = ModelPack::Load(folder_.path());
    EXPECT_TRUE(pack.ok()) << pack.error().ToString();
    auto detector = pack->MakeDetector({});
    EXPECT_TRUE(detector.ok()) << detector.error().ToString();
    return std::move(detector).value();
  }

  TempFolder folder_;
};

TEST(LetterboxTest, KeepsTheAspectAndCentresTheRegion) {
  const Letterbox fit = FitLetterbox({0, 0, 1920, 1080}, 320, 240);
  EXPECT_EQ(fit.width, 320);
  EXPECT_EQ(fit.height, 180);
  EXPECT_EQ(fit.column, 0);
  EXPECT_EQ(fit.row, 30);
  EXPECT_FLOAT_EQ(fit.scale_x, 6);
  EXPECT_FLOAT_EQ(fit.scale_y, 6);
}

TEST(LetterboxTest, HandlesTallAndTinyRegions) {
  const Letterbox tall = FitLetterbox({0, 0, 10, 4000}, 320, 240);
  EXPECT_EQ(tall.width, 1);
  EXPECT_EQ(tall.height, 240);
  const Letterbox tiny = FitLetterbox({5, 5, 6, 6}, 320, 240);
  EXPECT_EQ(tiny.width, 240);
  EXPECT_EQ(tiny.column, 40);
}

TEST_F(NetworkDetectorTest, GivesFacesInPixelsOfThePicture) {
  const ImagePicture picture(Plain(200, 100, 90));
  const auto faces = Detector()->Detect(picture, {0, 0, 200, 100});
  ASSERT_TRUE(faces.ok()) << faces.error().ToString();
  ASSERT_EQ(faces->size(), 1U);
  const FaceCandidate& face = faces->front();
  EXPECT_NEAR(face.score, 0.9F, 1e-5);
  // 16 of 64 pixels around the middle, 3.125 of the picture's each.
  EXPECT_NEAR(face.box.x1, 75, 1e-3);
  EXPECT_NEAR(face.box.y1, 25, 1e-3);
  EXPECT_NEAR(face.box.x2, 125, 1e-3);
  EXPECT_NEAR(face.box.y2, 75, 1e-3);
  ASSERT_TRUE(face.landmarks);
  EXPECT_NEAR((*face.landmarks)[2].x, 100, 1e-3);
  EXPECT_NEAR((*face.landmarks)[2].y, 50 + 0.1 * 8 * 3.125, 1e-3);
}

TEST_F(NetworkDetectorTest, MovesFacesOfARegionToThePicture) {
  const ImagePicture picture(Plain(200, 100, 90));
  const auto faces = Detector()->Detect(picture, {100, 0, 164, 64});
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 1U);
  EXPECT_NEAR(faces->front().box.x1, 124, 1e-3);
  EXPECT_NEAR(faces->front().box.y1, 24, 1e-3);
}

TEST_F(NetworkDetectorTest, ForgetsTheLastPicture) {
  const auto detector = Detector();
  const ImagePicture bright(Plain(64, 64, 255));
  const ImagePicture black(Plain(64, 64, 0));
  EXPECT_EQ(detector->Detect(bright, {0, 0, 64, 64})->size(), 1U);
  EXPECT_EQ(detector->Detect(black, {0, 0, 64, 64})->size(), 0U);
}

TEST_F(NetworkDetectorTest, RefusesAnEmptyRegion) {
  const ImagePicture picture(Plain(64, 64, 90));
  const auto faces = Detector()->Detect(picture, {10, 10, 10, 20});
  ASSERT_FALSE(faces.ok());
  EXPECT_EQ(faces.error().reason, "ERR_BAD_PARAMS");
}

}  // namespace
}  // namespace rollcall::vision
