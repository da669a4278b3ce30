#include <gtest/gtest.h>

#include <cstdlib>

#include "artifacts/faces_pack.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

using domain::Image;
using domain::PixelFormat;

// Red grows to the right, green downwards.
Image Gradient(int width, int height, PixelFormat format) {
  Image image{.width = width, .height = height, .format = format, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto red = static_cast<std::uint8_t>(x * 255 / width);
      const auto green = static_cast<std::uint8_t>(y * 255 / height);
      if (format == PixelFormat::kGray8) {
        image.pixels.push_back(red);
      } else if (format == PixelFormat::kRgb24) {
        image.pixels.insert(image.pixels.end(), {red, green, 40});
      } else {
        image.pixels.insert(image.pixels.end(), {40, green, red});
      }
    }
  }
  return image;
}

int LargestDifference(const Image& a, const Image& b) {
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  return largest;
}

TEST(JpegTest, DecodesToNearlyTheSamePicture) {
  const Image image = Gradient(97, 61, PixelFormat::kRgb24);
  const auto decoded = DecodeJpeg(EncodeJpeg(image, 92).value());
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_EQ(decoded->width, 97);
  EXPECT_EQ(decoded->height, 61);
  EXPECT_EQ(decoded->format, PixelFormat::kRgb24);
  ASSERT_EQ(decoded->pixels.size(), image.pixels.size());
  EXPECT_LE(LargestDifference(*decoded, image), 8);
}

TEST(JpegTest, RgbAndBgrOfOnePictureGiveTheSameBytes) {
  EXPECT_EQ(EncodeJpeg(Gradient(160, 160, PixelFormat::kRgb24), 85).value(),
            EncodeJpeg(Gradient(160, 160, PixelFormat::kBgr24), 85).value());
}

TEST(JpegTest, TakesGreyAndOnePixel) {
  const Image grey = Gradient(33, 17, PixelFormat::kGray8);
  const auto decoded = DecodeJpeg(EncodeJpeg(grey, 95).value());
  ASSERT_TRUE(decoded.ok());
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
    ASSERT_NEAR(decoded->pixels[3 * i], grey.pixels[i], 8);
    ASSERT_EQ(decoded->pixels[3 * i], decoded->pixels[3 * i + 2]);
  }
  EXPECT_TRUE(DecodeJpeg(EncodeJpeg(Gradient(1, 1, PixelFormat::kRgb24), 1).value()).ok());
}

TEST(JpegTest, LowerQualityIsSmaller) {
  const Image image = Gradient(160, 160, PixelFormat::kRgb24);
  EXPECT_LT(EncodeJpeg(image, 30).value().size(), EncodeJpeg(image, 95).value().size());
}

TEST(JpegTest, RefusesTruncatedAndForeignBytes) {
  const std::string whole = EncodeJpeg(Gradient(160, 160, PixelFormat::kRgb24), 85).value();
  for (const std::string& bytes : {std::string(), std::string("no picture"),
                                   whole.substr(0, whole.size() / 2), whole.substr(0, 10)}) {
    const auto decoded = DecodeJpeg(bytes);
    ASSERT_FALSE(decoded.ok()) << bytes.size();
    EXPECT_EQ(decoded.error().reason, domain::reason::kArtifactCorrupt);
  }
}

TEST(JpegTest, RefusesAHeaderThatClaimsAHugePicture) {
  std::string bytes = EncodeJpeg(Gradient(16, 16, PixelFormat::kRgb24), 85).value();
  const std::size_t frame = bytes.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  for (std::size_t i = frame + 5; i < frame + 9; ++i) bytes[i] = '\xFF';
  const auto decoded = DecodeJpeg(bytes);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().reason, domain::reason::kArtifactCorrupt);
}

}  // namespace
}  // namespace rollcall::artifacts
