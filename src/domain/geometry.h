#pragma once

#include <array>

namespace rollcall::domain {

// Pixels of the displayed picture (rotated upright, square pixels); origin top left.
struct PixelPoint {
  float x = 0;
  float y = 0;
};

struct PixelBox {
  float x1 = 0;
  float y1 = 0;
  float x2 = 0;
  float y2 = 0;

  float width() const { return x2 - x1; }
  float height() const { return y2 - y1; }
  float area() const { return width() <= 0 || height() <= 0 ? 0 : width() * height(); }
  PixelPoint centre() const { return {(x1 + x2) / 2, (y1 + y2) / 2}; }
};

// Intersection over union, 0…1.
float Iou(const PixelBox& a, const PixelBox& b);
// Intersection over the smaller area, 0…1.
float Overlap(const PixelBox& a, const PixelBox& b);
// The square of side `factor` × the longer side around the centre.
PixelBox SquareAround(const PixelBox& box, float factor);

// Left eye, right eye (as the picture shows them), nose, left and right mouth corner.
using Landmarks5 = std::array<PixelPoint, 5>;

}  // namespace rollcall::domain
