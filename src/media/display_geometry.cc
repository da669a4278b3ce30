#include "media/display_geometry.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace rollcall::media {

int Orientation::rotation_degrees() const {
  if (is_transposed) return is_x_flipped ? 90 : 270;
  return is_y_flipped ? 180 : 0;
}

Orientation OrientationOfMatrix(const std::int32_t* matrix) {
  if (matrix == nullptr) return {};
  // shown x = a·x + c·y, shown y = b·x + d·y.
  const std::int64_t a = matrix[0];
  const std::int64_t b = matrix[1];
  const std::int64_t c = matrix[3];
  const std::int64_t d = matrix[4];
  if (std::abs(a) + std::abs(d) >= std::abs(b) + std::abs(c)) {
    return {.is_transposed = false, .is_x_flipped = a < 0, .is_y_flipped = d < 0};
  }
  return {.is_transposed = true, .is_x_flipped = c < 0, .is_y_flipped = b < 0};
}

Orientation OrientationOfExif(int value) {
  switch (value) {
    case 2:
      return {.is_transposed = false, .is_x_flipped = true, .is_y_flipped = false};
    case 3:
      return {.is_transposed = false, .is_x_flipped = true, .is_y_flipped = true};
    case 4:
      return {.is_transposed = false, .is_x_flipped = false, .is_y_flipped = true};
    case 5:
      return {.is_transposed = true, .is_x_flipped = false, .is_y_flipped = false};
    case 6:
      return {.is_transposed = true, .is_x_flipped = true, .is_y_flipped = false};
    case 7:
      return {.is_transposed = true, .is_x_flipped = true, .is_y_flipped = true};
    case 8:
      return {.is_transposed = true, .is_x_flipped = false, .is_y_flipped = true};
    default:
      return {};
  }
}

void FillDisplayMatrix(int clockwise_degrees, std::int32_t* matrix) {
  constexpr std::int32_t kOne = 1 << 16;
  std::fill(matrix, matrix + 9, 0);
  matrix[8] = 1 << 30;
  switch (clockwise_degrees) {
    case 90:
      matrix[1] = kOne;
      matrix[3] = -kOne;
      break;
    case 180:
      matrix[0] = -kOne;
      matrix[4] = -kOne;
      break;
    case 270:
      matrix[1] = -kOne;
      matrix[3] = kOne;
      break;
    default:
      matrix[0] = kOne;
      matrix[4] = kOne;
      break;
  }
}

DisplayGeometry MakeDisplayGeometry(int stored_width, int stored_height, AVRational sample_aspect,
                                    Orientation orientation) {
  DisplayGeometry geometry;
  geometry.orientation = orientation;
  if (sample_aspect.num > 0 && sample_aspect.den > 0 &&
      sample_aspect.num / 16 <= sample_aspect.den && sample_aspect.den / 16 <= sample_aspect.num) {
    geometry.sample_aspect_num = sample_aspect.num;
    geometry.sample_aspect_den = sample_aspect.den;
  }
  const std::int64_t square_width =
      (stored_width * geometry.sample_aspect_num * 2 + geometry.sample_aspect_den) /
      (geometry.sample_aspect_den * 2);
  geometry.width = static_cast<int>(std::max<std::int64_t>(1, square_width));
  geometry.height = stored_height;
  if (orientation.is_transposed) std::swap(geometry.width, geometry.height);
  return geometry;
}

StoredRegion ToStored(const DisplayGeometry& geometry, const domain::PixelBox& shown,
                      int stored_width, int stored_height) {
  // As shares of the shown picture, then turned back.
  double u1 = double{shown.x1} / geometry.width;
  double u2 = double{shown.x2} / geometry.width;
  double v1 = double{shown.y1} / geometry.height;
  double v2 = double{shown.y2} / geometry.height;
  if (geometry.orientation.is_x_flipped) {
    const double kept = u1;
    u1 = 1 - u2;
    u2 = 1 - kept;
  }
  if (geometry.orientation.is_y_flipped) {
    const double kept = v1;
    v1 = 1 - v2;
    v2 = 1 - kept;
  }
  if (geometry.orientation.is_transposed) {
    std::swap(u1, v1);
    std::swap(u2, v2);
  }
  return {.x1 = u1 * stored_width,
          .y1 = v1 * stored_height,
          .x2 = u2 * stored_width,
          .y2 = v2 * stored_height};
}

}  // namespace rollcall::media
