#pragma once

#include "domain/geometry.h"

namespace rollcall::vision {

// x' = a·x − b·y + tx, y' = b·x + a·y + ty.
struct Similarity {
  double a = 1;
  double b = 0;
  double tx = 0;
  double ty = 0;

  double scale() const;
  domain::PixelPoint Apply(domain::PixelPoint point) const;
  domain::PixelPoint ApplyInverse(domain::PixelPoint point) const;
};

// The least-squares similarity without reflection from `from` to `to` (Umeyama 1991; in the plane
// it has a closed form). Scale 0 if all points of `from` fall together.
Similarity FitSimilarity(const domain::Landmarks5& from, const domain::Landmarks5& to);

// Where ArcFace's training put eyes, nose and mouth corners in its 112×112 crop.
inline constexpr int kTemplateSide = 112;
const domain::Landmarks5& ArcfaceTemplate();

}  // namespace rollcall::vision
