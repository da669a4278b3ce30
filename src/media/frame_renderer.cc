#include "media/frame_renderer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "domain/reasons.h"
#include "media/resampler.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;
using domain::MakeError;
using domain::PixelFormat;

constexpr int kTargetSideMax = 16384;

bool IsWholeBytes(const AVPixFmtDescriptor& format) {
  constexpr std::uint64_t kForeign = AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_PAL |
                                     AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT |
                                     AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_BE;
  if ((format.flags & kForeign) != 0 || format.nb_components < 1) return false;
  if (std::strncmp(format.name, "xyz", 3) == 0) return false;
  const int components = format.nb_components >= 3 ? 3 : 1;
  for (int i = 0; i < components; ++i) {
    const AVComponentDescriptor& each = format.comp[i];
    const bool is_byte = each.depth == 8 && each.shift == 0;
    const bool is_wide = each.depth > 8 && each.depth <= 16 && each.step % 2 == 0 &&
                         each.offset % 2 == 0 && each.depth + each.shift <= 16;
    if (!is_byte && !is_wide) return false;
  }
  return true;
}

// Y'CbCr to R'G'B' in units of 2^-14.
struct ColourMatrix {
  int y_gain = 0;
  int y_offset = 0;
  int red_v = 0;
  int green_u = 0;
  int green_v = 0;
  int blue_u = 0;
};

// Streams that do not say: like players, BT.709 for pictures of HD size, else BT.601.
AVColorSpace SpaceOf(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_SMPTE240M:
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return frame.colorspace;
    default:
      break;
  }
  const bool is_jpeg = frame.format == AV_PIX_FMT_YUVJ420P || frame.format == AV_PIX_FMT_YUVJ422P ||
                       frame.format == AV_PIX_FMT_YUVJ444P || frame.format == AV_PIX_FMT_YUVJ440P;
  if (!is_jpeg && (frame.width >= 1280 || frame.height > 576)) return AVCOL_SPC_BT709;
  return AVCOL_SPC_SMPTE170M;
}

bool IsFullRange(const AVFrame& frame) {
  switch (frame.format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ411P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ444P:
      return true;
    case AV_PIX_FMT_GRAY8:
    case AV_PIX_FMT_YA8:
    case AV_PIX_FMT_GRAY16:
    case AV_PIX_FMT_YA16:
      return frame.color_range != AVCOL_RANGE_MPEG;  // PNG and JPEG.
    default:
      return frame.color_range == AVCOL_RANGE_JPEG;
  }
}

ColourMatrix MatrixOf(const AVFrame& frame) {
  double kr = 0.299;
  double kb = 0.114;
  switch (SpaceOf(frame)) {
    case AVCOL_SPC_BT709:
      kr = 0.2126, kb = 0.0722;
      break;
    case AVCOL_SPC_FCC:
      kr = 0.30, kb = 0.11;
      break;
    case AVCOL_SPC_SMPTE240M:
      kr = 0.212, kb = 0.087;
      break;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      kr = 0.2627, kb = 0.0593;
      break;
    default:
      break;
  }
  const bool is_full = IsFullRange(frame);
  const double luma = is_full ? 1.0 : 255.0 / 219.0;
  const double chroma = is_full ? 1.0 : 255.0 / 224.0;
  const double kg = 1 - kr - kb;
  const auto fixed = [](double value) { return static_cast<int>(std::lround(value * 16384)); };
  return {.y_gain = fixed(luma),
          .y_offset = is_full ? 0 : 16,
          .red_v = fixed(2 * (1 - kr) * chroma),
          .green_u = fixed(-2 * (1 - kb) * kb / kg * chroma),
          .green_v = fixed(-2 * (1 - kr) * kr / kg * chroma),
          .blue_u = fixed(2 * (1 - kb) * chroma)};
}

