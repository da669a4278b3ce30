#pragma once

#include <string>

#include "base/result.h"
#include "compose/spec.h"

namespace rollcall::compose {

struct PixelSize {
  int width = 0;
  int height = 0;
};

// Which part of a source is shown where at one moment.
struct View {
  Region source;  // Pixels of the source.
  Region target;  // Pixels of the frame.
  double opacity = 1;

  double scale() const { return target.width / source.width; }
  // Where a region of the source appears in the frame.
  Region Map(const Region& region) const;
};

// How a picture moves through its shot. A value; checked when made.
class PictureMotion {
 public:
  // kInvalidArgument / ERR_BAD_PARAMS if a crop leaves the source, the picture is enlarged too
  // much to look like one, or it grows or shrinks by more than one half.
  static base::Result<PictureMotion> Create(const PictureSpec& picture, PixelSize source,
                                            PixelSize frame);

  // `part` of the shot, 0…1.
  View At(double part) const;
  bool moves() const { return moves_; }
  // The part of the source that is ever shown, on whole pixels.
  Region shown() const;
  double scale_max() const;

  // Where a person of the picture is in the frame: the face if it is marked, else the picture.
  Region PlaceOf(const PersonInPicture& person, double part) const;
  // Ok if that is wholly visible (not cut off by the frame or the window) for the whole shot.
  base::Result<void> CheckVisible(const PersonInPicture& person) const;

 private:
  PictureMotion(View from, View to, bool moves, PixelSize source, PixelSize frame)
      : from_(from), to_(to), moves_(moves), source_(source), frame_(frame) {}

  View from_;
  View to_;
  bool moves_;
  PixelSize source_;
  PixelSize frame_;
};

// What two rectangles share; without width or height: nothing.
Region Shared(const Region& a, const Region& b);
// Whether two rectangles share more than a hair.
bool Intersect(const Region& a, const Region& b);

}  // namespace rollcall::compose
