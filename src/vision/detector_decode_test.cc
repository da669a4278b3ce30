// The pure decoders of all kinds: tensors in, faces in pixels of the network's input out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "vision/retinaface_detector.h"
#include "vision/scrfd_detector.h"
#include "vision/ulfg_detector.h"
#include "vision/yunet_detector.h"

namespace rollcall::vision {
namespace {

constexpr float kPixelTolerance = 1e-3F;

// Tensors of zeros that a test fills in.
class Tensors {
 public:
  explicit Tensors(const std::vector<std::size_t>& sizes) {
    for (const std::size_t size : sizes) values_.emplace_back(size, 0.0F);
  }
  std::vector<float>& operator[](std::size_t index) { return values_[index]; }
  void Set(std::size_t index, std::size_t row, std::initializer_list<float> numbers) {
    std::ranges::copy(numbers,
                      values_[index].begin() + static_cast<std::ptrdiff_t>(row * numbers.size()));
  }
  std::vector<runtime::TensorView> Views() const {
    std::vector<runtime::TensorView> views;
    for (const auto& values : values_) {
      views.push_back({.name = "t", .shape = {std::ssize(values)}, .values = values});
    }
    return views;
  }

 private:
  std::vector<std::vector<float>> values_;
};

void ExpectBox(const domain::PixelBox& box, const domain::PixelBox& expected) {
  EXPECT_NEAR(box.x1, expected.x1, kPixelTolerance);
  EXPECT_NEAR(box.y1, expected.y1, kPixelTolerance);
  EXPECT_NEAR(box.x2, expected.x2, kPixelTolerance);
  EXPECT_NEAR(box.y2, expected.y2, kPixelTolerance);
}

void ExpectPoint(const domain::PixelPoint& point, float x, float y) {
  EXPECT_NEAR(point.x, x, kPixelTolerance);
  EXPECT_NEAR(point.y, y, kPixelTolerance);
}

TEST(UlfgDecodeTest, ScalesCornersToTheInput) {
  Tensors tensors({2 * 3, 4 * 3});
  tensors.Set(0, 1, {0.1F, 0.9F});
  tensors.Set(1, 1, {0.25F, 0.5F, 0.5F, 1.0F});
  const auto faces = DecodeUlfg(tensors.Views(), {.input_width = 320, .input_height = 240}, 0.5F);
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 1U);
  ExpectBox(faces->front().box, {80, 120, 160, 240});
  EXPECT_FLOAT_EQ(faces->front().score, 0.9F);
  EXPECT_FALSE(faces->front().landmarks);
}

TEST(UlfgDecodeTest, LeavesOutLowScoresAndNotANumber) {
  Tensors tensors({2 * 3, 4 * 3});
  tensors.Set(0, 0, {0.6F, 0.4F});
  tensors.Set(0, 1, {0, std::nanf("")});
  const auto faces = DecodeUlfg(tensors.Views(), {.input_width = 320, .input_height = 240}, 0.5F);
  ASSERT_TRUE(faces.ok());
  EXPECT_TRUE(faces->empty());
}

TEST(UlfgDecodeTest, RefusesTensorsOfAnotherLayout) {
  const Tensors tensors({2 * 3, 4 * 2});
  const auto faces = DecodeUlfg(tensors.Views(), {.input_width = 320, .input_height = 240}, 0.5F);
  ASSERT_FALSE(faces.ok());
  EXPECT_EQ(faces.error().reason, "ERR_MODEL_ALTERED");
}

TEST(RetinafaceDecodeTest, HasThePriorsOfThePublishedNetwork) {
  const auto priors = RetinafacePriors(640, 640);
  ASSERT_EQ(priors.size(), 16800U);
  EXPECT_EQ(priors[0].side, 16);
  EXPECT_EQ(priors[1].side, 32);
  EXPECT_EQ(priors[0].centre_x, 4);
  EXPECT_EQ(priors[2].centre_x, 12);    // The next column.
  EXPECT_EQ(priors[160].centre_y, 12);  // The next row.
  EXPECT_EQ(priors[12800].side, 64);    // The next stride.
  EXPECT_EQ(priors.back().side, 512);
}

TEST(RetinafaceDecodeTest, UnfoldsVariances) {
  const auto priors = RetinafacePriors(64, 64);
  Tensors tensors({priors.size() * 4, priors.size() * 2, priors.size() * 10});
  // Prior 1: centre (4, 4), side 32.
  tensors.Set(0, 1, {1, -1, 5 * std::log(2.0F), 0});
  tensors.Set(1, 1, {0, 0.8F});
  tensors.Set(2, 1, {0, 0, 1, 0, 0, 1, -1, 1, 1, 1});
  const auto faces = DecodeRetinaface(tensors.Views(), priors, 0.5F);
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 1U);
  // Centre (4 + 3.2, 4 − 3.2), 64 × 32.
  ExpectBox(faces->front().box, {7.2F - 32, 0.8F - 16, 7.2F + 32, 0.8F + 16});
  ASSERT_TRUE(faces->front().landmarks);
  ExpectPoint((*faces->front().landmarks)[0], 4, 4);
  ExpectPoint((*faces->front().landmarks)[1], 7.2F, 4);
  ExpectPoint((*faces->front().landmarks)[3], 0.8F, 7.2F);
}

