#pragma once

#include <optional>
#include <vector>

#include "domain/face.h"
#include "pipeline/face_crop.h"

namespace rollcall::pipeline {

// Finds where a face has become somebody else's without a cut or a jump (a cross-fade, a cut that
// was missed): between two vectors of what overlap takes for one face, if they are of good pictures
// and not alike. Who was there in between can then be asked of the spare pictures of that time.
//
// Thread-compatible. Its memory is the spare pictures since each face's last vector, and those of
// the changes.
class ChangeWatch {
 public:
  // One sample after the other, with the spare pictures of its faces.
  void Next(domain::MediaTime pts, bool is_cut, const std::vector<domain::Detection>& detections,
            std::vector<SpareFace> spares);

  // Those of the changes, by frame and face; forgets everything.
  std::vector<SpareFace> Take();

 private:
  // What overlap takes for one face.
  struct FollowedFace {
    domain::PixelBox box{};
    domain::MediaTime seen{};
    std::optional<domain::Detection> embedded;  // Its last detection with a vector.
    std::vector<SpareFace> since;
  };

  FollowedFace* Nearest(const domain::PixelBox& box, std::vector<bool>& is_taken);

  std::vector<FollowedFace> faces_;
  std::vector<SpareFace> of_changes_;
};

}  // namespace rollcall::pipeline
