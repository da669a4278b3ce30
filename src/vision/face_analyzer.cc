#include "vision/face_analyzer.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "base/check.h"

namespace rollcall::vision {

float LandmarkPlausibility(const domain::Landmarks5& points, const domain::PixelBox& face) {
  (void)points; (void)face;
  return 1;
}

float PointStability(const domain::Landmarks5& first, const domain::Landmarks5& second,
                     const domain::PixelBox& face) {
  float moved = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    moved += std::hypot(first[i].x - second[i].x, first[i].y - second[i].y) / 5;
  }
  return moved/face.height();
}

float Sharpness(const domain::Image& aligned) {
  ROLLCALL_CHECK(aligned.format != domain::PixelFormat::kGray8);
  const cv::Mat pixels(aligned.height, aligned.width, CV_8UC3,
                       const_cast<std::uint8_t*>(aligned.pixels.data()));
  cv::Mat grey;
  cv::cvtColor(pixels, grey, cv::COLOR_RGB2GRAY);
  cv::Mat laplacian;
  cv::Laplacian(grey, laplacian, CV_32F);
  cv::Scalar mean;
  cv::Scalar deviation;
  cv::meanStdDev(laplacian, mean, deviation);
  const double variance = deviation[0] * deviation[0];
  constexpr double kHalfSharp = 100;
  return static_cast<float>(variance / (variance + kHalfSharp));
}

}  // namespace rollcall::vision
