#include "vision/face_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

// A picture that is never rendered.
class BlankPicture final : public domain::Picture {
 public:
  int width() const override { return 1800; }
  int height() const override { return 900; }
  base::Result<domain::Image> Render(const domain::PixelBox&, RenderTarget) const override {
    return domain::Image{};
  }
};

// Gives what a test says for a region and remembers what it was asked.
class ScriptedDetector final : public FaceDetector {
 public:
  using Script = std::function<std::vector<FaceCandidate>(const domain::PixelBox& region)>;
  explicit ScriptedDetector(Script script) : script_(std::move(script)) {}
  const std::string& name() const override { return name_; }
  base::Result<std::vector<FaceCandidate>> Detect(const domain::Picture&,
                                                  const domain::PixelBox& region) override {
    regions.push_back(region);
    return script_(region);
  }
  std::vector<domain::PixelBox> regions;

 private:
  std::string name_ = "scripted";
  Script script_;
};

FaceCandidate Face(domain::PixelBox box, float score) {
  return {.box = box, .score = score, .landmarks = std::nullopt};
}

bool IsWhole(const domain::PixelBox& region) { return region.width() > 1700; }

TEST(FindFacesTest, LooksAtTheWholePictureOnce) {
  ScriptedDetector detector([](const auto&) { return std::vector{Face({0, 0, 100, 100}, 0.9F)}; });
  const auto faces = FindFaces(detector, BlankPicture(), Search::kWhole, 0.5F, 0);
  ASSERT_TRUE(faces.ok());
  EXPECT_EQ(faces->size(), 1U);
  ASSERT_EQ(detector.regions.size(), 1U);
  EXPECT_EQ(detector.regions[0].x2, 1800);
  EXPECT_EQ(detector.regions[0].y2, 900);
}

TEST(FindFacesTest, TilesCoverThePictureAndOverlapByAFifth) {
  ScriptedDetector detector([](const auto&) { return std::vector<FaceCandidate>{}; });
  ASSERT_TRUE(FindFaces(detector, BlankPicture(), Search::kWholeAndTiles, 0.5F, 0).ok());
  ASSERT_EQ(detector.regions.size(), 5U);
  const domain::PixelBox& left = detector.regions[1];
  const domain::PixelBox& right = detector.regions[2];
  EXPECT_EQ(left.x1, 0);
  EXPECT_FLOAT_EQ(right.x2, 1800);
  EXPECT_NEAR((left.x2 - right.x1) / left.width(), 0.2F, 1e-4);
  EXPECT_FLOAT_EQ(detector.regions[3].y2, 900);
}

TEST(FindFacesTest, DropsBoxCutByAnInnerTileEdge) {
  ScriptedDetector detector([](const domain::PixelBox& region) {
    if (IsWhole(region) || region.x1 > 0 || region.y1 > 0) return std::vector<FaceCandidate>{};
    return std::vector{Face({region.x2 - 60, 10, region.x2 - 2, 80}, 0.9F)};
  });
  const auto faces = FindFaces(detector, BlankPicture(), Search::kWholeAndTiles, 0.5F, 0);
  ASSERT_TRUE(faces.ok());
  EXPECT_TRUE(faces->empty());
}

TEST(FindFacesTest, KeepsBoxAtTheEdgeOfThePicture) {
  ScriptedDetector detector([](const domain::PixelBox& region) {
    if (IsWhole(region) || region.x1 > 0 || region.y1 > 0) return std::vector<FaceCandidate>{};
    return std::vector{Face({0, 0, 60, 80}, 0.9F)};
  });
  const auto faces = FindFaces(detector, BlankPicture(), Search::kWholeAndTiles, 0.5F, 0);
  ASSERT_TRUE(faces.ok());
  EXPECT_EQ(faces->size(), 1U);
}

