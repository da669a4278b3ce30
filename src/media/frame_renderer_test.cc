#include "media/frame_renderer.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "media/resampler.h"
#include "media/testing/test_video.h"

namespace rollcall::media {
namespace {

using domain::Image;
using domain::PixelBox;
using domain::PixelFormat;

struct Colour {
  int r = 0;
  int g = 0;
  int b = 0;
};

FramePtr MakeFrame(int width, int height, AVPixelFormat format) {
  FramePtr frame = NewFrame();
  frame->width = width;
  frame->height = height;
  frame->format = format;
  EXPECT_GE(av_frame_get_buffer(frame.get(), 0), 0);
  return frame;
}

// `image` in another pixel format, by libav's own converter.
FramePtr Convert(const Image& image, AVPixelFormat format, int space = SWS_CS_ITU601,
                 bool is_full = false) {
  FramePtr frame = MakeFrame(image.width, image.height, format);
  frame->colorspace = space == SWS_CS_ITU709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  frame->color_range = is_full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  const ScalerPtr scaler(sws_getContext(
      image.width, image.height, AV_PIX_FMT_RGB24, image.width, image.height, format,
      SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, nullptr, nullptr, nullptr));
  EXPECT_NE(scaler, nullptr);
  sws_setColorspaceDetails(scaler.get(), sws_getCoefficients(space), 1, sws_getCoefficients(space),
                           is_full ? 1 : 0, 0, 1 << 16, 1 << 16);
  const std::uint8_t* planes[4] = {image.pixels.data(), nullptr, nullptr, nullptr};
  const int strides[4] = {image.width * 3, 0, 0, 0};
  sws_scale(scaler.get(), planes, strides, 0, image.height, frame->data, frame->linesize);
  return frame;
}

// Four flat quarters: red, green / blue, white, away from the extremes.
Image Quarters(int width, int height) {
  constexpr Colour kColours[4] = {{200, 40, 30}, {30, 180, 60}, {40, 50, 210}, {225, 220, 215}};
  Image image{.width = width, .height = height, .format = PixelFormat::kRgb24, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Colour& colour = kColours[(x * 2 >= width ? 1 : 0) + (y * 2 >= height ? 2 : 0)];
      image.pixels.push_back(static_cast<std::uint8_t>(colour.r));
      image.pixels.push_back(static_cast<std::uint8_t>(colour.g));
      image.pixels.push_back(static_cast<std::uint8_t>(colour.b));
    }
  }
  return image;
}

Colour At(const Image& image, int x, int y) {
  const auto at = static_cast<std::size_t>((y * image.width + x) * image.channels());
  if (image.channels() == 1) return {image.pixels[at], image.pixels[at], image.pixels[at]};
  return {image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]};
}

void ExpectNear(const Colour& a, const Colour& b, int tolerance, const std::string& what) {
  EXPECT_NEAR(a.r, b.r, tolerance) << what;
  EXPECT_NEAR(a.g, b.g, tolerance) << what;
  EXPECT_NEAR(a.b, b.b, tolerance) << what;
}

PixelBox Whole(const DisplayGeometry& geometry) {
  return {0, 0, static_cast<float>(geometry.width), static_cast<float>(geometry.height)};
}

Image Render(const AVFrame& frame, const PixelBox& region, domain::Picture::RenderTarget target,
             Orientation orientation = {}) {
  const auto geometry =
      MakeDisplayGeometry(frame.width, frame.height, AVRational{1, 1}, orientation);
  auto image = RenderFrame(frame, geometry, region, target);
  EXPECT_TRUE(image.ok()) << image.error().ToString();
  return image.ok() ? *std::move(image) : Image{};
}

class PixelFormatTest : public ::testing::TestWithParam<AVPixelFormat> {};

