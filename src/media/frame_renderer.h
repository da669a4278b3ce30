#pragma once

#include "base/result.h"
#include "domain/image.h"
#include "media/display_geometry.h"
#include "media/libav.h"

namespace rollcall::media {

// A frame whose pixels RenderFrame can read: `frame` itself, or for the formats that are not whole
// bytes (palettes, 5-6-5, floats, foreign byte order) an RGB copy. Null if libav cannot convert it.
FramePtr MakeRenderable(FramePtr frame);

// `region` of the picture as shown, scaled to `target`; see domain::Picture::Render. Only the
// samples of the region are read, scaled plane by plane and turned into RGB after that. Exact to a
// fraction of a pixel, and the same on every machine.
//
// `frame` comes from MakeRenderable. Any thread.
base::Result<domain::Image> RenderFrame(const AVFrame& frame, const DisplayGeometry& geometry,
                                        const domain::PixelBox& region,
                                        domain::Picture::RenderTarget target);

}  // namespace rollcall::media
