#pragma once

#include <cstdint>

#include "domain/geometry.h"
#include "media/libav.h"

namespace rollcall::media {

// How stored pixels are turned to be shown: first mirrored or not, then by quarter turns.
// shown x comes from stored y if transposed, counted from the far end if flipped; so for y.
struct Orientation {
  bool is_transposed = false;
  bool is_x_flipped = false;  // Of the shown picture.
  bool is_y_flipped = false;

  // Clockwise quarter turns in degrees; a mirror image counts as its unmirrored turn.
  int rotation_degrees() const;
  bool is_plain() const { return !is_transposed && !is_x_flipped && !is_y_flipped; }
};

// From libav's 3×3 display matrix, rounded to the nearest of the eight; null is upright.
Orientation OrientationOfMatrix(const std::int32_t* matrix);
// EXIF tag 274: 1…8; anything else is upright.
Orientation OrientationOfExif(int value);
// Fills the nine numbers that say "turn by so much clockwise"; degrees 0, 90, 180, 270.
void FillDisplayMatrix(int clockwise_degrees, std::int32_t* matrix);

// A picture's size as it is shown, and the way back to the stored one.
struct DisplayGeometry {
  Orientation orientation;
  int width = 0;  // As shown: rotated upright, square pixels.
  int height = 0;
  std::int64_t sample_aspect_num = 1;
  std::int64_t sample_aspect_den = 1;
};

// An aspect that no camera makes (beyond 16:1) is taken for damage and left out. The height is
// kept, the width follows the aspect.
DisplayGeometry MakeDisplayGeometry(int stored_width, int stored_height, AVRational sample_aspect,
                                    Orientation orientation);

// Where `shown`, a region of the shown picture, lies in the stored pixels of a frame of the given
// size (which may differ from the first frame's). Fractions of a pixel are kept.
struct StoredRegion {
  double x1 = 0;
  double y1 = 0;
  double x2 = 0;
  double y2 = 0;
};
StoredRegion ToStored(const DisplayGeometry& geometry, const domain::PixelBox& shown,
                      int stored_width, int stored_height);

}  // namespace rollcall::media
