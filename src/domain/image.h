#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "domain/geometry.h"

namespace rollcall::domain {

enum class PixelFormat { kRgb24, kBgr24, kGray8 };

// 8-bit interleaved pixels, rows packed without padding.
struct Image {
  int width = 0;
  int height = 0;
  PixelFormat format = PixelFormat::kRgb24;
  std::vector<std::uint8_t> pixels;

  int channels() const { return format == PixelFormat::kGray8 ? 1 : 3; }
};

// One displayed picture that can be looked at in part: a decoded video frame, a photograph.
// Not thread-safe unless an implementation says so.
class Picture {
 public:
  struct RenderTarget {
    int width = 0;
    int height = 0;
    PixelFormat format = PixelFormat::kRgb24;
  };

  virtual ~Picture() = default;

  // Size as displayed: rotated upright, square pixels.
  virtual int width() const = 0;
  virtual int height() const = 0;

  // `region` scaled to exactly the target's size (area-averaging when it shrinks). Parts of
  // `region` outside the picture are black. kInvalidArgument for an empty region or target.
  virtual base::Result<Image> Render(const PixelBox& region, RenderTarget target) const = 0;
};

}  // namespace rollcall::domain
