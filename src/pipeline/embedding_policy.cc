#include "pipeline/embedding_policy.h"

#include <algorithm>
#include <cmath>

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;

constexpr MediaTime kForgetAfter{500'000};

// Whether another face of the frame is so close that one may be taken for the other.
bool HasCloseNeighbour(const std::vector<domain::Detection>& detections, std::size_t own,
                       float close) {
  const auto [x, y] = detections[own].box.centre();
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (i == own) continue;
    const auto [other_x, other_y] = detections[i].box.centre();
    const float width = (detections[own].box.width() + detections[i].box.width()) / 2;
    if (std::hypot(x - other_x, y - other_y) < close * width) return true;
  }
  return false;
}

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
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const domain::Detection& detection = detections[i];
    Choice choice;
    const bool is_usable = detection.score >= options_.embed_score_min &&
                           detection.landmark_score >= options_.plausibility_min;
    Face* face = Match(detection, taken);
    const bool is_new = face == nullptr;
    const bool is_restless =
        !is_new && (domain::Iou(face->box, detection.box) < options_.calm_iou ||
                    HasCloseNeighbour(detections, i, options_.close));
    if (is_new) face = &faces_.emplace_back();
    face->box = detection.box;
    face->seen = pts;
    const bool is_better = detection.quality > options_.better_factor * face->best_quality;
    const MediaTime since = pts - face->embedded;
    const bool is_due = since >= (is_restless ? options_.restless_every : options_.embed_every);
    choice.embed =
        effort_ != Effort::kNormal ||
        (is_usable && (face->embeddings == 0 || is_due || is_better || pts >= options_.all_from));
    choice.spare = is_usable && !choice.embed && detection.score >= options_.spare_score_min &&
                   pts - face->spared >= options_.spare_every;
    choice.crop = choice.embed || is_new || pts - face->cropped >= options_.crop_every;
    if (choice.embed) {
      face->embedded = pts;
      face->best_quality = std::max(face->best_quality, detection.quality);
      ++face->embeddings;
    }
    if (choice.embed || choice.spare) face->spared = pts;
    if (choice.crop) face->cropped = pts;
    choices.push_back(choice);
  }
  return choices;
}

}  // namespace rollcall::pipeline
