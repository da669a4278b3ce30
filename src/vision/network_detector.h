#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "vision/face_detector.h"
#include "vision/network_input.h"
#include "vision/pack_params.h"
#include "vision/runtime/session.h"

namespace rollcall::vision {

// Turns a network's outputs into faces in pixels of the network's input, in any order, leaving out
// scores below `score_min`. ERR_MODEL_ALTERED if the tensors are not of the kind's layout.
using DetectorDecode = std::function<base::Result<std::vector<FaceCandidate>>(
    std::span<const runtime::TensorView> outputs, float score_min)>;

// A decoder kind, filled in from its pack.
struct DetectorPlan {
  NetworkInput input{};
  std::vector<std::string> outputs{};  // In the order that `decode` takes; all, if empty.
  DetectorDecode decode;
  float score_floor = 0.3F;  // Candidates below are not even looked at.
  float nms_iou = 0.4F;
  TileRule tiles;
};

// What all kinds share: the input, score_floor, nms_iou and the rule for tiles.
DetectorPlan ReadDetectorPlan(ParamReader& params);

// An output of `count` × `width` numbers; ERR_MODEL_ALTERED if it has another size.
base::Result<void> CheckOutput(const runtime::TensorView& output, std::size_t count,
                               std::size_t width);

// Where a letterboxed region lies in a network's input.
struct Letterbox {
  float scale_x = 1;  // Pixels of the picture per pixel of the input.
  float scale_y = 1;
  int width = 0;  // Of the region, in pixels of the input.
  int height = 0;
  int column = 0;  // Of its top left corner in the input.
  int row = 0;
};
Letterbox FitLetterbox(const domain::PixelBox& region, int width, int height);

// Any detector that is one network run over a letterboxed picture.
class NetworkDetector final : public FaceDetector {
 public:
  // ERR_BAD_CONFIG if the plan does not fit the model.
  static base::Result<std::unique_ptr<FaceDetector>> Create(
      std::string name, std::unique_ptr<runtime::Session> session, DetectorPlan plan);

  const std::string& name() const override { return name_; }
  TileRule tile_rule() const override { return plan_.tiles; }
  base::Result<std::vector<FaceCandidate>> Detect(const domain::Picture& picture,
                                                  const domain::PixelBox& region) override;

 private:
  NetworkDetector(std::string name, std::unique_ptr<runtime::Session> session, DetectorPlan plan);
  void ClearPadding(const Letterbox& fit);

  std::string name_;
  std::unique_ptr<runtime::Session> session_;
  DetectorPlan plan_;
  std::vector<float> planes_;
  Letterbox filled_;  // What planes_ holds now: outside of it there is padding.
};

}  // namespace rollcall::vision
