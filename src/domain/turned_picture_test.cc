#include "domain/turned_picture.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace rollcall::domain {
namespace {

// Three by two grey pixels, each with its number.
class SixPixels final : public Picture {
 public:
  int width() const override { return 3; }
  int height() const override { return 2; }
  base::Result<Image> Render(const PixelBox& region, RenderTarget target) const override {
    Image image{.width = target.width, .height = target.height, .format = PixelFormat::kGray8};
    for (int y = 0; y < target.height; ++y) {
      for (int x = 0; x < target.width; ++x) {
        const int pixel_x = static_cast<int>(region.x1) + x;
        const int pixel_y = static_cast<int>(region.y1) + y;
        image.pixels.push_back(static_cast<std::uint8_t>(3 * pixel_y + pixel_x));
      }
    }
    return image;
  }
};

struct TurnCase {
  std::string name;
  Turn turn;
  int width;
  std::vector<std::uint8_t> pixels;
};

class TurnedPictureTest : public ::testing::TestWithParam<TurnCase> {};

TEST_P(TurnedPictureTest, ShowsThePictureTurnedClockwise) {
  const SixPixels picture;
  const TurnedPicture turned(picture, GetParam().turn);
  EXPECT_EQ(turned.width(), GetParam().width);
  EXPECT_EQ(turned.width() * turned.height(), 6);
  const PixelBox whole{0, 0, static_cast<float>(turned.width()),
                       static_cast<float>(turned.height())};
  EXPECT_EQ(turned
                .Render(whole, {.width = turned.width(),
                                .height = turned.height(),
                                .format = PixelFormat::kGray8})
                ->pixels,
            GetParam().pixels);
}

TEST_P(TurnedPictureTest, BackIsTheInverseOfTurned) {
  const SixPixels picture;
  const TurnedPicture turned(picture, GetParam().turn);
  const PixelBox box{0.5F, 0.25F, 2, 1};
  const PixelBox back = turned.Back(turned.Turned(box));
  EXPECT_FLOAT_EQ(back.x1, box.x1);
  EXPECT_FLOAT_EQ(back.y1, box.y1);
  EXPECT_FLOAT_EQ(back.x2, box.x2);
  EXPECT_FLOAT_EQ(back.y2, box.y2);
}

INSTANTIATE_TEST_SUITE_P(
    Turns, TurnedPictureTest,
    ::testing::Values(TurnCase{"None", Turn::kNone, 3, {0, 1, 2, 3, 4, 5}},
                      TurnCase{"Quarter", Turn::kQuarter, 2, {3, 0, 4, 1, 5, 2}},
                      TurnCase{"Half", Turn::kHalf, 3, {5, 4, 3, 2, 1, 0}},
                      TurnCase{"ThreeQuarters", Turn::kThreeQuarters, 2, {2, 5, 1, 4, 0, 3}}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace rollcall::domain
