#include "pipeline/face_examiner.h"

#include <algorithm>
#include <utility>

#include "domain/turned_picture.h"

namespace rollcall::pipeline {
namespace {

using domain::Detection;
using domain::NoEmbedding;
using domain::Turn;

// Of a face that may be turned: what is looked at around it, in its sizes and at least in pixels.
constexpr float kSurroundings = 3;
constexpr float kSurroundingsMin = 160;
constexpr float kSameFaceIou = 0.35F;
constexpr int kTurnedMax = 2;  // In one picture.
// A face that stands upright and whose points are not found well (half of it outside the picture,
// hair in it) is found upside down too, but less surely: of 23 pictures turned by 180 degrees all
// meet this, of 121 upright ones that gave a turned face one.
constexpr float kTurnedPlausibility = 0.8F;
constexpr float kUpsideDownPlausibility = 0.99F;  // Eyes and mouth are easily taken for each other.
constexpr float kTurnedScoreSlack = 0.002F;
// Points of a face upside down reach 0.83, in every other frame 0.5: what was embedded alternated.
constexpr float kSurelyUpright = 0.9F;

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
                        .score = candidate.score};
    ROLLCALL_TRY(SetLandmarks(picture, candidate, detection));
    detection.quality = FirstQuality(detection);
    detection.no_embedding = NoEmbedding::kNotSampled;
    detections.push_back(std::move(detection));
  }
  const auto is_upright = [](const Detection& each) {
    return each.landmark_score >= kSurelyUpright;
  };
  if (std::ranges::none_of(detections, is_upright)) {
    int tried = 0;
    for (Detection& detection : detections) {
      if (detection.score < threshold || ++tried > kTurnedMax) break;  // Best score first.
      ROLLCALL_TRY(TryTurned(picture, detection));
    }
    const auto turned = std::ranges::find_if(
        detections, [](const Detection& each) { return each.turn != Turn::kNone; });
    if (turned != detections.end()) {
      ROLLCALL_TRY(AddTurned(picture, search, turned->turn, detections));
    }
  }
  return detections;
}

// The others of a picture that is turned.
base::Result<void> FaceExaminer::AddTurned(const domain::Picture& picture, vision::Search search,
                                           Turn turn, std::vector<Detection>& detections) {
  const domain::TurnedPicture turned(picture, turn);
  const float threshold =
      search == vision::Search::kWhole ? options_.score_whole : options_.score_tiles;
  ROLLCALL_TRY_ASSIGN(
      const std::vector<vision::FaceCandidate> candidates,
      vision::FindFaces(*detector_, turned, search, threshold, options_.face_px_min));
  for (const vision::FaceCandidate& candidate : candidates) {
    Detection upright{.box = candidate.box, .score = candidate.score};
    ROLLCALL_TRY(SetLandmarks(turned, candidate, upright));
    if (!upright.landmarks || upright.landmark_score < options_.plausibility_min) continue;
    Detection found = TurnedBack(turned, turn, upright);
    const auto same = std::ranges::find_if(detections, [&](const Detection& each) {
      return domain::Iou(each.box, found.box) >= kSameFaceIou;
    });
    if (same == detections.end()) {
      found.index = static_cast<std::int32_t>(detections.size());
      detections.push_back(std::move(found));
    } else if (same->turn == Turn::kNone && found.score >= same->score - kTurnedScoreSlack) {
      found.index = same->index;
      *same = std::move(found);
    }
  }
  return {};
}

// A face of the turned picture, in the pixels of the other one.
Detection FaceExaminer::TurnedBack(const domain::TurnedPicture& turned, Turn turn,
                                   const Detection& upright) {
  Detection back = upright;
  back.quality = FirstQuality(upright);
  back.no_embedding = NoEmbedding::kNotSampled;
  back.turn = turn;
  back.box = turned.Back(upright.box);
  back.landmarks = turned.Back(*upright.landmarks);
  return back;
}

