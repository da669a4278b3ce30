#include "pipeline/embedding_policy.h"

#include <algorithm>

namespace rollcall::pipeline {
namespace {

constexpr domain::MediaTime kForgetAfter{500'000};

}  // namespace

EmbeddingPolicy::Face* EmbeddingPolicy::Match(const domain::Detection& detection,
                                              std::vector<bool>& taken) {
  Face* best = nullptr;
  std::size_t best_at = 0;
  float best_iou = options_.same_face_iou;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const float iou = taken[i] ? 0 : domain::Iou(faces_[i].box, detection.box);
    if (iou >= best_iou) {
      best = &faces_[i];
      best_at = i;
      best_iou = iou;
    }
  }
  if (best != nullptr) taken[best_at] = true;
  return best;
}

std::vector<EmbeddingPolicy::Choice> EmbeddingPolicy::Next(
    domain::MediaTime pts, bool is_cut, const std::vector<domain::Detection>& detections) {
  if (is_cut) faces_.clear();
  std::erase_if(faces_, [&](const Face& face) { return pts - face.seen > kForgetAfter; });
  // Only faces known before this frame can be matched; those of this frame come behind them.
  std::vector<bool> taken(faces_.size(), false);
  std::vector<Choice> choices;
  faces_.reserve(faces_.size() + detections.size());
  for (const domain::Detection& detection : detections) {
    Choice choice;
    const bool is_usable = detection.score >= options_.embed_score_min &&
                           detection.landmark_score >= options_.plausibility_min;
    Face* face = Match(detection, taken);
    const bool is_new = face == nullptr;
    if (is_new) face = &faces_.emplace_back();
    face->box = detection.box;
    face->seen = pts;
    const bool is_better = detection.quality > options_.better_factor * face->best_quality;
    const bool is_due = pts - face->embedded >= options_.embed_every;
    choice.embed =
        effort_ != Effort::kNormal || (is_usable && (face->embeddings == 0 || is_due || is_better));
    choice.crop = choice.embed || is_new || pts - face->cropped >= options_.crop_every;
    if (choice.embed) {
      face->embedded = pts;
      face->best_quality = std::max(face->best_quality, detection.quality);
      ++face->embeddings;
    }
    if (choice.crop) face->cropped = pts;
    choices.push_back(choice);
  }
  return choices;
}

}  // namespace rollcall::pipeline