// 8 bits and planes, with the same subsampling; none for those that few videos have.
AVPixelFormat HalvedFormat(const AVPixFmtDescriptor& description) {
  if (description.nb_components < 3) return AV_PIX_FMT_GRAY8;
  if (description.log2_chroma_w == 1 && description.log2_chroma_h == 1) return AV_PIX_FMT_YUV420P;
  if (description.log2_chroma_w == 1 && description.log2_chroma_h == 0) return AV_PIX_FMT_YUV422P;
  if (description.log2_chroma_w == 0 && description.log2_chroma_h == 0) return AV_PIX_FMT_YUV444P;
  return AV_PIX_FMT_NONE;
}

std::uint8_t Clip(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

// The part of the target that shows the picture, in the stored orientation.
struct Placement {
  int begin = 0;
  int end = 0;
  double source_begin = 0;
  double source_end = 0;
};

// A target pixel shows the picture if its centre lies inside it.
Placement Place(double begin, double end, int target, int source) {
  const double scale = (end - begin) / target;
  const auto pixel_at = [&](double position) {
    return static_cast<int>(
        std::clamp(std::ceil((position - begin) / scale - 0.5), 0.0, static_cast<double>(target)));
  };
  Placement place{.begin = pixel_at(0), .end = pixel_at(source)};
  place.source_begin = begin + place.begin * scale;
  place.source_end = begin + place.end * scale;
  return place;
}

Plane PlaneOf(const AVFrame& frame, const AVComponentDescriptor& component) {
  const bool is_wide = component.depth > 8;
  return {.bytes = frame.data[component.plane] + component.offset,
          .row_bytes = frame.linesize[component.plane],
          .step = is_wide ? component.step / 2 : component.step,
          .is_wide = is_wide,
          .shift = is_wide ? component.shift + component.depth - 8 : 0};
}

// Up to three scaled components, and how to make pixels of them.
class PixelRows {
 public:
  PixelRows(const AVFrame& frame, const Placement& x, const Placement& y, PixelFormat format)
      : width_(x.end - x.begin), format_(format), matrix_(MatrixOf(frame)) {
    const AVPixFmtDescriptor& description =
        *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
    is_rgb_ = (description.flags & AV_PIX_FMT_FLAG_RGB) != 0;
    is_grey_ = description.nb_components < 3;
    const bool needs_all = is_rgb_ || (!is_grey_ && format != PixelFormat::kGray8);
    const int components = needs_all ? 3 : 1;
    const Axis horizontal({x.source_begin, x.source_end}, width_, frame.width);
    const Axis vertical({y.source_begin, y.source_end}, y.end - y.begin, frame.height);
    samples_[0] = Resample(PlaneOf(frame, description.comp[0]), horizontal, vertical);
    if (components == 1) return;
    const int dx = is_rgb_ ? 0 : description.log2_chroma_w;
    const int dy = is_rgb_ ? 0 : description.log2_chroma_h;
    const Axis chroma_x = Subsampled(x, width_, frame.width, dx);
    const Axis chroma_y = Subsampled(y, y.end - y.begin, frame.height, dy);
    for (std::size_t i = 1; i < 3; ++i) {
      samples_[i] = Resample(PlaneOf(frame, description.comp[i]), chroma_x, chroma_y);
    }
  }

  int width() const { return width_; }

  // Row `y` as packed pixels of the format.
  void Convert(int y, std::uint8_t* out) const {
    const std::size_t at = static_cast<std::size_t>(y) * static_cast<std::size_t>(width_);
    if (format_ == PixelFormat::kGray8) {
      ConvertToGrey(at, out);
    } else if (is_rgb_) {
      ConvertFromRgb(at, out);
    } else if (is_grey_) {
      for (int x = 0; x < width_; ++x, out += 3) out[0] = out[1] = out[2] = Luma(at, x);
    } else {
      ConvertFromYuv(at, out);
    }
  }

 private:
  static Axis Subsampled(const Placement& place, int target, int source, int log2) {
    const double factor = 1 << log2;
    return {{place.source_begin / factor, place.source_end / factor},
            target,
            AV_CEIL_RSHIFT(source, log2)};
  }

  std::uint8_t Luma(std::size_t at, int x) const {
    const int luma = samples_[0][at + static_cast<std::size_t>(x)];
    return Clip(((luma - matrix_.y_offset) * matrix_.y_gain + 8192) >> 14);
  }

  void ConvertToGrey(std::size_t at, std::uint8_t* out) const {
    if (!is_rgb_) {
      for (int x = 0; x < width_; ++x) out[x] = Luma(at, x);
      return;
    }
    const std::uint8_t* r = samples_[0].data() + at;
    const std::uint8_t* g = samples_[1].data() + at;
    const std::uint8_t* b = samples_[2].data() + at;
    for (int x = 0; x < width_; ++x) {  // BT.601's shares, as image libraries take them.
      out[x] = static_cast<std::uint8_t>((4899 * r[x] + 9617 * g[x] + 1868 * b[x] + 8192) >> 14);
    }
  }

  void ConvertFromRgb(std::size_t at, std::uint8_t* out) const {
    const bool is_bgr = format_ == PixelFormat::kBgr24;
    const std::uint8_t* first = samples_[is_bgr ? 2 : 0].data() + at;
    const std::uint8_t* second = samples_[1].data() + at;
    const std::uint8_t* third = samples_[is_bgr ? 0 : 2].data() + at;
    for (int x = 0; x < width_; ++x, out += 3) {
      out[0] = first[x];
      out[1] = second[x];
      out[2] = third[x];
    }
  }

  void ConvertFromYuv(std::size_t at, std::uint8_t* out) const {
    const std::uint8_t* luma = samples_[0].data() + at;
    const std::uint8_t* blue = samples_[1].data() + at;
    const std::uint8_t* red = samples_[2].data() + at;
    const ColourMatrix m = matrix_;
    const std::size_t red_at = format_ == PixelFormat::kBgr24 ? 2 : 0;
    for (int x = 0; x < width_; ++x, out += 3) {
      const int y = (luma[x] - m.y_offset) * m.y_gain + 8192;
      const int u = blue[x] - 128;
      const int v = red[x] - 128;
      out[red_at] = Clip((y + m.red_v * v) >> 14);
      out[1] = Clip((y + m.green_u * u + m.green_v * v) >> 14);
      out[2 - red_at] = Clip((y + m.blue_u * u) >> 14);
    }
  }

  int width_;
  PixelFormat format_;
  ColourMatrix matrix_;
  bool is_rgb_ = false;
  bool is_grey_ = false;
  std::array<std::vector<std::uint8_t>, 3> samples_;
};

// Writes a row of the stored orientation, pixels [x, x + count) of row y, where it is shown.
void PutRow(const std::uint8_t* row, int x, int y, int count, const Orientation& orientation,
            domain::Image& image) {
  const auto channels = static_cast<std::size_t>(image.channels());
  const auto put_at = [&](int shown_x, int shown_y) {
    if (orientation.is_x_flipped) shown_x = image.width - 1 - shown_x;
    if (orientation.is_y_flipped) shown_y = image.height - 1 - shown_y;
    return (static_cast<std::size_t>(shown_y) * static_cast<std::size_t>(image.width) +
            static_cast<std::size_t>(shown_x)) *
           channels;
  };
  if (orientation.is_plain()) {
    std::memcpy(image.pixels.data() + put_at(x, y), row,
                static_cast<std::size_t>(count) * channels);
    return;
  }
  for (int i = 0; i < count; ++i, row += channels) {
    const std::size_t at = orientation.is_transposed ? put_at(y, x + i) : put_at(x + i, y);
    std::memcpy(image.pixels.data() + at, row, channels);
  }
}

base::Result<void> CheckRequest(const domain::PixelBox& region,
                                domain::Picture::RenderTarget target) {
  const bool is_region = region.width() > 0 && region.height() > 0 && std::isfinite(region.x1) &&
                         std::isfinite(region.y1) && std::isfinite(region.x2) &&
                         std::isfinite(region.y2);
  if (!is_region) return MakeError(reason::kBadParams, "the region to render is empty");
  if (target.width <= 0 || target.height <= 0 || target.width > kTargetSideMax ||
      target.height > kTargetSideMax) {
    return MakeError(reason::kBadParams,
                     fmt::format("cannot render to {}×{} pixels", target.width, target.height));
  }
  return {};
}

}  // namespace

