#include "vision/network_detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "domain/reasons.h"
#include "vision/suppression.h"

namespace rollcall::vision {
namespace {

void MoveToPicture(FaceCandidate& face, const Letterbox& fit, const domain::PixelBox& region) {
  const auto move_x = [&](float& x) {
    x = (x - static_cast<float>(fit.column)) * fit.scale_x + region.x1;
  };
  const auto move_y = [&](float& y) {
    y = (y - static_cast<float>(fit.row)) * fit.scale_y + region.y1;
  };
  move_x(face.box.x1);
  move_x(face.box.x2);
  move_y(face.box.y1);
  move_y(face.box.y2);
  if (!face.landmarks) return;
  for (domain::PixelPoint& point : *face.landmarks) {
    move_x(point.x);
    move_y(point.y);
  }
}

bool IsSound(const FaceCandidate& face) {
  return std::isfinite(face.score) && std::isfinite(face.box.area()) && face.box.area() > 0;
}

}  // namespace

DetectorPlan ReadDetectorPlan(ParamReader& params) {
  DetectorPlan plan;
  plan.input = ReadNetworkInput(params);
  plan.score_floor = params.NumberOr("score_floor", {0.01, 0.99}, plan.score_floor);
  plan.nms_iou = params.Number("nms_iou", {0.05, 0.95});
  plan.tiles.iou_max = plan.nms_iou;
  plan.tiles.contained_max = params.NumberOr("contained_max", {0.05, 1}, plan.tiles.contained_max);
  plan.tiles.overlap = params.NumberOr("tile_overlap", {0, 0.9}, plan.tiles.overlap);
  plan.tiles.edge_margin = params.NumberOr("tile_edge_margin", {0, 0.2}, plan.tiles.edge_margin);
  return plan;
}

base::Result<void> CheckOutput(const runtime::TensorView& output, std::size_t count,
                               std::size_t width) {
  if (output.values.size() == count * width) return {};
  return domain::MakeError(domain::reason::kModelAltered,
                           fmt::format("output '{}' has {} numbers, its kind has {} × {}",
                                       output.name, output.values.size(), count, width));
}

Letterbox FitLetterbox(const domain::PixelBox& region, int width, int height) {
  Letterbox fit;
  const float scale = std::max(region.width() / static_cast<float>(width),
                               region.height() / static_cast<float>(height));
  const auto side = [&](float length, int limit) {
    return std::clamp(static_cast<int>(std::lround(length / scale)), 1, limit);
  };
  fit.width = side(region.width(), width);
  fit.height = side(region.height(), height);
  fit.scale_x = region.width() / static_cast<float>(fit.width);
  fit.scale_y = region.height() / static_cast<float>(fit.height);
  fit.column = (width - fit.width) / 2;
  fit.row = (height - fit.height) / 2;
  return fit;
}

base::Result<std::unique_ptr<FaceDetector>> NetworkDetector::Create(
    std::string name, std::unique_ptr<runtime::Session> session, DetectorPlan plan) {
  ROLLCALL_TRY(BindNetworkInput(plan.input, *session));
  for (const std::string& output : plan.outputs) {
    if (std::ranges::count(session->outputs(), output, &runtime::Port::name) == 1) continue;
    return domain::MakeError(domain::reason::kBadConfig,
                             fmt::format("{} has no output '{}'", name, output));
  }
  return std::unique_ptr<FaceDetector>(
      new NetworkDetector(std::move(name), std::move(session), std::move(plan)));
}

NetworkDetector::NetworkDetector(std::string name, std::unique_ptr<runtime::Session> session,
                                 DetectorPlan plan)
    : name_(std::move(name)),
      session_(std::move(session)),
      plan_(std::move(plan)),
      planes_(plan_.input.size()) {}

// Padding is the network's own zero: neither black nor white.
void NetworkDetector::ClearPadding(const Letterbox& fit) {
  const bool is_same = fit.width == filled_.width && fit.height == filled_.height;
  if (!is_same) std::ranges::fill(planes_, 0.0F);
  filled_ = fit;
}

base::Result<std::vector<FaceCandidate>> NetworkDetector::Detect(const domain::Picture& picture,
                                                                 const domain::PixelBox& region) {
  const NetworkInput& input = plan_.input;
  if (!(region.area() > 0)) {
    return domain::MakeError(domain::reason::kBadParams, "the region to search is empty");
  }
  const Letterbox fit = FitLetterbox(region, input.width, input.height);
  ROLLCALL_TRY_ASSIGN(
      const domain::Image image,
      picture.Render(region, {.width = fit.width, .height = fit.height, .format = input.format}));
  ClearPadding(fit);
  FillPlanes(image, input, {.column = fit.column, .row = fit.row}, planes_);
  const runtime::TensorView tensor{.name = input.name,
                                   .shape = {1, input.channels(), input.height, input.width},
                                   .values = planes_};
  ROLLCALL_TRY_ASSIGN(const auto outputs, session_->Run({&tensor, 1}, plan_.outputs));
  ROLLCALL_TRY_ASSIGN(std::vector<FaceCandidate> faces, plan_.decode(outputs, plan_.score_floor));
  std::erase_if(faces, [](const FaceCandidate& face) { return !IsSound(face); });
  for (FaceCandidate& face : faces) MoveToPicture(face, fit, region);
  return Suppress(std::move(faces), {.iou = plan_.nms_iou});
}

}  // namespace rollcall::vision
