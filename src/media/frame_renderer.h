#pragma once

#include "base/result.h"
#include "domain/image.h"
#include "media/display_geometry.h"
#include "media/libav.h"

namespace rollcall::media {

// A frame whose pixels RenderFrame can read: `frame` itself, or for the formats that are not whole
// bytes (palettes, 5-6-5, floats, foreign byte order) an RGB copy. Null if libav cannot convert it.
FramePtr MakeRenderable(FramePtr frame);

// The frame at half its width and height, 8 bits a sample, for RenderFrame with the same geometry:
// reading all of a picture once instead of at each rendering. Null where it cannot be exact (a
// width or height that 4 does not divide) or has no planes of luma and chroma.
FramePtr HalveFrame(const AVFrame& frame);
// Whether rendering from HalveFrame's keeps two or more of its samples to a pixel, so that the
// result differs by rounding only.
bool IsHalfEnough(const DisplayGeometry& geometry, const domain::PixelBox& region,
                  domain::Picture::RenderTarget target, const AVFrame& frame);

// `region` of the picture as shown, scaled to `target`; see domain::Picture::Render. Only the
// samples of the region are read, scaled plane by plane and turned into RGB after that. Exact to a
// fraction of a pixel, and the same on every machine.
//
// `frame` comes from MakeRenderable. Any thread.
base::Result<domain::Image> RenderFrame(const AVFrame& frame, const DisplayGeometry& geometry,
                                        const domain::PixelBox& region,
                                        domain::Picture::RenderTarget target);

}  // namespace rollcall::media
