#include "pipeline/shot_detector.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace rollcall::pipeline {
namespace {

constexpr int kThumbnailWidth = 64;
constexpr int kThumbnailHeight = 36;

}  // namespace

ShotDetector::Signature ShotDetector::Describe(const domain::Image& thumbnail) {
  Signature bins{};
  const float share = static_cast<float>(kBlocksX * kBlocksY) /
                      static_cast<float>(thumbnail.width * thumbnail.height);
  for (int y = 0; y < thumbnail.height; ++y) {
    for (int x = 0; x < thumbnail.width; ++x) {
      const int block = y * kBlocksY / thumbnail.height * kBlocksX + x * kBlocksX / thumbnail.width;
      const auto pixel = static_cast<std::size_t>((y * thumbnail.width + x) * 3);
      for (int c = 0; c < 3; ++c) {
        // Shared between the two nearest bins, so that a slow fade is no jump.
        const float place =
            static_cast<float>(thumbnail.pixels[pixel + static_cast<std::size_t>(c)]) / 256.0F *
                kBins -
            0.5F;
        const int low = std::clamp(static_cast<int>(std::floor(place)), 0, kBins - 1);
        const int high = std::min(low + 1, kBins - 1);
        const float upper = std::clamp(place - static_cast<float>(low), 0.0F, 1.0F);
        const int base = (block * 3 + c) * kBins;
        bins[static_cast<std::size_t>(base + low)] += (1 - upper) * share;
        bins[static_cast<std::size_t>(base + high)] += upper * share;
      }
    }
  }
  return bins;
}

base::Result<ShotDetector::Verdict> ShotDetector::Next(const domain::Picture& picture) {
  const domain::PixelBox whole{0, 0, static_cast<float>(picture.width()),
                               static_cast<float>(picture.height())};
  ROLLCALL_TRY_ASSIGN(const domain::Image thumbnail,
                      picture.Render(whole, {.width = kThumbnailWidth,
                                             .height = kThumbnailHeight,
                                             .format = domain::PixelFormat::kRgb24}));
  const Signature now = Describe(thumbnail);
  if (!last_) {
    last_ = now;
    return Verdict{};
  }
  float difference = 0;
  for (std::size_t i = 0; i < now.size(); ++i) difference += std::abs(now[i] - (*last_)[i]);
  last_ = now;
  // Each block and channel sums to 1, so two disjoint histograms differ by 2.
  Verdict verdict{.score = difference / (2.0F * kBlocksX * kBlocksY * 3)};
  const float motion = motion_.empty() ? 0
                                       : std::accumulate(motion_.begin(), motion_.end(), 0.0F) /
                                             static_cast<float>(motion_.size());
  verdict.is_cut =
      verdict.score >= options_.cut_score_min && verdict.score >= options_.motion_factor * motion;
  if (verdict.is_cut) {
    motion_.clear();
  } else {
    motion_.push_back(verdict.score);
    if (static_cast<int>(motion_.size()) > options_.motion_samples) motion_.pop_front();
  }
  return verdict;
}

}  // namespace rollcall::pipeline
