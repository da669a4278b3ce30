#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "media/display_geometry.h"
#include "media/frame_reader.h"
#include "media/frame_renderer.h"
#include "media/libav.h"

namespace rollcall::media {

// A decoded picture; `frame` comes from MakeRenderable. Render from any thread, several at once.
class DecodedFrame final : public Frame {
 public:
  struct Place {
    std::int64_t frame_id = 0;
    domain::MediaTime pts{};
  };
  DecodedFrame(FramePtr frame, DisplayGeometry geometry, Place place)
      : frame_(std::move(frame)), geometry_(geometry), place_(place) {}

  std::int64_t frame_id() const override { return place_.frame_id; }
  domain::MediaTime pts() const override { return place_.pts; }
  bool is_damaged() const override { return frame_->decode_error_flags != 0; }
  int width() const override { return geometry_.width; }
  int height() const override { return geometry_.height; }
  base::Result<domain::Image> Render(const domain::PixelBox& region,
                                     RenderTarget target) const override {
    if (!IsHalfEnough(geometry_, region, target, *frame_)) {
      return RenderFrame(*frame_, geometry_, region, target);
    }
    std::call_once(halving_, [this] { half_ = HalveFrame(*frame_); });
    return RenderFrame(half_ ? *half_ : *frame_, geometry_, region, target);
  }

 private:
  FramePtr frame_;
  // Made when first of use: whoever looks at the whole picture seldom does so once.
  mutable std::once_flag halving_;
  mutable FramePtr half_;
  DisplayGeometry geometry_;
  Place place_;
};

}  // namespace rollcall::media
