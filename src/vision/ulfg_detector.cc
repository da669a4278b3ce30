#include "vision/ulfg_detector.h"

#include "base/check.h"

namespace rollcall::vision {

DetectorPlan ReadUlfgPlan(ParamReader& params) {
  DetectorPlan plan = ReadDetectorPlan(params);
  plan.outputs = params.Words("outputs", 2);
  const UlfgLayout layout{.input_width = plan.input.width, .input_height = plan.input.height};
  plan.decode = [layout](std::span<const runtime::TensorView> outputs, float score_min) {
    return DecodeUlfg(outputs, layout, score_min);
  };
  return plan;
}

base::Result<std::vector<FaceCandidate>> DecodeUlfg(std::span<const runtime::TensorView> outputs,
                                                    const UlfgLayout& layout, float score_min) {
  ROLLCALL_CHECK(outputs.size() == 2);
  const std::span<const float> scores = outputs[0].values;
  const std::span<const float> boxes = outputs[1].values;
  const std::size_t count = scores.size() / 2;
  ROLLCALL_TRY(CheckOutput(outputs[0], count, 2));
  ROLLCALL_TRY(CheckOutput(outputs[1], count, 4));
  const auto width = static_cast<float>(layout.input_width);
  const auto height = static_cast<float>(layout.input_height);
  std::vector<FaceCandidate> faces;
  for (std::size_t i = 0; i < count; ++i) {
    const float score = scores[2 * i + 1];
    if (!(score >= score_min)) continue;
    const std::span<const float> box = boxes.subspan(4 * i, 4);
    faces.push_back({.box = {.x1 = box[0] * width,
                             .y1 = box[1] * height,
                             .x2 = box[2] * width,
                             .y2 = box[3] * height},
                     .score = score,
                     .landmarks = std::nullopt});
  }
  return faces;
}

}  // namespace rollcall::vision
