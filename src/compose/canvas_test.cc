#include "compose/canvas.h"

#include <gtest/gtest.h>

namespace rollcall::compose {
namespace {

cv::Mat Black(int width, int height) { return {height, width, CV_8UC3, cv::Scalar::all(0)}; }

SourcePixels Plain(int width, int height, int grey) {
  return {.region = {.x = 0,
                     .y = 0,
                     .width = static_cast<double>(width),
                     .height = static_cast<double>(height)},
          .pixels = cv::Mat(height, width, CV_8UC3, cv::Scalar::all(grey))};
}

TEST(CanvasTest, CopiesPixelsExactlyAtScaleOne) {
  SourcePixels source = Plain(8, 6, 0);
  source.pixels.at<cv::Vec3b>(2, 3) = {200, 100, 50};
  cv::Mat frame = Black(20, 20);
  Draw(source, {.source = source.region, .target = {.x = 5, .y = 7, .width = 8, .height = 6}},
       frame);
  EXPECT_EQ(frame.at<cv::Vec3b>(9, 8), cv::Vec3b(200, 100, 50));
  EXPECT_EQ(cv::countNonZero(frame.reshape(1)), 3);
}

TEST(CanvasTest, DrawsAnEdgeBetweenPixelsInPart) {
  cv::Mat frame = Black(10, 10);
  const SourcePixels source = Plain(4, 4, 200);
  Draw(source, {.source = source.region, .target = {.x = 2.25, .y = 3, .width = 4, .height = 4}},
       frame);
  EXPECT_EQ(frame.at<cv::Vec3b>(4, 2)[0], 150);
  EXPECT_EQ(frame.at<cv::Vec3b>(4, 3)[0], 200);
  EXPECT_EQ(frame.at<cv::Vec3b>(4, 6)[0], 50);
  EXPECT_EQ(frame.at<cv::Vec3b>(4, 7)[0], 0);
}

TEST(CanvasTest, ClipsAtTheFrame) {
  cv::Mat frame = Black(10, 10);
  const SourcePixels source = Plain(8, 8, 90);
  Draw(source, {.source = source.region, .target = {.x = 6, .y = -4, .width = 8, .height = 8}},
       frame);
  EXPECT_EQ(frame.at<cv::Vec3b>(0, 9)[0], 90);
  EXPECT_EQ(frame.at<cv::Vec3b>(4, 9)[0], 0);
  EXPECT_EQ(frame.at<cv::Vec3b>(0, 5)[0], 0);
}

TEST(CanvasTest, DrawsNothingOutsideTheFrame) {
  cv::Mat frame = Black(10, 10);
  const SourcePixels source = Plain(4, 4, 90);
  Draw(source, {.source = source.region, .target = {.x = 30, .y = 0, .width = 4, .height = 4}},
       frame);
  EXPECT_EQ(cv::countNonZero(frame.reshape(1)), 0);
}

TEST(CanvasTest, DrawsAHalfTransparentPictureInHalf) {
  cv::Mat frame = Black(10, 10);
  const SourcePixels source = Plain(4, 4, 200);
  Draw(source,
       {.source = source.region,
        .target = {.x = 2, .y = 3, .width = 4, .height = 4},
        .opacity = 0.5},
       frame);
  EXPECT_EQ(frame.at<cv::Vec3b>(4, 3)[0], 100);
}

// Left of the face white, right black: a turn by 90 degrees to one side shows one of the two.
TEST(CanvasTest, ATurnedHeadShowsItsSideAndLeavesTheRestAlone) {
  SourcePixels source = Plain(100, 100, 0);
  source.pixels.colRange(0, 50).setTo(cv::Scalar::all(255));
  const Region face{.x = 30, .y = 30, .width = 40, .height = 40};
  const auto at = [](const SourcePixels& turned, int x, int y) {
    return static_cast<int>(turned.pixels.at<cv::Vec3b>(y, x)[0]);
  };
  const SourcePixels right = TurnedHead(source, face, 75);
  EXPECT_EQ(at(right, 40, 50), 0) << "the black cheek has come round to the left";
  EXPECT_EQ(at(right, 5, 50), 255) << "beside the head";
  EXPECT_EQ(at(right, 45, 95), 255) << "below the neck";
  EXPECT_EQ(at(TurnedHead(source, face, -75), 60, 50), 255);
  EXPECT_EQ(cv::norm(TurnedHead(source, face, 0).pixels, source.pixels), 0);
}

TEST(CanvasTest, RunsTheGradientFromTopToBottom) {
  cv::Mat frame = Black(4, 11);
  FillGradient({{{0, 100, 200}, {100, 0, 200}}}, frame);
  EXPECT_EQ(frame.at<cv::Vec3b>(0, 0), cv::Vec3b(0, 100, 200));
  EXPECT_EQ(frame.at<cv::Vec3b>(5, 3), cv::Vec3b(50, 50, 200));
  EXPECT_EQ(frame.at<cv::Vec3b>(10, 0), cv::Vec3b(100, 0, 200));
}

TEST(FilmNoiseTest, HasTheAskedStrengthAndChangesFromFrameToFrame) {
  const FilmNoise noise({.width = 128, .height = 96}, 10, 3);
  cv::Mat first(96, 128, CV_8UC3, cv::Scalar::all(128));
  cv::Mat second = first.clone();
  noise.AddTo(first, 0);
  noise.AddTo(second, 1);
  cv::Scalar mean;
  cv::Scalar deviation;
  cv::meanStdDev(first, mean, deviation);
  EXPECT_NEAR(mean[0], 128, 1);
  EXPECT_NEAR(deviation[0], 10, 0.5);
  EXPECT_GT(cv::norm(first, second, cv::NORM_INF), 0);
}

TEST(FilmNoiseTest, RepeatsForTheSameSeed) {
  cv::Mat first(96, 128, CV_8UC3, cv::Scalar::all(128));
  cv::Mat second = first.clone();
  FilmNoise({.width = 128, .height = 96}, 10, 3).AddTo(first, 5);
  FilmNoise({.width = 128, .height = 96}, 10, 3).AddTo(second, 5);
  EXPECT_EQ(cv::norm(first, second, cv::NORM_INF), 0);
}

}  // namespace
}  // namespace rollcall::compose
