#include "vision/testing/image_picture.h"

#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

cv::Mat View(const domain::Image& image) {
  return {image.height, image.width, CV_8UC(image.channels()),
          const_cast<std::uint8_t*>(image.pixels.data())};
}

domain::Image FromMat(const cv::Mat& pixels, domain::PixelFormat format) {
  domain::Image image{.width = pixels.cols, .height = pixels.rows, .format = format, .pixels = {}};
  const cv::Mat packed = pixels.isContinuous() ? pixels : pixels.clone();
  image.pixels.assign(packed.datastart, packed.dataend);
  return image;
}

cv::Mat Converted(const cv::Mat& pixels, domain::PixelFormat from, domain::PixelFormat to) {
  if (from == to) return pixels;
  cv::Mat result;
  if (to == domain::PixelFormat::kGray8) {
    const bool is_rgb = from == domain::PixelFormat::kRgb24;
    cv::cvtColor(pixels, result, is_rgb ? cv::COLOR_RGB2GRAY : cv::COLOR_BGR2GRAY);
  } else {
    cv::cvtColor(pixels, result, cv::COLOR_RGB2BGR);
  }
  return result;
}

}  // namespace

base::Result<domain::Image> ImagePicture::Render(const domain::PixelBox& region,
                                                 RenderTarget target) const {
  if (!(region.area() > 0) || target.width < 1 || target.height < 1) {
    return domain::MakeError(domain::reason::kBadParams, "an empty region or target");
  }
  const double step_x = static_cast<double>(region.width()) / target.width;
  const double step_y = static_cast<double>(region.height()) / target.height;
  const auto format = target.format;
  if (step_x <= 1 && step_y <= 1) {
    // Growing: pixel centres to pixel centres.
    const cv::Matx23d back(step_x, 0, region.x1 + 0.5 * step_x - 0.5,  //
                           0, step_y, region.y1 + 0.5 * step_y - 0.5);
    cv::Mat grown;
    cv::warpAffine(View(image_), grown, back, {target.width, target.height},
                   cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, cv::BORDER_CONSTANT);
    return FromMat(Converted(grown, image_.format, format), format);
  }
  const int x1 = static_cast<int>(std::floor(region.x1));
  const int y1 = static_cast<int>(std::floor(region.y1));
  const cv::Rect wanted(x1, y1, static_cast<int>(std::ceil(region.x2)) - x1,
                        static_cast<int>(std::ceil(region.y2)) - y1);
  const cv::Rect inside = wanted & cv::Rect(0, 0, image_.width, image_.height);
  cv::Mat part;
  if (inside == wanted) {
    part = View(image_)(wanted);
  } else {
    part = cv::Mat::zeros(wanted.size(), CV_8UC(image_.channels()));
    if (!inside.empty()) View(image_)(inside).copyTo(part(inside - wanted.tl()));
  }
  cv::Mat shrunk;
  cv::resize(part, shrunk, {target.width, target.height}, 0, 0, cv::INTER_AREA);
  return FromMat(Converted(shrunk, image_.format, format), format);
}

base::Result<domain::Image> LoadJpeg(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(const std::string bytes, base::ReadFile(path));
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const tjhandle decoder = tjInitDecompress();
  domain::Image image;
  int subsampling = 0;
  int colours = 0;
  bool is_good = tjDecompressHeader3(decoder, data, bytes.size(), &image.width, &image.height,
                                     &subsampling, &colours) == 0;
  if (is_good) {
    image.pixels.resize(static_cast<std::size_t>(image.width) *
                        static_cast<std::size_t>(image.height) * 3);
    is_good = tjDecompress2(decoder, data, bytes.size(), image.pixels.data(), image.width, 0,
                            image.height, TJPF_RGB, TJFLAG_ACCURATEDCT) == 0 ||
              tjGetErrorCode(decoder) == TJERR_WARNING;
  }
  tjDestroy(decoder);
  if (is_good) return image;
  return base::Error{base::ErrorCode::kDataLoss, "ERR_BAD_JPEG", path.string() + " is no JPEG", ""};
}

domain::Image OnField(const domain::Image& image, double factor, int width, int height) {
  cv::Mat scaled;
  cv::resize(View(image), scaled, {}, factor, factor,
             factor < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  cv::Mat field(height, width, CV_8UC(image.channels()), cv::Scalar::all(128));
  const cv::Rect place((width - scaled.cols) / 2, (height - scaled.rows) / 2, scaled.cols,
                       scaled.rows);
  const cv::Rect inside = place & cv::Rect(0, 0, width, height);
  scaled(inside - place.tl()).copyTo(field(inside));
  return FromMat(field, image.format);
}

domain::Image Turned(const domain::Image& image, double degrees) {
  const cv::Point2f centre(static_cast<float>(image.width) / 2,
                           static_cast<float>(image.height) / 2);
  cv::Mat turned;
  cv::warpAffine(View(image), turned, cv::getRotationMatrix2D(centre, -degrees, 1),
                 {image.width, image.height}, cv::INTER_LINEAR, cv::BORDER_CONSTANT,
                 cv::Scalar::all(128));
  return FromMat(turned, image.format);
}

}  // namespace rollcall::vision
