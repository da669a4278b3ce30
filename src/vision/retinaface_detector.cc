#include "vision/retinaface_detector.h"

#include <array>
#include <cmath>

#include "base/check.h"

namespace rollcall::vision {
namespace {

constexpr float kCentreVariance = 0.1F;
constexpr float kSizeVariance = 0.2F;

struct Level {
  int stride;
  std::array<float, 2> sides;
};
constexpr std::array<Level, 3> kLevels{{{8, {16, 32}}, {16, {64, 128}}, {32, {256, 512}}}};

FaceCandidate DecodeOne(const RetinafacePrior& prior, float score, std::span<const float> box,
                        std::span<const float> points) {
  const auto place = [&](float x, float y) {
    return domain::PixelPoint{prior.centre_x + x * kCentreVariance * prior.side,
                              prior.centre_y + y * kCentreVariance * prior.side};
  };
  const domain::PixelPoint centre = place(box[0], box[1]);
  const float half_width = prior.side * std::exp(box[2] * kSizeVariance) / 2;
  const float half_height = prior.side * std::exp(box[3] * kSizeVariance) / 2;
  domain::Landmarks5 landmarks;
  for (std::size_t i = 0; i < landmarks.size(); ++i) {
    landmarks[i] = place(points[2 * i], points[2 * i + 1]);
  }
  return {.box = {.x1 = centre.x - half_width,
                  .y1 = centre.y - half_height,
                  .x2 = centre.x + half_width,
                  .y2 = centre.y + half_height},
          .score = score,
          .landmarks = landmarks};
}

}  // namespace

DetectorPlan ReadRetinafacePlan(ParamReader& params) {
  DetectorPlan plan = ReadDetectorPlan(params);
  plan.outputs = params.Words("outputs", 3);
  plan.decode = [priors = RetinafacePriors(plan.input.width, plan.input.height)](
                    std::span<const runtime::TensorView> outputs, float score_min) {
    return DecodeRetinaface(outputs, priors, score_min);
  };
  return plan;
}

std::vector<RetinafacePrior> RetinafacePriors(int input_width, int input_height) {
  std::vector<RetinafacePrior> priors;
  for (const Level& level : kLevels) {
    const int columns = (input_width + level.stride - 1) / level.stride;
    const int rows = (input_height + level.stride - 1) / level.stride;
    const auto stride = static_cast<float>(level.stride);
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column) {
        for (const float side : level.sides) {
          priors.push_back({.centre_x = (static_cast<float>(column) + 0.5F) * stride,
                            .centre_y = (static_cast<float>(row) + 0.5F) * stride,
                            .side = side});
        }
      }
    }
  }
  return priors;
}

base::Result<std::vector<FaceCandidate>> DecodeRetinaface(
    std::span<const runtime::TensorView> outputs, std::span<const RetinafacePrior> priors,
    float score_min) {
  ROLLCALL_CHECK(outputs.size() == 3);
  ROLLCALL_TRY(CheckOutput(outputs[0], priors.size(), 4));
  ROLLCALL_TRY(CheckOutput(outputs[1], priors.size(), 2));
  ROLLCALL_TRY(CheckOutput(outputs[2], priors.size(), 10));
  std::vector<FaceCandidate> faces;
  for (std::size_t i = 0; i < priors.size(); ++i) {
    const float score = outputs[1].values[2 * i + 1];
    if (!(score >= score_min)) continue;
    faces.push_back(DecodeOne(priors[i], score, outputs[0].values.subspan(4 * i, 4),
                              outputs[2].values.subspan(10 * i, 10)));
  }
  return faces;
}

}  // namespace rollcall::vision
