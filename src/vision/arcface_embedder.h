#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vision/batch_runner.h"
#include "vision/face_analyzer.h"
#include "vision/pack_params.h"

namespace rollcall::vision {

// A network that turns a face aligned to the ArcFace template (112×112) into a vector whose
// direction tells people apart (Deng et al. 2019).
struct ArcfacePlan {
  NetworkInput input{};
  std::vector<std::string> outputs{};
  int dimensions = 0;
  int batch_max = 0;
};
ArcfacePlan ReadArcfacePlan(ParamReader& params);

// L2-normalises; a vector of zeros stays one.
FaceVector NormaliseVector(std::span<const float> raw);

class ArcfaceEmbedder final : public FaceEmbedder {
 public:
  static base::Result<std::unique_ptr<FaceEmbedder>> Create(
      std::string name, std::unique_ptr<runtime::Session> session, ArcfacePlan plan);

  const std::string& name() const override { return name_; }
  int dimension() const override { return dimensions_; }
  // ERR_BAD_PARAMS for an image that is not 112×112 RGB.
  base::Result<std::vector<FaceVector>> Embed(std::span<const domain::Image> aligned) override;

 private:
  ArcfaceEmbedder(std::string name, BatchRunner runner, int dimensions)
      : name_(std::move(name)), runner_(std::move(runner)), dimensions_(dimensions) {}

  std::string name_;
  BatchRunner runner_;
  int dimensions_;
};

}  // namespace rollcall::vision