TEST_P(PixelFormatTest, KeepsColours) {
  const Image source = Quarters(160, 96);
  const FramePtr frame = MakeRenderable(Convert(source, GetParam()));
  ASSERT_NE(frame, nullptr);
  const int tolerance = GetParam() == AV_PIX_FMT_RGB565LE ? 9 : 3;
  for (const auto& [width, height] : {std::pair{160, 96}, {40, 24}, {37, 23}, {320, 200}}) {
    const Image image = Render(*frame, {0, 0, 160, 96}, {width, height, PixelFormat::kRgb24});
    ASSERT_EQ(image.pixels.size(), static_cast<std::size_t>(width * height * 3));
    for (const auto& [u, v] : {std::pair{1, 1}, {3, 1}, {1, 3}, {3, 3}}) {
      ExpectNear(At(image, width * u / 4, height * v / 4), At(source, 40 * u, 24 * v), tolerance,
                 std::to_string(width) + " " + std::to_string(u) + "," + std::to_string(v));
    }
  }
}

// Noise everywhere, so that a shift by a fraction of a pixel would show.
TEST_P(PixelFormatTest, HalfTheFrameShowsTheSame) {
  constexpr int kWidth = 192;
  constexpr int kHeight = 96;
  Image source = Quarters(kWidth, kHeight);
  unsigned noise = 1;
  for (std::uint8_t& each : source.pixels) {
    noise = noise * 1664525 + 1013904223;
    each = static_cast<std::uint8_t>(each / 2 + (noise >> 26));
  }
  const FramePtr frame = MakeRenderable(Convert(source, GetParam()));
  ASSERT_NE(frame, nullptr);
  const FramePtr half = HalveFrame(*frame);
  const AVPixFmtDescriptor& format =
      *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame->format));
  const bool is_usual = (format.flags & AV_PIX_FMT_FLAG_RGB) == 0 && format.log2_chroma_w < 2;
  ASSERT_EQ(half != nullptr, is_usual);
  if (half == nullptr) return;
  for (const int exif : {1, 6}) {
    const auto geometry =
        MakeDisplayGeometry(kWidth, kHeight, AVRational{1, 1}, OrientationOfExif(exif));
    for (const PixelBox& region : {Whole(geometry), PixelBox{5.3F, 2.1F, 89.9F, 83.7F}}) {
      const domain::Picture::RenderTarget target{static_cast<int>(region.width() / 4),
                                                 static_cast<int>(region.height() / 4),
                                                 PixelFormat::kRgb24};
      ASSERT_TRUE(IsHalfEnough(geometry, region, target, *frame));
      const auto direct = RenderFrame(*frame, geometry, region, target);
      const auto halved = RenderFrame(*half, geometry, region, target);
      ASSERT_TRUE(direct.ok() && halved.ok());
      double sum = 0;
      for (std::size_t i = 0; i < direct->pixels.size(); ++i) {
        ASSERT_NEAR(direct->pixels[i], halved->pixels[i], 16) << exif << " " << i;
        sum += std::abs(direct->pixels[i] - halved->pixels[i]);
      }
      // A shift by one sample makes 6 and more of it.
      EXPECT_LE(sum / static_cast<double>(direct->pixels.size()), 2.5) << exif;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    FrameRenderer, PixelFormatTest,
    ::testing::Values(AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P, AV_PIX_FMT_NV12,
                      AV_PIX_FMT_NV21, AV_PIX_FMT_YUYV422, AV_PIX_FMT_UYVY422, AV_PIX_FMT_YUV411P,
                      AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV444P12LE,
                      AV_PIX_FMT_P010LE, AV_PIX_FMT_YUVA420P, AV_PIX_FMT_GBRP, AV_PIX_FMT_GBRP10LE,
                      AV_PIX_FMT_RGB24, AV_PIX_FMT_BGR24, AV_PIX_FMT_RGBA, AV_PIX_FMT_BGR0,
                      AV_PIX_FMT_RGB48LE, AV_PIX_FMT_RGB48BE, AV_PIX_FMT_RGB565LE),
    [](const auto& each) { return std::string(av_get_pix_fmt_name(each.param)); });

TEST(FrameRendererTest, HalvesOnlyWhatStaysExact) {
  EXPECT_EQ(HalveFrame(*MakeFrame(66, 64, AV_PIX_FMT_YUV420P)), nullptr);
  EXPECT_EQ(HalveFrame(*MakeFrame(64, 30, AV_PIX_FMT_YUV420P)), nullptr);
  const FramePtr frame = MakeFrame(64, 64, AV_PIX_FMT_YUV420P);
  EXPECT_NE(HalveFrame(*frame), nullptr);
  const auto geometry = MakeDisplayGeometry(64, 64, AVRational{1, 1}, {});
  EXPECT_FALSE(IsHalfEnough(geometry, {0, 0, 64, 64}, {17, 16, PixelFormat::kRgb24}, *frame));
  EXPECT_FALSE(IsHalfEnough(geometry, {0, 0, 64, 64}, {16, 17, PixelFormat::kRgb24}, *frame));
  EXPECT_FALSE(IsHalfEnough(geometry, {0, 0, 32, 32}, {16, 16, PixelFormat::kRgb24}, *frame));
}

TEST(FrameRendererTest, FollowsMatrixAndRange) {
  const Image source = Quarters(64, 64);
  for (const int space : {SWS_CS_ITU601, SWS_CS_ITU709}) {
    for (const bool is_full : {false, true}) {
      const FramePtr frame = Convert(source, AV_PIX_FMT_YUV444P, space, is_full);
      const Image image = Render(*frame, {0, 0, 64, 64}, {64, 64, PixelFormat::kRgb24});
      ExpectNear(At(image, 10, 10), At(source, 10, 10), 2, "red");
      ExpectNear(At(image, 10, 50), At(source, 10, 50), 2, "blue");
    }
  }
}

TEST(FrameRendererTest, GivesBgrAndGrey) {
  const Image source = Quarters(64, 64);
  const FramePtr frame = Convert(source, AV_PIX_FMT_YUV420P);
  const Image rgb = Render(*frame, {0, 0, 64, 64}, {16, 16, PixelFormat::kRgb24});
  const Image bgr = Render(*frame, {0, 0, 64, 64}, {16, 16, PixelFormat::kBgr24});
  const Image grey = Render(*frame, {0, 0, 64, 64}, {16, 16, PixelFormat::kGray8});
  ASSERT_EQ(grey.pixels.size(), 256U);
  EXPECT_EQ(At(rgb, 3, 3).r, At(bgr, 3, 3).b);
  EXPECT_EQ(At(rgb, 3, 3).b, At(bgr, 3, 3).r);
  const Colour red = At(source, 10, 10);
  EXPECT_NEAR(At(grey, 3, 3).r, 0.299 * red.r + 0.587 * red.g + 0.114 * red.b, 3);
}

TEST(FrameRendererTest, GivesGreyOfRgbAndRgbOfGrey) {
  const Image source = Quarters(64, 64);
  const FramePtr rgb = Convert(source, AV_PIX_FMT_RGB24);
  const FramePtr grey = Convert(source, AV_PIX_FMT_GRAY8, SWS_CS_ITU601, true);
  const Image from_rgb = Render(*rgb, {0, 0, 64, 64}, {8, 8, PixelFormat::kGray8});
  const Image from_grey = Render(*grey, {0, 0, 64, 64}, {8, 8, PixelFormat::kRgb24});
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(At(from_rgb, i, i).r, At(from_grey, i, i).g, 2);
    EXPECT_EQ(At(from_grey, i, i).r, At(from_grey, i, i).b);
  }
}

