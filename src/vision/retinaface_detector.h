#pragma once

#include "vision/network_detector.h"

namespace rollcall::vision {

// RetinaFace (Deng et al. 2019) as biubug6/Pytorch_Retinaface exports it: boxes 1×N×4, scores 1×N×2
// after softmax (background, face), points 1×N×10, all relative to prior boxes of two sides at each
// of the strides 8, 16, 32, with variances 0.1 (centres) and 0.2 (sizes).
// `outputs` in the pack: the names of boxes, scores and points, in this order.
DetectorPlan ReadRetinafacePlan(ParamReader& params);

// A prior box in pixels of the input: square, around its centre.
struct RetinafacePrior {
  float centre_x = 0;
  float centre_y = 0;
  float side = 0;
};
// In the order of the network's rows: stride, row, column, side.
std::vector<RetinafacePrior> RetinafacePriors(int input_width, int input_height);

base::Result<std::vector<FaceCandidate>> DecodeRetinaface(
    std::span<const runtime::TensorView> outputs, std::span<const RetinafacePrior> priors,
    float score_min);

}  // namespace rollcall::vision
