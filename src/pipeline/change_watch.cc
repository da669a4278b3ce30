#include "pipeline/change_watch.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace rollcall::pipeline {
namespace {

using domain::Detection;
using domain::MediaTime;

// As the tracker has it (Tracker::Options), a little wider.
constexpr MediaTime kForget{500'000};
constexpr float kFollowedIou = 0.4F;
constexpr float kGoodQuality = 0.35F;
constexpr float kSureScore = 0.9F;  // Of a detection that is no shadow.
constexpr float kSomebodyElse = 0.3F;

bool IsSomebodyElse(const Detection& a, const Detection& b) {
  return std::min(a.quality, b.quality) >= kGoodQuality &&
         std::min(a.score, b.score) >= kSureScore &&
         domain::Cosine(a.embedding, b.embedding) < kSomebodyElse;
}

}  // namespace

// Of those known before this sample that are not taken; null: none overlaps enough.
ChangeWatch::FollowedFace* ChangeWatch::Nearest(const domain::PixelBox& box,
                                                std::vector<bool>& is_taken) {
  std::optional<std::size_t> nearest;
  float most = kFollowedIou;
  for (std::size_t i = 0; i < is_taken.size(); ++i) {
    const float iou = is_taken[i] ? 0 : domain::Iou(faces_[i].box, box);
    if (iou < most) continue;
    nearest = i;
    most = iou;
  }
  if (!nearest) return nullptr;
  is_taken[*nearest] = true;
  return &faces_[*nearest];
}

void ChangeWatch::Next(MediaTime pts, bool is_cut, const std::vector<Detection>& detections,
                       std::vector<SpareFace> spares) {
  if (is_cut) faces_.clear();
  std::erase_if(faces_, [&](const FollowedFace& face) { return pts - face.seen > kForget; });
  std::vector<bool> is_taken(faces_.size(), false);
  for (const Detection& detection : detections) {
    FollowedFace* face = Nearest(detection.box, is_taken);
    if (face == nullptr) face = &faces_.emplace_back();
    face->box = detection.box;
    face->seen = pts;
    if (detection.embedding.empty()) {
      const auto spare = std::ranges::find_if(
          spares, [&](const SpareFace& each) { return each.crop.index == detection.index; });
      if (spare != spares.end()) face->since.push_back(std::move(*spare));
      continue;
    }
    if (face->embedded && IsSomebodyElse(*face->embedded, detection)) {
      std::ranges::move(face->since, std::back_inserter(of_changes_));
    }
    face->since.clear();
    face->embedded = detection;
  }
}

std::vector<SpareFace> ChangeWatch::Take() {
  faces_.clear();
  std::ranges::sort(of_changes_, {}, [](const SpareFace& face) {
    return std::tuple(face.crop.frame_id, face.crop.index);
  });
  return std::exchange(of_changes_, {});
}

}  // namespace rollcall::pipeline
