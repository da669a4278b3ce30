#pragma once

#include "vision/network_detector.h"

namespace rollcall::vision {

// YuNet (Wu et al. 2023; OpenCV zoo, layout of 2023mar): at each of the strides 8, 16, 32 the
// outputs cls_S, obj_S (1×N×1), bbox_S (1×N×4: centre shift, log size, in strides) and kps_S
// (1×N×10: shifts). A face's score is √(cls · obj).
DetectorPlan ReadYunetPlan(ParamReader& params);

struct YunetLayout {
  int input_width = 0;  // Both multiples of 32.
  int input_height = 0;
};
// Outputs in the order cls_8, obj_8, bbox_8, kps_8, cls_16, …
base::Result<std::vector<FaceCandidate>> DecodeYunet(std::span<const runtime::TensorView> outputs,
                                                     const YunetLayout& layout, float score_min);

}  // namespace rollcall::vision