TEST(FrameRendererTest, RendersARegionAsACrop) {
  const Image source = testing::NumberedPicture(192, 128, 77);
  const FramePtr frame = Convert(source, AV_PIX_FMT_RGB24);
  const Image crop = Render(*frame, {33, 21, 93, 71}, {60, 50, PixelFormat::kRgb24});
  for (int y = 0; y < 50; ++y) {
    for (int x = 0; x < 60; ++x) {
      const Colour expected = At(source, x + 33, y + 21);
      ASSERT_EQ(At(crop, x, y).r, expected.r) << x << "," << y;
      ASSERT_EQ(At(crop, x, y).b, expected.b) << x << "," << y;
    }
  }
}

TEST(FrameRendererTest, IsExactToAFractionOfAPixel) {
  FramePtr ramp = MakeFrame(256, 16, AV_PIX_FMT_GRAY8);
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 256; ++x) {
      ramp->data[0][y * ramp->linesize[0] + x] = static_cast<std::uint8_t>(x);
    }
  }
  // The grey value under a target pixel's centre is its position.
  for (const float shift : {0.0F, 0.25F, 0.5F, 0.75F}) {
    const Image shrunk =
        Render(*ramp, {20 + shift, 0, 180 + shift, 16}, {40, 4, PixelFormat::kGray8});
    for (int i = 0; i < 40; ++i) {
      EXPECT_NEAR(At(shrunk, i, 1).r, 20 + shift + 4 * (static_cast<float>(i) + 0.5F) - 0.5F, 0.8);
    }
    const Image grown =
        Render(*ramp, {20 + shift, 2, 40 + shift, 6}, {100, 4, PixelFormat::kGray8});
    for (int i = 0; i < 100; ++i) {
      EXPECT_NEAR(At(grown, i, 1).r, 20 + shift + 0.2F * (static_cast<float>(i) + 0.5F) - 0.5F,
                  0.8);
    }
  }
}

