#include "vision/face_alignment.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "domain/reasons.h"
#include "vision/face_analyzer.h"

namespace rollcall::vision {
namespace {

// The part of the picture that the template shows, with room for interpolation, on whole pixels.
domain::PixelBox TemplateRegion(const Similarity& to_template) {
  constexpr float kSide = kTemplateSide;
  domain::PixelBox box{1e9F, 1e9F, -1e9F, -1e9F};
  for (const domain::PixelPoint corner :
       {domain::PixelPoint{0, 0}, {kSide, 0}, {0, kSide}, {kSide, kSide}}) {
    const domain::PixelPoint point = to_template.ApplyInverse(corner);
    box = {std::min(box.x1, point.x), std::min(box.y1, point.y), std::max(box.x2, point.x),
           std::max(box.y2, point.y)};
  }
  const auto margin = static_cast<float>(2 / std::min(1.0, to_template.scale()));
  return {std::floor(box.x1 - margin), std::floor(box.y1 - margin), std::ceil(box.x2 + margin),
          std::ceil(box.y2 + margin)};
}

}  // namespace

double Similarity::scale() const { return std::hypot(a, b); }

domain::PixelPoint Similarity::Apply(domain::PixelPoint point) const {
  const double x = point.x;
  const double y = point.y;
  return {static_cast<float>(a * x - b * y + tx), static_cast<float>(b * x + a * y + ty)};
}

domain::PixelPoint Similarity::ApplyInverse(domain::PixelPoint point) const {
  const double x = point.x - tx;
  const double y = point.y - ty;
  const double square = a * a + b * b;
  return {static_cast<float>((a * x + b * y) / square),
          static_cast<float>((a * y - b * x) / square)};
}

Similarity FitSimilarity(const domain::Landmarks5& from, const domain::Landmarks5& to) {
  double from_x = 0;
  double from_y = 0;
  double to_x = 0;
  double to_y = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    from_x += from[i].x / 5.0;
    from_y += from[i].y / 5.0;
    to_x += to[i].x / 5.0;
    to_y += to[i].y / 5.0;
  }
  double square = 0;
  double dot = 0;
  double cross = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double x = from[i].x - from_x;
    const double y = from[i].y - from_y;
    const double u = to[i].x - to_x;
    const double v = to[i].y - to_y;
    square += x * x + y * y;
    dot += x * u + y * v;
    cross += x * v - y * u;
  }
  Similarity fit{.a = 0, .b = 0, .tx = to_x, .ty = to_y};
  if (square <= 0) return fit;
  fit.a = dot / square;
  fit.b = cross / square;
  fit.tx = to_x - fit.a * from_x + fit.b * from_y;
  fit.ty = to_y - fit.b * from_x - fit.a * from_y;
  return fit;
}

const domain::Landmarks5& ArcfaceTemplate() {
  // InsightFace, python-package/insightface/utils/face_align.py.
  static constexpr domain::Landmarks5 kTemplate{{{38.2946F, 51.6963F},
                                                 {73.5318F, 51.5014F},
                                                 {56.0252F, 71.7366F},
                                                 {41.5493F, 92.3655F},
                                                 {70.7299F, 92.2041F}}};
  return kTemplate;
}

base::Result<domain::Image> AlignFace(const domain::Picture& picture,
                                      const domain::Landmarks5& points) {
  const Similarity fit = FitSimilarity(points, ArcfaceTemplate());
  const double scale = fit.scale();
  if (!(scale > 1e-3 && scale < 1e3)) {
    return domain::MakeError(domain::reason::kBadParams,
                             "the five points of the face fall together");
  }
  // A face larger than the template is first shrunk by area, so that warping does not alias.
  const domain::PixelBox region = TemplateRegion(fit);
  const double shrink = std::min(1.0, scale);
  const auto side = [&](float length) {
    return std::max(1, static_cast<int>(std::lround(length * shrink)));
  };
  const int width = side(region.width());
  const int height = side(region.height());
  ROLLCALL_TRY_ASSIGN(
      domain::Image part,
      picture.Render(region,
                     {.width = width, .height = height, .format = domain::PixelFormat::kRgb24}));
  // Pixel u of the part has its centre at region.x1 + (u + 0.5) · step in the picture; the template
  // counts from the centre of its first pixel.
  const double step_x = static_cast<double>(region.width()) / width;
  const double step_y = static_cast<double>(region.height()) / height;
  const double start_x = region.x1 + 0.5 * step_x - 0.5;
  const double start_y = region.y1 + 0.5 * step_y - 0.5;
  const cv::Matx23d warp(fit.a * step_x, -fit.b * step_y,
                         fit.a * start_x - fit.b * start_y + fit.tx, fit.b * step_x, fit.a * step_y,
                         fit.b * start_x + fit.a * start_y + fit.ty);
  domain::Image aligned{.width = kTemplateSide,
                        .height = kTemplateSide,
                        .format = domain::PixelFormat::kRgb24,
                        .pixels = {}};
  aligned.pixels.resize(std::size_t{3} * kTemplateSide * kTemplateSide);
  const cv::Mat from(height, width, CV_8UC3, part.pixels.data());
  cv::Mat to(kTemplateSide, kTemplateSide, CV_8UC3, aligned.pixels.data());
  cv::warpAffine(from, to, warp, to.size(), cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  return aligned;
}

}  // namespace rollcall::vision