TEST(RetinafaceDecodeTest, RefusesTensorsOfAnotherLayout) {
  const auto priors = RetinafacePriors(64, 64);
  const Tensors tensors({priors.size() * 4, priors.size() * 2, priors.size() * 8});
  EXPECT_FALSE(DecodeRetinaface(tensors.Views(), priors, 0.5F).ok());
}

// Strides 8, 16, 32 over 64×64: 64, 16 and 4 cells.
constexpr std::array<std::size_t, 3> kCells{64, 16, 4};

TEST(YunetDecodeTest, PlacesFaceByCellAndStride) {
  std::vector<std::size_t> sizes;
  for (const std::size_t cells : kCells) {
    for (const std::size_t width : {1, 1, 4, 10}) sizes.push_back(cells * width);
  }
  Tensors tensors(sizes);
  // Stride 16, column 2, row 1: cell 6.
  tensors.Set(4, 6, {0.9F});
  tensors.Set(5, 6, {0.4F});
  tensors.Set(6, 6, {0.5F, 0.25F, std::log(2.0F), 0});
  tensors.Set(7, 6, {0, 0, 1, 0, 0.5F, 0.5F, 0, 1, 1, 1});
  const auto faces = DecodeYunet(tensors.Views(), {.input_width = 64, .input_height = 64}, 0.5F);
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 1U);
  EXPECT_NEAR(faces->front().score, 0.6F, 1e-6);  // √(0.9 · 0.4)
  ExpectBox(faces->front().box, {40 - 16, 20 - 8, 40 + 16, 20 + 8});
  ExpectPoint((*faces->front().landmarks)[1], 48, 16);
}

TEST(YunetDecodeTest, RefusesTensorsOfAnotherLayout) {
  const Tensors tensors(std::vector<std::size_t>(12, 64));
  EXPECT_FALSE(DecodeYunet(tensors.Views(), {.input_width = 64, .input_height = 64}, 0.5F).ok());
}

struct ScrfdCase {
  const char* name;
  std::size_t outputs;
};
class ScrfdDecodeTest : public testing::TestWithParam<ScrfdCase> {
 protected:
  static Tensors Zeros(std::size_t outputs) {
    std::vector<std::size_t> sizes;
    for (const std::size_t width : {1, 4, 10}) {
      for (const std::size_t cells : kCells) sizes.push_back(2 * cells * width);
    }
    sizes.resize(outputs);
    return Tensors(sizes);
  }
};

TEST_P(ScrfdDecodeTest, MeasuresDistancesFromTheAnchor) {
  Tensors tensors = Zeros(GetParam().outputs);
  // Stride 32, column 1, row 0, second anchor: row 3. Anchor (32, 0).
  tensors.Set(2, 3, {0.75F});
  tensors.Set(5, 3, {0.5F, 0, 0.25F, 1});
  if (GetParam().outputs == 9) tensors.Set(8, 3, {0, 0, 1, 0, 0.5F, 0.5F, 0, 1, 1, 1});
  const auto faces = DecodeScrfd(tensors.Views(), {.input_width = 64, .input_height = 64}, 0.5F);
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 1U);
  ExpectBox(faces->front().box, {16, 0, 40, 32});
  EXPECT_EQ(faces->front().landmarks.has_value(), GetParam().outputs == 9);
  if (faces->front().landmarks) ExpectPoint((*faces->front().landmarks)[2], 48, 16);
}

INSTANTIATE_TEST_SUITE_P(Layouts, ScrfdDecodeTest,
                         testing::Values(ScrfdCase{"WithPoints", 9}, ScrfdCase{"Bare", 6}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ScrfdLayoutTest, RefusesAnotherNumberOfOutputs) {
  const Tensors tensors({1, 2, 3});
  const auto faces = DecodeScrfd(tensors.Views(), {.input_width = 64, .input_height = 64}, 0.5F);
  ASSERT_FALSE(faces.ok());
  EXPECT_EQ(faces.error().reason, "ERR_MODEL_ALTERED");
}

}  // namespace
}  // namespace rollcall::vision
