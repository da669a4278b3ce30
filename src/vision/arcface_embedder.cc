#include "vision/arcface_embedder.h"

#include <fmt/format.h>

#include <cmath>

#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

constexpr int kAlignedSide = 112;

// AlignFace gives RGB; some networks were trained on BGR.
domain::Image AsBgr(domain::Image image) {
  for (std::size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    std::swap(image.pixels[i], image.pixels[i + 2]);
  }
  image.format = domain::PixelFormat::kBgr24;
  return image;
}

}  // namespace

ArcfacePlan ReadArcfacePlan(ParamReader& params) {
  ArcfacePlan plan;
  plan.input = ReadNetworkInput(params);
  plan.outputs = params.WordsOr("outputs");
  plan.dimensions = params.Int("dimensions", {2, 8192});
  plan.batch_max = params.IntOr("batch_max", {0, 64}, 0);
  if (plan.input.width != kAlignedSide || plan.input.height != kAlignedSide ||
      plan.input.format == domain::PixelFormat::kGray8) {
    params.Reject("an arcface model takes 112×112 pixels in colour");
  }
  return plan;
}

FaceVector NormaliseVector(std::span<const float> raw) {
  double sum = 0;
  for (const float value : raw) sum += static_cast<double>(value) * static_cast<double>(value);
  const double norm = std::sqrt(sum);
  FaceVector vector{.embedding = {raw.begin(), raw.end()}, .raw_norm = static_cast<float>(norm)};
  if (norm <= 0) return vector;
  for (float& value : vector.embedding) value = static_cast<float>(value / norm);
  return vector;
}

base::Result<std::unique_ptr<FaceEmbedder>> ArcfaceEmbedder::Create(
    std::string name, std::unique_ptr<runtime::Session> session, ArcfacePlan plan) {
  ROLLCALL_TRY_ASSIGN(BatchRunner runner,
                      BatchRunner::Create(std::move(session), std::move(plan.input),
                                          std::move(plan.outputs), plan.batch_max));
  return std::unique_ptr<FaceEmbedder>(
      new ArcfaceEmbedder(std::move(name), std::move(runner), plan.dimensions));
}

base::Result<std::vector<FaceVector>> ArcfaceEmbedder::Embed(
    std::span<const domain::Image> aligned) {
  for (const domain::Image& image : aligned) {
    if (image.width == kAlignedSide && image.height == kAlignedSide &&
        image.format == domain::PixelFormat::kRgb24) {
      continue;
    }
    return domain::MakeError(
        domain::reason::kBadParams,
        fmt::format("an aligned face is 112×112 RGB, not {}×{}", image.width, image.height));
  }
  std::vector<domain::Image> turned;
  if (runner_.input().format == domain::PixelFormat::kBgr24) {
    for (const domain::Image& image : aligned) turned.push_back(AsBgr(image));
    aligned = turned;
  }
  std::vector<FaceVector> vectors(aligned.size());
  ROLLCALL_TRY(runner_.Run(aligned, [&](std::size_t index, std::span<const float> row) {
    vectors[index] = NormaliseVector(row);
  }));
  for (const FaceVector& vector : vectors) {
    if (std::ssize(vector.embedding) == dimensions_ && std::isfinite(vector.raw_norm)) continue;
    return domain::MakeError(domain::reason::kModelAltered,
                             fmt::format("{} gives {} numbers with norm {}, not {}", name_,
                                         vector.embedding.size(), vector.raw_norm, dimensions_));
  }
  return vectors;
}

}  // namespace rollcall::vision
