#pragma once

#include <vector>

#include "domain/face.h"
#include "pipeline/episode_params.h"

namespace rollcall::pipeline {

// Decides, frame by frame, which faces are worth an embedding and which a crop: a face that has
// just appeared, one clearly better than any of it before, one that may have become another (it has
// jumped, or another face is close to it; four times a second), each at least once in
// `embed_every`, and twice a second a crop; and of which a spare picture is kept in between. Faces
// are followed by overlap alone (the tracks proper are made by the track stage), so a face that
// jumps counts as new.
//
// Thread-compatible; deterministic. Reset at segment borders.
class EmbeddingPolicy {
 public:
  struct Options {
    domain::MediaTime embed_every{1'000'000};
    domain::MediaTime crop_every{500'000};
    domain::MediaTime restless_every{250'000};  // Of one that may have become another.
    domain::MediaTime spare_every{200'000};
    domain::MediaTime all_from = domain::MediaTime::max();  // Every usable face from here on.
    float spare_score_min = 0.9F;                           // Of a detection that is no shadow.
    float better_factor = 1.25F;                            // × the best quality so far.
    float same_face_iou = 0.4F;
    float calm_iou = 0.6F;         // With its box a sample ago; below that a face has jumped.
    float close = 1.0F;            // Between the centres of two faces, in mean widths.
    float embed_score_min = 0.6F;  // Detector score below which only a crop is taken.
    float plausibility_min = 0.5F;
  };
  struct Choice {
    bool embed = false;
    bool crop = false;
    bool spare = false;  // Worth a picture from which it can be embedded later.
  };

  EmbeddingPolicy(Effort effort, Options options) : effort_(effort), options_(options) {}

  // One choice per detection of this frame, in their order.
  std::vector<Choice> Next(domain::MediaTime pts, bool is_cut,
                           const std::vector<domain::Detection>& detections);
  void Reset() { faces_.clear(); }

 private:
  struct Face {
    domain::PixelBox box;
    domain::MediaTime seen{};
    domain::MediaTime embedded{};
    domain::MediaTime spared{};  // Or embedded.
    domain::MediaTime cropped{};
    float best_quality = 0;
    int embeddings = 0;
  };

  Face* Match(const domain::Detection& detection, std::vector<bool>& taken);

  Effort effort_;
  Options options_;
  std::vector<Face> faces_;
};

}  // namespace rollcall::pipeline
