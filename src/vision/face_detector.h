#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "domain/geometry.h"
#include "domain/image.h"

namespace rollcall::vision {

// A face as a detector gives it, in pixels of the picture it looked at.
struct FaceCandidate {
  domain::PixelBox box;
  float score = 0;
  std::optional<domain::Landmarks5> landmarks;
};

// How a picture is cut into tiles and doubles are told; the pack of a detector may say otherwise.
struct TileRule {
  float overlap = 0.2F;         // Of neighbouring tiles, share of a tile's side.
  float edge_margin = 0.012F;   // A box this near to an inner tile edge is cut off: dropped.
  float iou_max = 0.4F;         // Above it two boxes are one face …
  float contained_max = 0.65F;  // … as above this intersection over the smaller area.
};

// One detector network. Best score first, after the detector's own suppression.
// Not thread-safe: one per thread.
class FaceDetector {
 public:
  virtual ~FaceDetector() = default;
  virtual const std::string& name() const = 0;  // Of the model file, for reports.
  virtual TileRule tile_rule() const { return {}; }
  // Looks at `region` of the picture, letterboxed (aspect kept, padded) into the network's input.
  virtual base::Result<std::vector<FaceCandidate>> Detect(const domain::Picture& picture,
                                                          const domain::PixelBox& region) = 0;
};

// How thoroughly one picture is searched.
enum class Search { kWhole, kWholeAndTiles };

// Whole picture, or whole and 2×2 tiles with 20 % overlap: boxes within 1.2 % of an inner tile edge
// are dropped, doubles suppressed by IoU 0.4 and by intersection over the smaller area 0.65.
// Faces whose longer side is below `face_px_min` are left out. Best score first.
base::Result<std::vector<FaceCandidate>> FindFaces(FaceDetector& detector,
                                                   const domain::Picture& picture, Search search,
                                                   float score_min, float face_px_min);

// The score of the same face when the detector looks at its surroundings alone: a square of 5 × the
// box, at least 240 px; 0 if it is not found there (IoU ≥ 0.35). What only looked like a face in
// one place and size of the network's grid seldom does in another. Measured on the default
// detector: 31 of 35 false hits of 40 px and more score below 0.5, and 1.4 % of the faces.
base::Result<float> SecondLook(FaceDetector& detector, const domain::Picture& picture,
                               const FaceCandidate& face);

struct SecondLookRule {
  float below = 0;   // Faces with a score below this are looked at again; 0 = none.
  float min = 0.5F;  // Those whose second score is below this are dropped.
};
// `faces` without those that a second look does not confirm, in their order. One run of the
// network for every face that the rule looks at.
base::Result<std::vector<FaceCandidate>> ConfirmFaces(FaceDetector& detector,
                                                      const domain::Picture& picture,
                                                      std::vector<FaceCandidate> faces,
                                                      SecondLookRule rule);

}  // namespace rollcall::vision
