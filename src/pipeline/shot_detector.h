#pragma once

#include <array>
#include <deque>
#include <optional>

#include "base/result.h"
#include "domain/image.h"

namespace rollcall::pipeline {

// Tells where one shot ends and the next begins, from sampled frames in order: colour histograms of
// 4×3 blocks are compared with those of the sample before (Zhang, Kankanhalli, Smoliar 1993,
// "Automatic partitioning of full-motion video", local histograms). A cut is a difference that is
// large in itself and against the motion of the last samples.
//
// Thread-compatible.
class ShotDetector {
 public:
  struct Options {
    float cut_score_min = 0.12F;  // Below this nothing is a cut.
    float motion_factor = 3.0F;   // × the mean of the last scores of this shot.
    int motion_samples = 5;
  };
  struct Verdict {
    float score = 0;  // 0 the same … 1 entirely different.
    bool is_cut = false;
  };

  ShotDetector() : ShotDetector(Options{}) {}
  explicit ShotDetector(Options options) : options_(options) {}

  // The first picture after construction or Reset is no cut.
  base::Result<Verdict> Next(const domain::Picture& picture);
  // Forgets the motion of the samples so far, but not the last picture: at segment borders, so that
  // a segment's verdicts do not depend on where its run began.
  void ForgetMotion() { motion_.clear(); }

 private:
  static constexpr int kBlocksX = 4;
  static constexpr int kBlocksY = 3;
  static constexpr int kBins = 8;
  using Signature = std::array<float, kBlocksX * kBlocksY * 3 * kBins>;

  static Signature Describe(const domain::Image& thumbnail);

  Options options_;
  std::optional<Signature> last_;
  std::deque<float> motion_;
};

}  // namespace rollcall::pipeline
