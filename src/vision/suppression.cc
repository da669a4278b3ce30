#include "vision/suppression.h"

#include <algorithm>
#include <tuple>

namespace rollcall::vision {

std::vector<FaceCandidate> Suppress(std::vector<FaceCandidate> candidates,
                                    SuppressionLimits limits) {
  std::ranges::sort(candidates, [](const FaceCandidate& a, const FaceCandidate& b) {
    return std::tuple(-a.score, a.box.y1, a.box.x1, a.box.y2, a.box.x2) <
           std::tuple(-b.score, b.box.y1, b.box.x1, b.box.y2, b.box.x2);
  });
  std::vector<FaceCandidate> kept;
  for (FaceCandidate& candidate : candidates) {
    const bool is_double = std::ranges::any_of(kept, [&](const FaceCandidate& better) {
      return domain::Iou(candidate.box, better.box) > limits.iou ||
             (limits.overlap < 1 && domain::Overlap(candidate.box, better.box) > limits.overlap);
    });
    if (!is_double) kept.push_back(std::move(candidate));
  }
  return kept;
}

}  // namespace rollcall::vision
