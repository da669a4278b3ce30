#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vision/batch_runner.h"
#include "vision/face_analyzer.h"
#include "vision/pack_params.h"

namespace rollcall::vision {

// A classifier over the labels that the pack lists. Its crop is a square: side crop_scale × the
// longer side of the box, its centre the box's, moved down by crop_shift_y × the height.
struct SoftmaxPlan {
  NetworkInput input{};
  std::vector<std::string> outputs{};
  std::vector<std::string> labels{};
  bool is_logits = false;  // The network leaves the softmax to us.
  float crop_scale = 1;
  float crop_shift_y = 0;
  int batch_max = 0;
};
SoftmaxPlan ReadSoftmaxPlan(ParamReader& params);

domain::PixelBox SoftmaxCrop(const domain::PixelBox& face, const SoftmaxPlan& plan);

// Logits → probabilities, or probabilities scaled to a sum of 1.
std::vector<float> Probabilities(std::span<const float> row, bool is_logits);

class SoftmaxExpression final : public ExpressionClassifier {
 public:
  static base::Result<std::unique_ptr<ExpressionClassifier>> Create(
      std::string name, std::unique_ptr<runtime::Session> session, SoftmaxPlan plan);

  const std::string& name() const override { return name_; }
  base::Result<ExpressionScores> Classify(const domain::Picture& picture,
                                          const domain::PixelBox& face) override;

 private:
  SoftmaxExpression(std::string name, BatchRunner runner, SoftmaxPlan plan)
      : name_(std::move(name)), runner_(std::move(runner)), plan_(std::move(plan)) {}

  std::string name_;
  BatchRunner runner_;
  SoftmaxPlan plan_;
};

}  // namespace rollcall::vision
