#include "vision/batch_runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

// More at a time brings nothing on a CPU and keeps frames waiting.
constexpr int kBatchMax = 8;

}  // namespace

base::Result<BatchRunner> BatchRunner::Create(std::unique_ptr<runtime::Session> session,
                                              NetworkInput input, std::vector<std::string> outputs,
                                              int batch_max) {
  ROLLCALL_TRY_ASSIGN(const std::int64_t model_batch, BindNetworkInput(input, *session));
  if (model_batch > 0 && batch_max != 0 && batch_max != model_batch) {
    return domain::MakeError(
        domain::reason::kBadConfig,
        fmt::format("batch_max is {}, the model takes {} at a time", batch_max, model_batch));
  }
  if (model_batch > 1) {
    return domain::MakeError(
        domain::reason::kBadConfig,
        fmt::format("the model takes {} pictures at a time, no fewer", model_batch));
  }
  const int limit = model_batch == 1 ? 1 : batch_max == 0 ? kBatchMax : batch_max;
  return BatchRunner(std::move(session), std::move(input), std::move(outputs),
                     static_cast<std::size_t>(limit));
}

BatchRunner::BatchRunner(std::unique_ptr<runtime::Session> session, NetworkInput input,
                         std::vector<std::string> outputs, std::size_t batch_max)
    : session_(std::move(session)),
      input_(std::move(input)),
      outputs_(std::move(outputs)),
      batch_max_(batch_max),
      planes_(input_.size() * batch_max) {}

base::Result<void> BatchRunner::Run(std::span<const domain::Image> images, const TakeRow& take) {
  for (std::size_t first = 0; first < images.size(); first += batch_max_) {
    const std::size_t count = std::min(batch_max_, images.size() - first);
    const std::span<float> planes = std::span(planes_).first(count * input_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const domain::Image& image = images[first + i];
      ROLLCALL_CHECK(image.width == input_.width && image.height == input_.height);
      FillPlanes(image, input_, {}, planes.subspan(i * input_.size(), input_.size()));
    }
    const runtime::TensorView tensor{
        .name = input_.name,
        .shape = {static_cast<std::int64_t>(count), input_.channels(), input_.height, input_.width},
        .values = planes};
    ROLLCALL_TRY_ASSIGN(const auto outputs, session_->Run({&tensor, 1}, outputs_));
    const std::span<const float> rows = outputs.front().values;
    if (rows.size() % count != 0) {
      return domain::MakeError(domain::reason::kModelAltered,
                               fmt::format("output '{}' has {} numbers for {} pictures",
                                           outputs.front().name, rows.size(), count));
    }
    const std::size_t width = rows.size() / count;
    for (std::size_t i = 0; i < count; ++i) take(first + i, rows.subspan(i * width, width));
  }
  return {};
}

}  // namespace rollcall::vision
