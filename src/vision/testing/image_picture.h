#pragma once

#include <filesystem>

#include "domain/image.h"

namespace rollcall::vision {

// A picture held as pixels, for tests and benchmarks: what a decoded frame is to the pipeline.
// Rendering is OpenCV's INTER_AREA when it shrinks, bilinear when it grows. Thread-safe.
class ImagePicture final : public domain::Picture {
 public:
  // RGB or BGR pixels.
  explicit ImagePicture(domain::Image image) : image_(std::move(image)) {}

  int width() const override { return image_.width; }
  int height() const override { return image_.height; }
  base::Result<domain::Image> Render(const domain::PixelBox& region,
                                     RenderTarget target) const override;

 private:
  domain::Image image_;
};

// kNotFound, or kDataLoss for what is not a JPEG.
base::Result<domain::Image> LoadJpeg(const std::filesystem::path& path);

// The picture scaled by `factor` and laid on a grey field of width × height at its centre.
domain::Image OnField(const domain::Image& image, double factor, int width, int height);
// Turned clockwise around its centre; what comes in at the corners is grey.
domain::Image Turned(const domain::Image& image, double degrees);

}  // namespace rollcall::vision