FramePtr MakeRenderable(FramePtr frame) {
  const auto format = static_cast<AVPixelFormat>(frame->format);
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  if (description == nullptr || frame->width <= 0 || frame->height <= 0) return nullptr;
  if (IsWholeBytes(*description)) return frame;
  FramePtr copy = NewFrame();
  copy->format = AV_PIX_FMT_RGB24;
  copy->width = frame->width;
  copy->height = frame->height;
  const ScalerPtr scaler(sws_getContext(
      frame->width, frame->height, format, copy->width, copy->height, AV_PIX_FMT_RGB24,
      SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INT, nullptr, nullptr,
      nullptr));
  if (scaler == nullptr || av_frame_get_buffer(copy.get(), 0) < 0 ||
      av_frame_copy_props(copy.get(), frame.get()) < 0) {
    return nullptr;
  }
  sws_scale(scaler.get(), frame->data, frame->linesize, 0, frame->height, copy->data,
            copy->linesize);
  return copy;
}

FramePtr HalveFrame(const AVFrame& frame) {
  const AVPixFmtDescriptor& description =
      *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const bool is_rgb = (description.flags & AV_PIX_FMT_FLAG_RGB) != 0;
  const AVPixelFormat format = is_rgb ? AV_PIX_FMT_NONE : HalvedFormat(description);
  if (format == AV_PIX_FMT_NONE || frame.width % 4 != 0 || frame.height % 4 != 0) return nullptr;
  FramePtr half = NewFrame();
  half->format = format;
  half->width = frame.width / 2;
  half->height = frame.height / 2;
  half->colorspace = SpaceOf(frame);
  half->color_range = IsFullRange(frame) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  if (av_frame_get_buffer(half.get(), 0) < 0) return nullptr;
  const int components = description.nb_components < 3 ? 1 : 3;
  for (int i = 0; i < components; ++i) {
    const int dx = i == 0 ? 0 : description.log2_chroma_w;
    const int dy = i == 0 ? 0 : description.log2_chroma_h;
    Halve(PlaneOf(frame, description.comp[i]), half->width >> dx, half->height >> dy, half->data[i],
          half->linesize[i]);
  }
  return half;
}

