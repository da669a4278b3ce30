#include "vision/yunet_detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace rollcall::vision {
namespace {

constexpr std::array<int, 3> kYunetStrides{8, 16, 32};
constexpr std::array<std::string_view, 4> kParts{"cls", "obj", "bbox", "kps"};

// One cell of the grid at one stride.
struct Cell {
  float column = 0;
  float row = 0;
  float stride = 0;
};

FaceCandidate DecodeOne(const Cell& cell, float score, std::span<const float> box,
                        std::span<const float> points) {
  const auto place = [&](float x, float y) {
    return domain::PixelPoint{(cell.column + x) * cell.stride, (cell.row + y) * cell.stride};
  };
  const domain::PixelPoint centre = place(box[0], box[1]);
  const float half_width = std::exp(box[2]) * cell.stride / 2;
  const float half_height = std::exp(box[3]) * cell.stride / 2;
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

DetectorPlan ReadYunetPlan(ParamReader& params) {
  DetectorPlan plan = ReadDetectorPlan(params);
  if (plan.input.width % 32 != 0 || plan.input.height % 32 != 0) {
    params.Reject("input_width and input_height are not multiples of 32");
  }
  for (const int stride : kYunetStrides) {
    for (const std::string_view part : kParts) {
      plan.outputs.push_back(fmt::format("{}_{}", part, stride));
    }
  }
  const YunetLayout layout{.input_width = plan.input.width, .input_height = plan.input.height};
  plan.decode = [layout](std::span<const runtime::TensorView> outputs, float score_min) {
    return DecodeYunet(outputs, layout, score_min);
  };
  return plan;
}

base::Result<std::vector<FaceCandidate>> DecodeYunet(std::span<const runtime::TensorView> outputs,
                                                     const YunetLayout& layout, float score_min) {
  ROLLCALL_CHECK(outputs.size() == kYunetStrides.size() * kParts.size());
  std::vector<FaceCandidate> faces;
  for (std::size_t level = 0; level < kYunetStrides.size(); ++level) {
    const auto parts = outputs.subspan(level * kParts.size(), kParts.size());
    const int stride = kYunetStrides[level];
    const auto columns = static_cast<std::size_t>(layout.input_width / stride);
    const std::size_t count = columns * static_cast<std::size_t>(layout.input_height / stride);
    ROLLCALL_TRY(CheckOutput(parts[0], count, 1));
    ROLLCALL_TRY(CheckOutput(parts[1], count, 1));
    ROLLCALL_TRY(CheckOutput(parts[2], count, 4));
    ROLLCALL_TRY(CheckOutput(parts[3], count, 10));
    for (std::size_t i = 0; i < count; ++i) {
      const float product =
          std::clamp(parts[0].values[i], 0.0F, 1.0F) * std::clamp(parts[1].values[i], 0.0F, 1.0F);
      if (!(product >= score_min * score_min)) continue;
      const Cell cell{.column = static_cast<float>(i % columns),
                      .row = static_cast<float>(i / columns),
                      .stride = static_cast<float>(stride)};
      faces.push_back(DecodeOne(cell, std::sqrt(product), parts[2].values.subspan(4 * i, 4),
                                parts[3].values.subspan(10 * i, 10)));
    }
  }
  return faces;
}

}  // namespace rollcall::vision