TEST(FindFacesTest, CountsAFaceSeenWholeAndInTilesOnce) {
  ScriptedDetector detector([](const domain::PixelBox& region) {
    // Inside both upper tiles; the whole picture sees it a little larger, a tile a part of it.
    if (IsWhole(region)) return std::vector{Face({850, 200, 950, 330}, 0.8F)};
    if (region.y1 > 0) return std::vector<FaceCandidate>{};
    return std::vector{Face({860, 205, 945, 322}, 0.95F), Face({870, 220, 930, 280}, 0.75F)};
  });
  const auto faces = FindFaces(detector, BlankPicture(), Search::kWholeAndTiles, 0.5F, 0);
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 1U);
  EXPECT_FLOAT_EQ(faces->front().score, 0.95F);
}

TEST(FindFacesTest, LeavesOutLowScoresAndSmallFaces) {
  ScriptedDetector detector([](const auto&) {
    return std::vector{Face({0, 0, 50, 60}, 0.9F), Face({200, 0, 230, 39}, 0.9F),
                       Face({400, 0, 500, 100}, 0.4F)};
  });
  const auto faces = FindFaces(detector, BlankPicture(), Search::kWhole, 0.5F, 40);
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 1U);
  EXPECT_EQ(faces->front().box.x1, 0);
}

TEST(FindFacesTest, HandsOnTheDetectorsError) {
  class Broken final : public FaceDetector {
   public:
    const std::string& name() const override { return name_; }
    base::Result<std::vector<FaceCandidate>> Detect(const domain::Picture&,
                                                    const domain::PixelBox&) override {
      return domain::MakeError(domain::reason::kModelAltered, "broken");
    }

   private:
    std::string name_;
  } detector;
  const auto faces = FindFaces(detector, BlankPicture(), Search::kWhole, 0.5F, 0);
  ASSERT_FALSE(faces.ok());
  EXPECT_EQ(faces.error().reason, "ERR_MODEL_ALTERED");
}

TEST(SecondLookTest, LooksAtTheSurroundingsAndTakesTheSameFace) {
  ScriptedDetector detector([](const auto&) {
    return std::vector{Face({400, 400, 500, 500}, 0.99F), Face({605, 402, 700, 510}, 0.7F)};
  });
  const auto score = SecondLook(detector, BlankPicture(), Face({600, 400, 700, 500}, 0.8F));
  ASSERT_TRUE(score.ok());
  EXPECT_FLOAT_EQ(*score, 0.7F);
  EXPECT_FLOAT_EQ(detector.regions[0].x1, 400);
  EXPECT_FLOAT_EQ(detector.regions[0].width(), 500);
}

TEST(SecondLookTest, DoesNotEnlargeSmallFaces) {
  ScriptedDetector detector([](const auto&) { return std::vector<FaceCandidate>{}; });
  const auto score = SecondLook(detector, BlankPicture(), Face({600, 400, 620, 420}, 0.8F));
  ASSERT_TRUE(score.ok());
  EXPECT_EQ(*score, 0);
  EXPECT_FLOAT_EQ(detector.regions[0].width(), 240);
}

TEST(ConfirmFacesTest, LooksAgainOnlyWhereTheFirstLookWasUnsure) {
  ScriptedDetector detector([](const domain::PixelBox& region) {
    if (region.centre().x > 1000) return std::vector{Face({1200, 0, 1300, 100}, 0.8F)};
    return std::vector<FaceCandidate>{};
  });
  const auto faces = ConfirmFaces(detector, BlankPicture(),
                                  {Face({0, 0, 100, 100}, 0.995F), Face({300, 0, 400, 100}, 0.9F),
                                   Face({1200, 0, 1300, 100}, 0.7F)},
                                  {.below = 0.99F, .min = 0.5F});
  ASSERT_TRUE(faces.ok());
  ASSERT_EQ(faces->size(), 2U);
  EXPECT_EQ((*faces)[0].box.x1, 0);
  EXPECT_EQ((*faces)[1].box.x1, 1200);
  EXPECT_EQ(detector.regions.size(), 2U);
}

}  // namespace
}  // namespace rollcall::vision