TEST(FrameRendererTest, AveragesWhenItShrinks) {
  FramePtr stripes = MakeFrame(240, 240, AV_PIX_FMT_GRAY8);
  for (int y = 0; y < 240; ++y) {
    for (int x = 0; x < 240; ++x) {
      stripes->data[0][y * stripes->linesize[0] + x] = (x + y) % 2 == 0 ? 0 : 200;
    }
  }
  for (const int side : {120, 100, 60, 37, 7, 1}) {
    const Image image = Render(*stripes, {0, 0, 240, 240}, {side, side, PixelFormat::kGray8});
    for (const std::uint8_t each : image.pixels) EXPECT_NEAR(each, 100, 8) << side;
  }
}

TEST(FrameRendererTest, ShowsBlackOutsideThePicture) {
  const FramePtr frame = Convert(Quarters(100, 100), AV_PIX_FMT_YUV420P);
  const Image image = Render(*frame, {-50, -50, 150, 150}, {200, 200, PixelFormat::kRgb24});
  ExpectNear(At(image, 49, 100), {0, 0, 0}, 0, "left of it");
  ExpectNear(At(image, 150, 100), {0, 0, 0}, 0, "right of it");
  ExpectNear(At(image, 100, 49), {0, 0, 0}, 0, "above");
  ExpectNear(At(image, 100, 150), {0, 0, 0}, 0, "below");
  ExpectNear(At(image, 60, 60), {200, 40, 30}, 3, "inside");
  const Image far = Render(*frame, {500, 500, 600, 600}, {10, 10, PixelFormat::kRgb24});
  ExpectNear(At(far, 5, 5), {0, 0, 0}, 0, "all outside");
}

TEST(FrameRendererTest, RefusesEmptyRegionsAndTargets) {
  const FramePtr frame = Convert(Quarters(64, 64), AV_PIX_FMT_YUV420P);
  const auto geometry = MakeDisplayGeometry(64, 64, AVRational{1, 1}, {});
  const PixelBox good{0, 0, 64, 64};
  const float none = std::nanf("");
  for (const PixelBox& region : {PixelBox{5, 5, 5, 9}, PixelBox{9, 5, 5, 9},
                                 PixelBox{none, 0, 9, 9}, PixelBox{0, 0, INFINITY, 9}}) {
    EXPECT_FALSE(RenderFrame(*frame, geometry, region, {8, 8, PixelFormat::kRgb24}).ok());
  }
  EXPECT_FALSE(RenderFrame(*frame, geometry, good, {0, 8, PixelFormat::kRgb24}).ok());
  EXPECT_FALSE(RenderFrame(*frame, geometry, good, {8, 1 << 20, PixelFormat::kRgb24}).ok());
}

