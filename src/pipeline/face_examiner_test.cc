#include "pipeline/face_examiner.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "domain/turned_picture.h"

namespace rollcall::pipeline {
namespace {

using domain::Turn;
using vision::FaceCandidate;

class GreyPicture final : public domain::Picture {
 public:
  int width() const override { return 640; }
  int height() const override { return 360; }
  base::Result<domain::Image> Render(const domain::PixelBox& /*region*/,
                                     RenderTarget target) const override {
    const auto bytes =
        static_cast<std::size_t>(target.width) * static_cast<std::size_t>(target.height) * 3;
    return domain::Image{.width = target.width,
                         .height = target.height,
                         .format = target.format,
                         .pixels = std::vector<std::uint8_t>(bytes, 128)};
  }
};

// How one face looks upright and when the picture is turned by 180 degrees; by 90 it is not found.
struct Looks {
  std::string name;
  float upright_score = 0;
  float upright_points = 0;
  float turned_score = 0;
  float turned_points = 0;
  Turn turn = Turn::kNone;  // What is to come out.
};

bool IsTurned(const domain::Picture& picture) {
  return dynamic_cast<const domain::TurnedPicture*>(&picture) != nullptr;
}

class LooksDetector final : public vision::FaceDetector {
 public:
  explicit LooksDetector(Looks looks) : looks_(std::move(looks)) {}
  const std::string& name() const override { return looks_.name; }
  base::Result<std::vector<FaceCandidate>> Detect(const domain::Picture& picture,
                                                  const domain::PixelBox& /*region*/) override {
    if (picture.width() != 640) return std::vector<FaceCandidate>{};
    const domain::PixelBox box{270, 130, 370, 230};  // The same, turned by 180 degrees.
    const float score = IsTurned(picture) ? looks_.turned_score : looks_.upright_score;
    return std::vector<FaceCandidate>{{.box = box, .score = score, .landmarks = {}}};
  }

 private:
  Looks looks_;
};

class LooksLandmarker final : public vision::FaceLandmarker {
 public:
  explicit LooksLandmarker(Looks looks) : looks_(std::move(looks)) {}
  const std::string& name() const override { return looks_.name; }
  base::Result<vision::LocatedLandmarks> Locate(const domain::Picture& picture,
                                                const domain::PixelBox& face) override {
    const domain::PixelPoint centre = face.centre();
    return vision::LocatedLandmarks{
        .points = {centre, centre, centre, centre, centre},
        .plausibility = IsTurned(picture) ? looks_.turned_points : looks_.upright_points};
  }

 private:
  Looks looks_;
};

class TurnedFaceTest : public ::testing::TestWithParam<Looks> {};

// A man who looked straight into the camera was taken for somebody upside down in every third
// picture: the points of his face were just below what is believed.
TEST_P(TurnedFaceTest, IsTurnedOnlyIfItIsFoundBetterThatWay) {
  FaceExaminer examiner(std::make_unique<LooksDetector>(GetParam()),
                        std::make_unique<LooksLandmarker>(GetParam()), nullptr, {});
  const auto found = examiner.Find(GreyPicture(), vision::Search::kWhole);
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().turn, GetParam().turn);
  EXPECT_FLOAT_EQ(found->front().score, GetParam().turn == Turn::kNone ? GetParam().upright_score
                                                                       : GetParam().turned_score);
}

INSTANTIATE_TEST_SUITE_P(
    Looks, TurnedFaceTest,
    ::testing::Values(
        Looks{"UpsideDown", 0.99F, 0.33F, 1.0F, 0.999F, Turn::kHalf},
        Looks{"UpsideDownAndHardlySeenUpright", 0.7F, 0, 0.9F, 0.995F, Turn::kHalf},
        Looks{"UprightWithPointsThatAreBelieved", 0.9F, 0.95F, 1, 1, Turn::kNone},
        Looks{"UpsideDownWithPointsThatAreHalfBelieved", 1, 0.83F, 1, 0.99F, Turn::kHalf},
        Looks{"UprightAndFoundLessWellTurned", 1, 0.48F, 0.996F, 0.96F, Turn::kNone},
        Looks{"CutOffByThePicturesEdge", 1, 0.2F, 1, 0.97F, Turn::kNone},
        Looks{"UprightWithPointsThatAreBadEitherWay", 1, 0.44F, 1, 0.7F, Turn::kNone}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace rollcall::pipeline
