#include "vision/softmax_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "domain/reasons.h"

namespace rollcall::vision {

SoftmaxPlan ReadSoftmaxPlan(ParamReader& params) {
  SoftmaxPlan plan;
  plan.input = ReadNetworkInput(params);
  plan.outputs = params.WordsOr("outputs");
  plan.labels = params.Words("labels", 2);
  plan.is_logits = params.Has("activation") &&
                   params.Word("activation", {"probabilities", "logits"}) == "logits";
  plan.crop_scale = params.Number("crop_scale", {0.5, 3});
  plan.crop_shift_y = params.NumberOr("crop_shift_y", {-0.5, 0.5}, 0);
  plan.batch_max = params.IntOr("batch_max", {0, 64}, 0);
  return plan;
}

domain::PixelBox SoftmaxCrop(const domain::PixelBox& face, const SoftmaxPlan& plan) {
  domain::PixelBox crop = domain::SquareAround(face, plan.crop_scale);
  crop.y1 += plan.crop_shift_y * face.height();
  crop.y2 += plan.crop_shift_y * face.height();
  return crop;
}

std::vector<float> Probabilities(std::span<const float> row, bool is_logits) {
  std::vector<float> scores(row.begin(), row.end());
  if (is_logits) {
    const float most = *std::ranges::max_element(scores);
    for (float& score : scores) score = std::exp(score - most);
  }
  const float sum = std::accumulate(scores.begin(), scores.end(), 0.0F);
  if (sum > 0) {
    for (float& score : scores) score /= sum;
  }
  return scores;
}

base::Result<std::unique_ptr<ExpressionClassifier>> SoftmaxExpression::Create(
    std::string name, std::unique_ptr<runtime::Session> session, SoftmaxPlan plan) {
  ROLLCALL_TRY_ASSIGN(BatchRunner runner, BatchRunner::Create(std::move(session), plan.input,
                                                              plan.outputs, plan.batch_max));
  return std::unique_ptr<ExpressionClassifier>(
      new SoftmaxExpression(std::move(name), std::move(runner), std::move(plan)));
}

base::Result<ExpressionScores> SoftmaxExpression::Classify(const domain::Picture& picture,
                                                           const domain::PixelBox& face) {
  const NetworkInput& input = runner_.input();
  ROLLCALL_TRY_ASSIGN(
      const domain::Image crop,
      picture.Render(SoftmaxCrop(face, plan_),
                     {.width = input.width, .height = input.height, .format = input.format}));
  ExpressionScores result{.labels = plan_.labels, .scores = {}};
  ROLLCALL_TRY(runner_.Run({&crop, 1}, [&](std::size_t, std::span<const float> row) {
    result.scores = Probabilities(row, plan_.is_logits);
  }));
  if (result.scores.size() == result.labels.size()) return result;
  return domain::MakeError(domain::reason::kModelAltered,
                           fmt::format("{} gives {} scores for {} labels", name_,
                                       result.scores.size(), result.labels.size()));
}

}  // namespace rollcall::vision
