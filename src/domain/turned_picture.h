#pragma once

#include "domain/face.h"
#include "domain/image.h"

namespace rollcall::domain {

// A picture as it looks when it is turned. Borrows the other one; as thread-safe as that.
class TurnedPicture final : public Picture {
 public:
  TurnedPicture(const Picture& picture, Turn turn) : picture_(picture), turn_(turn) {}

  int width() const override { return is_sideways() ? picture_.height() : picture_.width(); }
  int height() const override { return is_sideways() ? picture_.width() : picture_.height(); }
  base::Result<Image> Render(const PixelBox& region, RenderTarget target) const override;

  // From the picture's pixels to those of the turned one, and back.
  PixelPoint Turned(PixelPoint point) const;
  PixelPoint Back(PixelPoint point) const;
  PixelBox Turned(const PixelBox& box) const;
  PixelBox Back(const PixelBox& box) const;
  Landmarks5 Turned(const Landmarks5& points) const;
  Landmarks5 Back(const Landmarks5& points) const;

 private:
  bool is_sideways() const { return turn_ == Turn::kQuarter || turn_ == Turn::kThreeQuarters; }

  const Picture& picture_;
  const Turn turn_;
};

}  // namespace rollcall::domain
