#include "vision/face_analyzer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "base/check.h"

namespace rollcall::vision {
namespace {

float Degrees(float y, float x) { return std::atan2(y, x) * 180 / std::numbers::pi_v<float>; }

// Coordinates on the face: origin between the eyes, x along them, y towards the mouth; the unit is
// the distance of the eyes.
struct FaceFrame {
  explicit FaceFrame(const domain::Landmarks5& points)
      : middle{(points[0].x + points[1].x) / 2, (points[0].y + points[1].y) / 2},
        along{points[1].x - points[0].x, points[1].y - points[0].y},
        eye_distance(std::hypot(along.x, along.y)),
        roll_degrees(Degrees(along.y, along.x)) {}

  domain::PixelPoint Place(domain::PixelPoint point) const {
    const float x = point.x - middle.x;
    const float y = point.y - middle.y;
    const float square = eye_distance * eye_distance;
    return {(x * along.x + y * along.y) / square, (y * along.x - x * along.y) / square};
  }

  domain::PixelPoint middle;
  domain::PixelPoint along;
  float eye_distance;
  float roll_degrees;
};

struct Bounds {
  float low;
  float high;
  float slack;  // So far outside the answer is 0.
};
float Within(float value, const Bounds& bounds) {
  const float outside = std::max({bounds.low - value, value - bounds.high, 0.0F});
  return std::max(0.0F, 1 - outside / bounds.slack);
}

}  // namespace

float LandmarkPlausibility(const domain::Landmarks5& points, const domain::PixelBox& face) {
  const FaceFrame frame(points);
  if (!(frame.eye_distance > 0) || !(face.area() > 0)) return 0;
  const domain::PixelPoint nose = frame.Place(points[2]);
  const domain::PixelPoint left_mouth = frame.Place(points[3]);
  const domain::PixelPoint right_mouth = frame.Place(points[4]);
  const float mouth_width = right_mouth.x - left_mouth.x;
  domain::PixelPoint mean;
  for (const domain::PixelPoint& point : points) {
    mean.x += point.x / 5;
    mean.y += point.y / 5;
  }
  // Bounds: what 1497 true faces have but for 2 % (profiles, extras of 20 pixels, closed eyes).
  return Within(face.width() / face.height(), {0.5F, 1.15F, 0.15F}) *
         Within(frame.eye_distance / face.height(), {0.14F, 0.5F, 0.06F}) *
         Within(frame.roll_degrees, {-50, 50, 30}) * Within(nose.x, {-0.8F, 0.8F, 0.4F}) *
         Within(nose.y, {0.2F, 1.05F, 0.2F}) *
         Within((left_mouth.x + right_mouth.x) / 2, {-0.7F, 0.7F, 0.4F}) *
         Within((left_mouth.y + right_mouth.y) / 2, {0.8F, 1.75F, 0.4F}) *
         Within(mouth_width, {0.66F, 1.16F, 0.12F}) *
         Within(Degrees(right_mouth.y - left_mouth.y, mouth_width), {-8, 8, 6}) *
         Within((mean.x - face.centre().x) / face.width(), {-0.4F, 0.4F, 0.15F}) *
         Within((mean.y - face.centre().y) / face.height(), {-0.07F, 0.19F, 0.08F});
}

float PointStability(const domain::Landmarks5& first, const domain::Landmarks5& second,
                     const domain::PixelBox& face) {
  constexpr float kHalfMoved = 0.06F;  // Half of the faces move by 0.008, half of the rest by 0.07.
  float moved = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    moved += std::hypot(first[i].x - second[i].x, first[i].y - second[i].y) / 5;
  }
  if (!(face.height() > 0)) return 0;
  const float share = moved / face.height() / kHalfMoved;
  return 1 / (1 + share * share);
}

float Frontality(const domain::Landmarks5& points) {
  constexpr float kProfile = 0.8F;
  const FaceFrame frame(points);
  if (!(frame.eye_distance > 0)) return 0;
  const float mouth_x = (frame.Place(points[3]).x + frame.Place(points[4]).x) / 2;
  const float turned = std::max(std::abs(frame.Place(points[2]).x), std::abs(mouth_x));
  return std::clamp(1 - turned / kProfile, 0.0F, 1.0F);
}

float FaceQuality(const QualityEvidence& evidence) {
  constexpr float kFullSize = 112;         // The template's side: more pixels are not looked at.
  constexpr float kNormOfNothing = 0.25F;  // Share of the typical norm that any texture reaches.
  const float size = std::clamp(evidence.face_px / kFullSize, 0.0F, 1.0F);
  const float norm = std::clamp(
      (evidence.raw_norm / evidence.raw_norm_typical - kNormOfNothing) / (1 - kNormOfNothing), 0.0F,
      1.0F);
  return std::pow(size * evidence.sharpness * evidence.frontality * norm, 0.25F);
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