bool IsHalfEnough(const DisplayGeometry& geometry, const domain::PixelBox& region,
                  domain::Picture::RenderTarget target, const AVFrame& frame) {
  constexpr double kShrink = 4;
  const StoredRegion stored = ToStored(geometry, region, frame.width, frame.height);
  const bool is_transposed = geometry.orientation.is_transposed;
  const int target_x = is_transposed ? target.height : target.width;
  const int target_y = is_transposed ? target.width : target.height;
  return stored.x2 - stored.x1 >= kShrink * target_x && stored.y2 - stored.y1 >= kShrink * target_y;
}

base::Result<domain::Image> RenderFrame(const AVFrame& frame, const DisplayGeometry& geometry,
                                        const domain::PixelBox& region,
                                        domain::Picture::RenderTarget target) {
  ROLLCALL_TRY(CheckRequest(region, target));
  domain::Image image{
      .width = target.width, .height = target.height, .format = target.format, .pixels = {}};
  image.pixels.assign(static_cast<std::size_t>(image.width) *
                          static_cast<std::size_t>(image.height) *
                          static_cast<std::size_t>(image.channels()),
                      0);
  const StoredRegion stored = ToStored(geometry, region, frame.width, frame.height);
  const bool is_transposed = geometry.orientation.is_transposed;
  const Placement x =
      Place(stored.x1, stored.x2, is_transposed ? target.height : target.width, frame.width);
  const Placement y =
      Place(stored.y1, stored.y2, is_transposed ? target.width : target.height, frame.height);
  if (x.begin >= x.end || y.begin >= y.end) return image;
  const PixelRows rows(frame, x, y, target.format);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(rows.width() * image.channels()));
  for (int i = y.begin; i < y.end; ++i) {
    rows.Convert(i - y.begin, row.data());
    PutRow(row.data(), x.begin, i, rows.width(), geometry.orientation, image);
  }
  return image;
}

}  // namespace rollcall::media
