#include "pipeline/face_examiner.h"

#include <algorithm>

namespace rollcall::pipeline {
namespace {

using domain::Detection;
using domain::NoEmbedding;

float LongerSide(const domain::PixelBox& box) { return std::max(box.width(), box.height()); }

// Before an embedding is known: size against the embedder's 112 px, pose and points.
float FirstQuality(const Detection& detection) {
  const float size = std::min(1.0F, LongerSide(detection.box) / 112.0F);
  const float pose = detection.landmarks ? vision::Frontality(*detection.landmarks) : 0.3F;
  return detection.score * size * (0.3F + 0.7F * pose) * (0.5F + 0.5F * detection.landmark_score);
}

}  // namespace

base::Result<std::vector<Detection>> FaceExaminer::Find(const domain::Picture& picture,
                                                        vision::Search search) {
  const float threshold =
      search == vision::Search::kWhole ? options_.score_whole : options_.score_tiles;
  ROLLCALL_TRY_ASSIGN(const std::vector<vision::FaceCandidate> candidates,
                      vision::FindFaces(*detector_, picture, search,
                                        threshold - options_.score_slack, options_.face_px_min));
  std::vector<Detection> detections;
  for (const vision::FaceCandidate& candidate : candidates) {
    Detection detection{.index = static_cast<std::int32_t>(detections.size()),
                        .box = candidate.box,
                        .score = candidate.score,
                        .landmarks = candidate.landmarks};
    if (candidate.landmarks) {
      detection.landmark_score = vision::LandmarkPlausibility(*candidate.landmarks, candidate.box);
    } else if (landmarker_) {
      ROLLCALL_TRY_ASSIGN(const vision::LocatedLandmarks located,
                          landmarker_->Locate(picture, candidate.box));
      detection.landmarks = located.points;
      detection.landmark_score = located.plausibility;
    }
    detection.quality = FirstQuality(detection);
    detection.no_embedding = NoEmbedding::kNotSampled;
    detections.push_back(std::move(detection));
  }
  return detections;
}

base::Result<void> FaceExaminer::Embed(const domain::Picture& picture, Detection& detection) {
  if (!detection.landmarks || detection.landmark_score < options_.plausibility_min) {
    detection.no_embedding = NoEmbedding::kNoLandmarks;
    return {};
  }
  if (LongerSide(detection.box) < options_.embed_px_min) {
    detection.no_embedding = NoEmbedding::kTooSmall;
    return {};
  }
  ROLLCALL_TRY_ASSIGN(
      const std::vector<vision::FaceCandidate> confirmed,
      vision::ConfirmFaces(
          *detector_, picture,
          {{.box = detection.box, .score = detection.score, .landmarks = detection.landmarks}},
          options_.second_look));
  if (confirmed.empty()) {
    detection.no_embedding = NoEmbedding::kNotConfirmed;
    return {};
  }
  ROLLCALL_TRY_ASSIGN(const domain::Image aligned,
                      vision::AlignFace(picture, *detection.landmarks));
  ROLLCALL_TRY_ASSIGN(std::vector<vision::FaceVector> vectors,
                      embedder_->Embed(std::span(&aligned, 1)));
  detection.raw_norm = vectors[0].raw_norm;
  detection.quality = vision::FaceQuality({.face_px = LongerSide(detection.box),
                                           .sharpness = vision::Sharpness(aligned),
                                           .frontality = vision::Frontality(*detection.landmarks),
                                           .raw_norm = detection.raw_norm,
                                           .raw_norm_typical = options_.raw_norm_typical});
  if (detection.raw_norm < options_.raw_norm_min) {
    detection.no_embedding = NoEmbedding::kLowQuality;
    return {};
  }
  detection.embedding = std::move(vectors[0].embedding);
  detection.no_embedding = NoEmbedding::kNone;
  return {};
}

}  // namespace rollcall::pipeline
