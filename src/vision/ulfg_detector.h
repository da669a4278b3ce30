#pragma once

#include "vision/network_detector.h"

namespace rollcall::vision {

// Ultra-Light-Fast-Generic (Linzaer, RFB-320 and its like): scores 1×N×2 (background, face) and
// boxes 1×N×4, already decoded to corners in 0…1 of the input; no points.
// `outputs` in the pack: the names of scores and boxes, in this order.
DetectorPlan ReadUlfgPlan(ParamReader& params);

struct UlfgLayout {
  int input_width = 0;
  int input_height = 0;
};
base::Result<std::vector<FaceCandidate>> DecodeUlfg(std::span<const runtime::TensorView> outputs,
                                                    const UlfgLayout& layout, float score_min);

}  // namespace rollcall::vision