TEST(FrameRendererTest, TurnsThePicture) {
  const Image source = Quarters(128, 64);
  const FramePtr frame = Convert(source, AV_PIX_FMT_RGB24);
  const Colour red = At(source, 10, 10);
  const Colour green = At(source, 100, 10);
  const Colour blue = At(source, 10, 50);
  const Colour white = At(source, 100, 50);
  struct Case {
    int exif;
    Colour top_left, top_right, bottom_left, bottom_right;
  };
  const Case cases[] = {{1, red, green, blue, white}, {2, green, red, white, blue},
                        {3, white, blue, green, red}, {4, blue, white, red, green},
                        {5, red, blue, green, white}, {6, blue, red, white, green},
                        {7, white, green, blue, red}, {8, green, white, red, blue}};
  for (const Case& each : cases) {
    const Orientation orientation = OrientationOfExif(each.exif);
    const auto geometry = MakeDisplayGeometry(128, 64, AVRational{1, 1}, orientation);
    const int w = geometry.width;
    const int h = geometry.height;
    EXPECT_EQ(w, each.exif >= 5 ? 64 : 128);
    const auto image =
        RenderFrame(*frame, geometry, Whole(geometry), {w / 2, h / 2, PixelFormat::kRgb24});
    ASSERT_TRUE(image.ok());
    const std::string what = "EXIF " + std::to_string(each.exif);
    ExpectNear(At(*image, w / 8, h / 8), each.top_left, 1, what);
    ExpectNear(At(*image, w * 3 / 8, h / 8), each.top_right, 1, what);
    ExpectNear(At(*image, w / 8, h * 3 / 8), each.bottom_left, 1, what);
    ExpectNear(At(*image, w * 3 / 8, h * 3 / 8), each.bottom_right, 1, what);
    // A region is meant in the picture as shown.
    const PixelBox corner{static_cast<float>(w) / 2 + 4, 0, static_cast<float>(w),
                          static_cast<float>(h) / 2 - 4};
    const auto part = RenderFrame(*frame, geometry, corner, {6, 6, PixelFormat::kRgb24});
    ASSERT_TRUE(part.ok());
    for (int i = 0; i < 6; ++i) ExpectNear(At(*part, i, i), each.top_right, 1, what);
  }
}

TEST(FrameRendererTest, StretchesPixelsThatAreNotSquare) {
  const FramePtr frame = Convert(Quarters(72, 64), AV_PIX_FMT_YUV420P);
  const auto geometry = MakeDisplayGeometry(72, 64, AVRational{16, 9}, {});
  EXPECT_EQ(geometry.width, 128);
  EXPECT_EQ(geometry.height, 64);
  const auto image = RenderFrame(*frame, geometry, {64, 0, 128, 32}, {8, 8, PixelFormat::kRgb24});
  ASSERT_TRUE(image.ok());
  ExpectNear(At(*image, 4, 4), {30, 180, 60}, 3, "the right upper quarter");
}

TEST(FrameRendererTest, LeavesOutAnAspectThatNoCameraMakes) {
  EXPECT_EQ(MakeDisplayGeometry(640, 480, AVRational{1000, 1}, {}).width, 640);
  EXPECT_EQ(MakeDisplayGeometry(640, 480, AVRational{0, 1}, {}).width, 640);
  EXPECT_EQ(MakeDisplayGeometry(720, 576, AVRational{16, 15}, {}).width, 768);
}

