#include "compose/canvas.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace rollcall::compose {
namespace {

constexpr int kGrainMargin = 256;

// The head by its face, in parts of the face's width and height.
constexpr double kHeadRadius = 0.62;
constexpr double kHairAbove = 0.4;
constexpr double kChinBelow = 0.1;
constexpr double kNeck = 0.25;  // Over this height the turn ends, above and below.

// How much of each pixel from `first` on lies in [from, to), in 256ths.
std::vector<int> Coverage(int first, int count, double from, double to) {
  std::vector<int> covered(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const double pixel = first + i;
    const double part = std::min(pixel + 1, to) - std::max(pixel, from);
    covered[static_cast<std::size_t>(i)] = static_cast<int>(std::lround(256 * std::max(part, 0.0)));
  }
  return covered;
}

void Blend(const cv::Mat& drawn, const std::vector<int>& rows, const std::vector<int>& columns,
           cv::Mat& target) {
  for (int y = 0; y < drawn.rows; ++y) {
    const int row = rows[static_cast<std::size_t>(y)];
    const bool whole_row = row == 256;
    const cv::Vec3b* from = drawn.ptr<cv::Vec3b>(y);
    cv::Vec3b* to = target.ptr<cv::Vec3b>(y);
    for (int x = 0; x < drawn.cols; ++x) {
      const int column = columns[static_cast<std::size_t>(x)];
      if (whole_row && column == 256) {
        to[x] = from[x];
        continue;
      }
      const int alpha = row * column / 256;
      for (int k = 0; k < 3; ++k) {
        to[x][k] = static_cast<std::uint8_t>((from[x][k] * alpha + to[x][k] * (256 - alpha)) / 256);
      }
    }
  }
}

std::uint64_t Mixed(std::uint64_t value) {  // The finaliser of SplitMix64.
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

void Draw(const SourcePixels& source, const View& view, cv::Mat& frame) {
  const int left = std::max(0, static_cast<int>(std::floor(view.target.x)));
  const int top = std::max(0, static_cast<int>(std::floor(view.target.y)));
  const int right = std::min(frame.cols, static_cast<int>(std::ceil(view.target.right())));
  const int bottom = std::min(frame.rows, static_cast<int>(std::ceil(view.target.bottom())));
  if (left >= right || top >= bottom) return;
  const cv::Rect place(left, top, right - left, bottom - top);

  // From a pixel of `place` to a pixel of `source.pixels`, centres to centres.
  const auto axis = [](double target, double target_length, double shown, double shown_length,
                       double region, double region_length, int pixels, int first) {
    const double to_source = shown_length / target_length;
    const double to_pixels = pixels / region_length;
    const double factor = to_source * to_pixels;
    const double offset = (shown + (first + 0.5 - target) * to_source - region) * to_pixels - 0.5;
    return cv::Vec2d(factor, offset);
  };
  const cv::Vec2d x = axis(view.target.x, view.target.width, view.source.x, view.source.width,
                           source.region.x, source.region.width, source.pixels.cols, left);
  const cv::Vec2d y = axis(view.target.y, view.target.height, view.source.y, view.source.height,
                           source.region.y, source.region.height, source.pixels.rows, top);
  const cv::Matx23d map(x[0], 0, x[1], 0, y[0], y[1]);
  const int how = x[0] < 0.98 ? cv::INTER_CUBIC : cv::INTER_LINEAR;
  cv::Mat drawn;
  cv::warpAffine(source.pixels, drawn, map, place.size(), how | cv::WARP_INVERSE_MAP,
                 cv::BORDER_REPLICATE);
  cv::Mat target = frame(place);
  std::vector<int> rows = Coverage(top, place.height, view.target.y, view.target.bottom());
  for (int& row : rows) row = static_cast<int>(std::lround(row * view.opacity));
  Blend(drawn, rows, Coverage(left, place.width, view.target.x, view.target.right()), target);
}

SourcePixels TurnedHead(const SourcePixels& source, const Region& face, double degrees) {
  const double scale = source.pixels.cols / source.region.width;
  const double centre = (face.x + face.width / 2 - source.region.x) * scale;
  const double radius = kHeadRadius * face.width * scale;
  const double height = face.height * scale;
  const double top = (face.y - source.region.y) * scale - kHairAbove * height;
  const double bottom = (face.bottom() - source.region.y) * scale + kChinBelow * height;
  constexpr double kSide = std::numbers::pi / 2;
  cv::Mat from_x(source.pixels.size(), CV_32FC1);
  cv::Mat from_y(source.pixels.size(), CV_32FC1);
  for (int y = 0; y < source.pixels.rows; ++y) {
    const double outside = std::max({0.0, top - y, y - bottom}) / (kNeck * height);
    const double turn = std::max(0.0, 1 - outside) * degrees * std::numbers::pi / 180;
    for (int x = 0; x < source.pixels.cols; ++x) {
      const double across = (x - centre) / radius;
      double from = x;
      if (turn != 0 && std::abs(across) < 1) {
        from = centre + radius * std::sin(std::clamp(std::asin(across) + turn, -kSide, kSide));
      }
      from_x.at<float>(y, x) = static_cast<float>(from);
      from_y.at<float>(y, x) = static_cast<float>(y);
    }
  }
  SourcePixels turned{.region = source.region, .pixels = {}};
  cv::remap(source.pixels, turned.pixels, from_x, from_y, cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return turned;
}

void FillGradient(const std::array<std::array<std::uint8_t, 3>, 2>& colours, cv::Mat& frame) {
  for (int y = 0; y < frame.rows; ++y) {
    cv::Scalar colour;
    const double part = frame.rows > 1 ? static_cast<double>(y) / (frame.rows - 1) : 0;
    for (int k = 0; k < 3; ++k) {
      const auto channel = static_cast<std::size_t>(k);
      colour[k] = std::round(std::lerp(static_cast<double>(colours[0][channel]),
                                       static_cast<double>(colours[1][channel]), part));
    }
    frame.row(y).setTo(colour);
  }
}

void Expose(double light, cv::Mat& frame) {
  if (light != 1) frame.convertTo(frame, -1, light);
}

FilmNoise::FilmNoise(PixelSize frame, double sigma, std::uint64_t seed) : seed_(seed) {
  if (sigma <= 0) return;
  grain_.create(frame.height + kGrainMargin, frame.width + kGrainMargin, CV_16SC3);
  cv::RNG random(Mixed(seed));
  random.fill(grain_, cv::RNG::NORMAL, cv::Scalar::all(0), cv::Scalar::all(sigma));
}

void FilmNoise::AddTo(cv::Mat& frame, std::int64_t frame_index) const {
  if (grain_.empty()) return;
  const std::uint64_t dice = Mixed(seed_ ^ Mixed(static_cast<std::uint64_t>(frame_index) + 1));
  const int x = static_cast<int>(dice % kGrainMargin);
  const int y = static_cast<int>(dice / kGrainMargin % kGrainMargin);
  cv::add(frame, grain_(cv::Rect(x, y, frame.cols, frame.rows)), frame, cv::noArray(), CV_8U);
}

}  // namespace rollcall::compose
