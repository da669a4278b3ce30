#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vision/face_analyzer.h"
#include "vision/network_input.h"
#include "vision/pack_params.h"
#include "vision/runtime/session.h"

namespace rollcall::vision {

// A network that gives the 68 points of the iBUG scheme, each 0…1 of its square crop. The crop's
// side is crop_scale × the height of the box; its centre is the box's, moved down by
// crop_shift_y × the height.
//
// With refine_scale the network looks a second time, at a square placed by the points of the first
// look: side refine_scale × the distance between the middles of eyes and mouth, its centre moved
// from between these towards the mouth by refine_shift_y × that distance. Faces keep their points
// (same-person pairs lost at cosine 0.40 on grey LFW: 2.7 % after, 5.1 % before), what is no face
// does not.
struct Pts68Plan {
  NetworkInput input{};
  std::vector<std::string> outputs{};
  float crop_scale = 1;
  float crop_shift_y = 0;
  float refine_scale = 0;  // 0: no second look.
  float refine_shift_y = 0;
};
Pts68Plan ReadPts68Plan(ParamReader& params);

domain::PixelBox Pts68Crop(const domain::PixelBox& face, const Pts68Plan& plan);
domain::PixelBox Pts68RefinedCrop(const domain::Landmarks5& points, const Pts68Plan& plan);

// 136 numbers → eyes (the mean of six points each), tip of the nose, corners of the mouth.
// ERR_MODEL_ALTERED for another count.
base::Result<domain::Landmarks5> DecodePts68(const runtime::TensorView& output,
                                             const domain::PixelBox& crop);

class Pts68Landmarker final : public FaceLandmarker {
 public:
  static base::Result<std::unique_ptr<FaceLandmarker>> Create(
      std::string name, std::unique_ptr<runtime::Session> session, Pts68Plan plan);

  const std::string& name() const override { return name_; }
  base::Result<LocatedLandmarks> Locate(const domain::Picture& picture,
                                        const domain::PixelBox& face) override;

 private:
  base::Result<domain::Landmarks5> LookAt(const domain::Picture& picture,
                                          const domain::PixelBox& crop);
  Pts68Landmarker(std::string name, std::unique_ptr<runtime::Session> session, Pts68Plan plan);

  std::string name_;
  std::unique_ptr<runtime::Session> session_;
  Pts68Plan plan_;
  std::vector<float> planes_;
};

}  // namespace rollcall::vision
