#pragma once

#include <cstdint>

#include "domain/face.h"
#include "domain/image.h"

namespace rollcall::pipeline {

// What a still of this face shows, without the JPEG.
domain::FaceCrop CropOf(const domain::Detection& detection);

// Its pixels, 160 at most on a side.
base::Result<domain::Image> RenderCrop(const domain::Picture& picture,
                                       const domain::FaceCrop& crop);

base::Result<domain::FaceCrop> EncodeCrop(domain::FaceCrop crop, const domain::Image& pixels);

// A face that was not embedded, with all that is needed to do so without its frame.
struct SpareFace {
  domain::FaceCrop crop;
  domain::Image cropped;  // Its pixels; empty: the face has its crop already.
  domain::Image aligned;
};

}  // namespace rollcall::pipeline
