#pragma once

#include <memory>
#include <vector>

#include "domain/face.h"
#include "domain/turned_picture.h"
#include "vision/model_pack.h"

namespace rollcall::pipeline {

struct ExaminerOptions {
  float score_whole = 0.6F;
  float score_tiles = 0.7F;
  // Detections down to this much below the threshold are kept: a track may go on with them, none
  // begins with one (Zhang et al. 2022, ByteTrack).
  float score_slack = 0.15F;
  float face_px_min = 20;         // Longer side of a detection.
  float embed_px_min = 24;        // Below this a crop says nothing about who it is.
  float plausibility_min = 0.5F;  // Of landmarks that are to be trusted.
  float raw_norm_min = 2.4F;
  float raw_norm_typical = 3.7F;
  vision::SecondLookRule second_look;  // Before an embedding is taken.
};

// All networks that look at one picture. One per thread.
class FaceExaminer {
 public:
  FaceExaminer(std::unique_ptr<vision::FaceDetector> detector,
               std::unique_ptr<vision::FaceLandmarker> landmarker,
               std::unique_ptr<vision::FaceEmbedder> embedder, ExaminerOptions options)
      : detector_(std::move(detector)),
        landmarker_(std::move(landmarker)),
        embedder_(std::move(embedder)),
        options_(options) {}

  // The faces of one picture with landmarks and a first quality, without embeddings. Where none of
  // them surely stands upright they may be turned: by 90 or 180 degrees each is tried.
  base::Result<std::vector<domain::Detection>> Find(const domain::Picture& picture,
                                                    vision::Search search);
  // Fills embedding, raw_norm, quality and no_embedding.
  base::Result<void> Embed(const domain::Picture& picture, domain::Detection& detection);

  // Whether it can be embedded later from its aligned picture: without a second look, and if it is
  // not turned.
  bool CanAlign(const domain::Detection& detection) const;
  base::Result<void> EmbedAligned(const domain::Image& aligned, domain::Detection& detection);

  const ExaminerOptions& options() const { return options_; }

 private:
  base::Result<void> SetLandmarks(const domain::Picture& picture,
                                  const vision::FaceCandidate& candidate,
                                  domain::Detection& detection);
  base::Result<void> AddTurned(const domain::Picture& picture, vision::Search search,
                               domain::Turn turn, std::vector<domain::Detection>& detections);
  static domain::Detection TurnedBack(const domain::TurnedPicture& turned, domain::Turn turn,
                                      const domain::Detection& upright);
  base::Result<void> TryTurned(const domain::Picture& picture, domain::Detection& detection);
  base::Result<void> EmbedUpright(const domain::Picture& picture, domain::Detection& detection);
  domain::NoEmbedding WhyNot(const domain::Detection& detection) const;

  std::unique_ptr<vision::FaceDetector> detector_;
  std::unique_ptr<vision::FaceLandmarker> landmarker_;  // Null when the detector gives points.
  std::unique_ptr<vision::FaceEmbedder> embedder_;
  ExaminerOptions options_;
};

}  // namespace rollcall::pipeline
