#include "pipeline/face_examiner.h"

#include <algorithm>
#include <cmath>

namespace rollcall::pipeline {
namespace {

using domain::Detection;
using domain::NoEmbedding;

float LongerSide(const domain::PixelBox& box) { return std::max(box.width(), box.height()); }

// Before an embedding is known: size against the embedder's 112 px, pose and points.
float FirstQuality(const Detection& detection) {
  const float size = std::min(1.0F, LongerSide(detection.box) / 112.0F);
  const float pose = detection.landmarks ? Frontality(*detection.landmarks) : 0.3F;
  return detection.score * size * (0.3F + 0.7F * pose) * (0.5F + 0.5F * detection.landmark_score);
}

}  // namespace

float Frontality(const domain::Landmarks5& points) {
  const float eye_x = points[1].x - points[0].x;
  const float eye_y = points[1].y - points[0].y;
  const float distance = std::hypot(eye_x, eye_y);
  if (distance <= 0) return 0;
  const float to_nose_x = points[2].x - (points[0].x + points[1].x) / 2;
  const float to_nose_y = points[2].y - (points[0].y + points[1].y) / 2;
  // Along the line of the eyes: 0 in front, about 0.5 where one eye hides behind the nose.
  const float along = (to_nose_x * eye_x + to_nose_y * eye_y) / (distance * distance);
  return std::clamp(1 - 1.6F * std::abs(along), 0.0F, 1.0F);
}

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
  ROLLCALL_TRY_ASSIGN(const domain::Image aligned,
                      vision::AlignFace(picture, *detection.landmarks));
  ROLLCALL_TRY_ASSIGN(std::vector<vision::FaceVector> vectors,
                      embedder_->Embed(std::span(&aligned, 1)));
  detection.raw_norm = vectors[0].raw_norm;
  const float sharpness = vision::Sharpness(aligned);
  detection.quality *= 0.5F + 0.5F * sharpness;
  if (detection.raw_norm < options_.raw_norm_min) {
    detection.no_embedding = NoEmbedding::kLowQuality;
    return {};
  }
  detection.embedding = std::move(vectors[0].embedding);
  detection.no_embedding = NoEmbedding::kNone;
  return {};
}

}  // namespace rollcall::pipeline
