#include "pipeline/face_crop.h"

#include <algorithm>

#include "artifacts/faces_pack.h"

namespace rollcall::pipeline {
namespace {

constexpr float kCropFactor = 1.4F;
constexpr float kCropSideMax = 160;
constexpr int kCropJpegQuality = 88;

}  // namespace

domain::FaceCrop CropOf(const domain::Detection& detection) {
  return {.frame_id = detection.frame_id,
          .pts = detection.pts,
          .index = detection.index,
          .region = domain::SquareAround(detection.box, kCropFactor),
          .landmarks = detection.landmarks.value_or(domain::Landmarks5{})};
}

base::Result<domain::Image> RenderCrop(const domain::Picture& picture,
                                       const domain::FaceCrop& crop) {
  const int side =
      std::max(8, static_cast<int>(std::min(kCropSideMax, crop.region.width()) + 0.5F));
  return picture.Render(crop.region,
                        {.width = side, .height = side, .format = domain::PixelFormat::kRgb24});
}

base::Result<domain::FaceCrop> EncodeCrop(domain::FaceCrop crop, const domain::Image& pixels) {
  ROLLCALL_TRY_ASSIGN(crop.jpeg, artifacts::EncodeJpeg(pixels, kCropJpegQuality));
  return crop;
}

}  // namespace rollcall::pipeline
