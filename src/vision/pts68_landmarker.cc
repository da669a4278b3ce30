#include "vision/pts68_landmarker.h"

#include <fmt/format.h>

#include <cmath>

#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

// Indices of the iBUG 68-point scheme; "left" as the picture shows it.
struct PointRange {
  std::size_t first;
  std::size_t last;
};
constexpr PointRange kLeftEye{36, 41};
constexpr PointRange kRightEye{42, 47};
constexpr PointRange kNoseTip{30, 30};
constexpr PointRange kLeftMouthCorner{48, 48};
constexpr PointRange kRightMouthCorner{54, 54};
constexpr std::size_t kPoints = 68;

}  // namespace

Pts68Plan ReadPts68Plan(ParamReader& params) {
  Pts68Plan plan;
  plan.input = ReadNetworkInput(params);
  plan.outputs = params.WordsOr("outputs");
  plan.crop_scale = params.Number("crop_scale", {0.5, 3});
  plan.crop_shift_y = params.Number("crop_shift_y", {-0.5, 0.5});
  plan.refine_scale = params.NumberOr("refine_scale", {1, 10}, 0);
  plan.refine_shift_y = params.NumberOr("refine_shift_y", {-1, 1}, 0);
  if (params.IntOr("points", {1, 1000}, kPoints) != kPoints) {
    params.Reject("'points' is not 68");
  }
  return plan;
}

domain::PixelBox Pts68Crop(const domain::PixelBox& face, const Pts68Plan& plan) {
  const domain::PixelPoint centre = face.centre();
  const float half = plan.crop_scale * face.height() / 2;
  const float y = centre.y + plan.crop_shift_y * face.height();
  return {centre.x - half, y - half, centre.x + half, y + half};
}

domain::PixelBox Pts68RefinedCrop(const domain::Landmarks5& points, const Pts68Plan& plan) {
  const domain::PixelPoint eyes{(points[0].x + points[1].x) / 2, (points[0].y + points[1].y) / 2};
  const domain::PixelPoint mouth{(points[3].x + points[4].x) / 2, (points[3].y + points[4].y) / 2};
  const float down_x = mouth.x - eyes.x;
  const float down_y = mouth.y - eyes.y;
  const float half = plan.refine_scale * std::hypot(down_x, down_y) / 2;
  const float x = (eyes.x + mouth.x) / 2 + plan.refine_shift_y * down_x;
  const float y = (eyes.y + mouth.y) / 2 + plan.refine_shift_y * down_y;
  return {x - half, y - half, x + half, y + half};
}

base::Result<domain::Landmarks5> DecodePts68(const runtime::TensorView& output,
                                             const domain::PixelBox& crop) {
  if (output.values.size() != 2 * kPoints) {
    return domain::MakeError(domain::reason::kModelAltered,
                             fmt::format("output '{}' has {} numbers, not 68 points", output.name,
                                         output.values.size()));
  }
  const auto mean = [&](PointRange range) {
    domain::PixelPoint sum;
    for (std::size_t i = range.first; i <= range.last; ++i) {
      sum.x += output.values[2 * i];
      sum.y += output.values[2 * i + 1];
    }
    const auto count = static_cast<float>(range.last - range.first + 1);
    return domain::PixelPoint{crop.x1 + sum.x / count * crop.width(),
                              crop.y1 + sum.y / count * crop.height()};
  };
  return domain::Landmarks5{mean(kLeftEye), mean(kRightEye), mean(kNoseTip), mean(kLeftMouthCorner),
                            mean(kRightMouthCorner)};
}

base::Result<std::unique_ptr<FaceLandmarker>> Pts68Landmarker::Create(
    std::string name, std::unique_ptr<runtime::Session> session, Pts68Plan plan) {
  ROLLCALL_TRY(BindNetworkInput(plan.input, *session));
  return std::unique_ptr<FaceLandmarker>(
      new Pts68Landmarker(std::move(name), std::move(session), std::move(plan)));
}

Pts68Landmarker::Pts68Landmarker(std::string name, std::unique_ptr<runtime::Session> session,
                                 Pts68Plan plan)
    : name_(std::move(name)),
      session_(std::move(session)),
      plan_(std::move(plan)),
      planes_(plan_.input.size()) {}

base::Result<domain::Landmarks5> Pts68Landmarker::LookAt(const domain::Picture& picture,
                                                         const domain::PixelBox& crop) {
  const NetworkInput& input = plan_.input;
  ROLLCALL_TRY_ASSIGN(
      const domain::Image image,
      picture.Render(crop, {.width = input.width, .height = input.height, .format = input.format}));
  FillPlanes(image, input, {}, planes_);
  const runtime::TensorView tensor{.name = input.name,
                                   .shape = {1, input.channels(), input.height, input.width},
                                   .values = planes_};
  ROLLCALL_TRY_ASSIGN(const auto outputs, session_->Run({&tensor, 1}, plan_.outputs));
  return DecodePts68(outputs.front(), crop);
}

base::Result<LocatedLandmarks> Pts68Landmarker::Locate(const domain::Picture& picture,
                                                       const domain::PixelBox& face) {
  ROLLCALL_TRY_ASSIGN(const domain::Landmarks5 first, LookAt(picture, Pts68Crop(face, plan_)));
  const domain::PixelBox crop = Pts68RefinedCrop(first, plan_);
  if (!(crop.area() > 0)) {
    return LocatedLandmarks{.points = first, .plausibility = LandmarkPlausibility(first, face)};
  }
  ROLLCALL_TRY_ASSIGN(const domain::Landmarks5 second, LookAt(picture, crop));
  return LocatedLandmarks{
      .points = second,
      .plausibility = LandmarkPlausibility(second, face) * PointStability(first, second, face)};
}

}  // namespace rollcall::vision