base::Result<void> FaceExaminer::SetLandmarks(const domain::Picture& picture,
                                              const vision::FaceCandidate& candidate,
                                              Detection& detection) {
  if (candidate.landmarks) {
    detection.landmarks = candidate.landmarks;
    detection.landmark_score = vision::LandmarkPlausibility(*candidate.landmarks, candidate.box);
  } else if (landmarker_) {
    ROLLCALL_TRY_ASSIGN(const vision::LocatedLandmarks located,
                        landmarker_->Locate(picture, candidate.box));
    detection.landmarks = located.points;
    detection.landmark_score = located.plausibility;
  }
  return {};
}

// Looks at the surroundings of a face, turned each way. What stands upright then takes its place.
base::Result<void> FaceExaminer::TryTurned(const domain::Picture& picture, Detection& detection) {
  Detection best = detection;
  best.landmark_score = 0;
  for (const Turn turn : {Turn::kQuarter, Turn::kThreeQuarters, Turn::kHalf}) {
    const domain::TurnedPicture turned(picture, turn);
    const domain::PixelBox box = turned.Turned(detection.box);
    if (landmarker_ && detection.landmark_score >= options_.plausibility_min) {
      // Its box is about right; asking for points costs a third of finding it again.
      ROLLCALL_TRY_ASSIGN(const vision::LocatedLandmarks located, landmarker_->Locate(turned, box));
      if (located.plausibility <= detection.landmark_score) continue;
    }
    const domain::PixelPoint centre = box.centre();
    const float side = std::max(kSurroundings * LongerSide(box), kSurroundingsMin);
    ROLLCALL_TRY_ASSIGN(const std::vector<vision::FaceCandidate> found,
                        detector_->Detect(turned, {centre.x - side / 2, centre.y - side / 2,
                                                   centre.x + side / 2, centre.y + side / 2}));
    for (const vision::FaceCandidate& candidate : found) {
      const bool is_it = domain::Iou(candidate.box, box) >= kSameFaceIou;
      const float score_min = std::max(options_.score_whole, detection.score - kTurnedScoreSlack);
      if (!is_it || candidate.score < score_min) continue;
      Detection upright{.index = detection.index, .box = candidate.box, .score = candidate.score};
      ROLLCALL_TRY(SetLandmarks(turned, candidate, upright));
      const float points_min = std::max(
          best.landmark_score, turn == Turn::kHalf ? kUpsideDownPlausibility : kTurnedPlausibility);
      if (!upright.landmarks || upright.landmark_score < points_min) continue;
      best = TurnedBack(turned, turn, upright);
    }
  }
  if (best.turn != Turn::kNone) detection = std::move(best);
  return {};
}

// A turned face is embedded as if the picture were turned.
base::Result<void> FaceExaminer::Embed(const domain::Picture& picture, Detection& detection) {
  if (detection.turn == Turn::kNone) return EmbedUpright(picture, detection);
  const domain::TurnedPicture turned(picture, detection.turn);
  Detection upright = detection;
  upright.box = turned.Turned(detection.box);
  if (upright.landmarks) upright.landmarks = turned.Turned(*detection.landmarks);
  ROLLCALL_TRY(EmbedUpright(turned, upright));
  upright.box = detection.box;
  upright.landmarks = detection.landmarks;
  detection = std::move(upright);
  return {};
}

bool FaceExaminer::CanAlign(const Detection& detection) const {
  return detection.turn == Turn::kNone && WhyNot(detection) == NoEmbedding::kNone;
}

// Of what is known before its picture is looked at again.
NoEmbedding FaceExaminer::WhyNot(const Detection& detection) const {
  if (!detection.landmarks || detection.landmark_score < options_.plausibility_min) {
    return NoEmbedding::kNoLandmarks;
  }
  if (LongerSide(detection.box) < options_.embed_px_min) return NoEmbedding::kTooSmall;
  return NoEmbedding::kNone;
}

base::Result<void> FaceExaminer::EmbedUpright(const domain::Picture& picture,
                                              Detection& detection) {
  detection.no_embedding = WhyNot(detection);
  if (detection.no_embedding != NoEmbedding::kNone) return {};
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
  return EmbedAligned(aligned, detection);
}

base::Result<void> FaceExaminer::EmbedAligned(const domain::Image& aligned, Detection& detection) {
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
