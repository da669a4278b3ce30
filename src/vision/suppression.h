#pragma once

#include <vector>

#include "vision/face_detector.h"

namespace rollcall::vision {

struct SuppressionLimits {
  float iou = 0.4F;
  float overlap = 1.0F;  // Intersection over the smaller area; 1 switches it off.
};

// Keeps of every heap of boxes the one with the best score, and gives them best score first. Equal
// scores are ordered by place, so that the result does not depend on the order of the input.
std::vector<FaceCandidate> Suppress(std::vector<FaceCandidate> candidates,
                                    SuppressionLimits limits);

}  // namespace rollcall::vision