// Cut off instead of rounded, a film of 10 bits is darker and greener than the same with 8.
TEST(ResamplerTest, RoundsWideSamplesToBytes) {
  const std::vector<std::uint16_t> samples(16, 403);  // 100.75 of 255.
  const std::vector<std::uint16_t> brightest(16, 1023);
  const Axis same({0, 4}, 4, 4);
  for (const auto& [row, byte] : {std::pair{&samples, 101}, {&brightest, 255}}) {
    const Plane plane{.bytes = reinterpret_cast<const std::uint8_t*>(row->data()),
                      .row_bytes = 8,
                      .step = 1,
                      .is_wide = true,
                      .shift = 2};
    EXPECT_EQ(Resample(plane, same, same).front(), byte);
    std::array<std::uint8_t, 4> half{};
    Halve(plane, 2, 2, half.data(), 2);
    EXPECT_EQ(half.front(), byte);
  }
}

// The machine that goes on may be an older one.
TEST(ResamplerTest, GivesTheSameBytesOnEveryProcessor) {
  constexpr int kWidth = 211;  // No whole number of registers.
  constexpr int kHeight = 90;
  std::vector<std::uint8_t> bytes(std::size_t{2} * kWidth * kHeight);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i % 7 == 0 ? 255 : i * i >> 3);
  }
  for (const int width : {1, 7, 13, 24, 100, 300}) {
    for (const bool is_wide : {false, true}) {
      const Plane plane{.bytes = bytes.data(),
                        .row_bytes = kWidth * (is_wide ? 2 : 1),
                        .is_wide = is_wide,
                        .shift = is_wide ? 8 : 0};
      const Axis horizontal({3.3, 207.9}, width, kWidth);
      const Axis vertical({0.5, 88.1}, 31, kHeight);
      EXPECT_EQ(Resample(plane, horizontal, vertical),
                anywhere::Resample(plane, horizontal, vertical));
      std::vector<std::uint8_t> half(105 * 45);
      std::vector<std::uint8_t> half_anywhere(half.size());
      Halve(plane, 105, 45, half.data(), 105);
      anywhere::Halve(plane, 105, 45, half_anywhere.data(), 105);
      EXPECT_EQ(half, half_anywhere);
    }
  }
}

TEST(ResamplerTest, AgreesWithExactArithmetic) {
  constexpr int kSide = 97;
  std::vector<std::uint8_t> bytes(kSide * kSide);
  unsigned noise = 1;
  for (std::uint8_t& each : bytes) {
    noise = noise * 1664525 + 1013904223;
    each = static_cast<std::uint8_t>(noise >> 24);
  }
  const Plane plane{.bytes = bytes.data(), .row_bytes = kSide};
  for (const int target : {96, 50, 33, 10, 3, 1}) {
    const double begin = 3.3;
    const double end = 95.1;
    const double scale = (end - begin) / target;
    if (scale < 1) continue;
    const Axis axis({begin, end}, target, kSide);
    const auto out = Resample(plane, axis, axis);
    for (int i = 0; i < target; ++i) {
      for (int j = 0; j < target; ++j) {
        double sum = 0;
        for (int y = 0; y < kSide; ++y) {
          for (int x = 0; x < kSide; ++x) {
            const double in_y = std::min<double>(begin + (i + 1) * scale, y + 1) -
                                std::max<double>(begin + i * scale, y);
            const double in_x = std::min<double>(begin + (j + 1) * scale, x + 1) -
                                std::max<double>(begin + j * scale, x);
            if (in_x > 0 && in_y > 0) {
              sum += in_x * in_y * bytes[static_cast<std::size_t>(y * kSide + x)];
            }
          }
        }
        ASSERT_NEAR(out[static_cast<std::size_t>(i * target + j)], sum / scale / scale, 1.6)
            << target << " " << i << "," << j;
      }
    }
  }
}

}  // namespace
}  // namespace rollcall::media
