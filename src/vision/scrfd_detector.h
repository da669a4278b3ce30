#pragma once

#include "vision/network_detector.h"

namespace rollcall::vision {

// SCRFD (Guo et al. 2021; InsightFace): at each of the strides 8, 16, 32, with two anchors a cell,
// scores N×1, boxes N×4 (distances from the anchor to left, top, right, bottom, in strides) and, in
// some models, points N×10 (shifts from the anchor, in strides). Exports name their outputs by
// number but order them: all scores, all boxes, all points; 9 outputs with points, 6 without.
// `outputs` in the pack is optional and overrides the model's own order.
DetectorPlan ReadScrfdPlan(ParamReader& params);

struct ScrfdLayout {
  int input_width = 0;  // Both multiples of 32.
  int input_height = 0;
};
base::Result<std::vector<FaceCandidate>> DecodeScrfd(std::span<const runtime::TensorView> outputs,
                                                     const ScrfdLayout& layout, float score_min);

}  // namespace rollcall::vision
