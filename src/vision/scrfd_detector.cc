#include "vision/scrfd_detector.h"

#include <fmt/format.h>

#include <array>

#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

constexpr std::array<int, 3> kScrfdStrides{8, 16, 32};
constexpr std::size_t kAnchors = 2;

struct Anchor {
  float x = 0;
  float y = 0;
  float stride = 0;
};

FaceCandidate DecodeOne(const Anchor& anchor, float score, std::span<const float> box,
                        std::span<const float> points) {
  FaceCandidate face{.box = {.x1 = anchor.x - box[0] * anchor.stride,
                             .y1 = anchor.y - box[1] * anchor.stride,
                             .x2 = anchor.x + box[2] * anchor.stride,
                             .y2 = anchor.y + box[3] * anchor.stride},
                     .score = score,
                     .landmarks = std::nullopt};
  if (points.empty()) return face;
  domain::Landmarks5& landmarks = face.landmarks.emplace();
  for (std::size_t i = 0; i < landmarks.size(); ++i) {
    landmarks[i] = {anchor.x + points[2 * i] * anchor.stride,
                    anchor.y + points[2 * i + 1] * anchor.stride};
  }
  return face;
}

}  // namespace

DetectorPlan ReadScrfdPlan(ParamReader& params) {
  DetectorPlan plan = ReadDetectorPlan(params);
  if (plan.input.width % 32 != 0 || plan.input.height % 32 != 0) {
    params.Reject("input_width and input_height are not multiples of 32");
  }
  plan.outputs = params.WordsOr("outputs");
  const ScrfdLayout layout{.input_width = plan.input.width, .input_height = plan.input.height};
  plan.decode = [layout](std::span<const runtime::TensorView> outputs, float score_min) {
    return DecodeScrfd(outputs, layout, score_min);
  };
  return plan;
}

base::Result<std::vector<FaceCandidate>> DecodeScrfd(std::span<const runtime::TensorView> outputs,
                                                     const ScrfdLayout& layout, float score_min) {
  const std::size_t levels = kScrfdStrides.size();
  const bool has_points = outputs.size() == 3 * levels;
  if (!has_points && outputs.size() != 2 * levels) {
    return domain::MakeError(
        domain::reason::kModelAltered,
        fmt::format("an SCRFD model has 6 or 9 outputs, not {}", outputs.size()));
  }
  std::vector<FaceCandidate> faces;
  for (std::size_t level = 0; level < levels; ++level) {
    const int stride = kScrfdStrides[level];
    const auto columns = static_cast<std::size_t>(layout.input_width / stride);
    const std::size_t count =
        columns * static_cast<std::size_t>(layout.input_height / stride) * kAnchors;
    const runtime::TensorView& scores = outputs[level];
    const runtime::TensorView& boxes = outputs[levels + level];
    ROLLCALL_TRY(CheckOutput(scores, count, 1));
    ROLLCALL_TRY(CheckOutput(boxes, count, 4));
    if (has_points) ROLLCALL_TRY(CheckOutput(outputs[2 * levels + level], count, 10));
    for (std::size_t i = 0; i < count; ++i) {
      if (!(scores.values[i] >= score_min)) continue;
      const std::size_t cell = i / kAnchors;
      const Anchor anchor{.x = static_cast<float>(cell % columns) * static_cast<float>(stride),
                          .y = static_cast<float>(cell / columns) * static_cast<float>(stride),
                          .stride = static_cast<float>(stride)};
      faces.push_back(DecodeOne(anchor, scores.values[i], boxes.values.subspan(4 * i, 4),
                                has_points ? outputs[2 * levels + level].values.subspan(10 * i, 10)
                                           : std::span<const float>{}));
    }
  }
  return faces;
}

}  // namespace rollcall::vision
