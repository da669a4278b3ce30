#include "domain/geometry.h"

#include <algorithm>

namespace rollcall::domain {
namespace {

float IntersectionArea(const PixelBox& a, const PixelBox& b) {
  const PixelBox both{std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2),
                      std::min(a.y2, b.y2)};
  return both.area();
}

}  // namespace

float Iou(const PixelBox& a, const PixelBox& b) {
  const float both = IntersectionArea(a, b);
  const float either = a.area() + b.area() - both;
  return either <= 0 ? 0 : both / either;
}

float Overlap(const PixelBox& a, const PixelBox& b) {
  const float smaller = std::min(a.area(), b.area());
  return smaller <= 0 ? 0 : IntersectionArea(a, b) / smaller;
}

PixelBox SquareAround(const PixelBox& box, float factor) {
  const float half = std::max(box.width(), box.height()) * factor / 2;
  const PixelPoint centre = box.centre();
  return {centre.x - half, centre.y - half, centre.x + half, centre.y + half};
}

}  // namespace rollcall::domain
