#include "vision/network_input.h"

#include <fmt/format.h>

#include <opencv2/core.hpp>

#include "base/check.h"
#include "domain/reasons.h"

namespace rollcall::vision {

NetworkInput ReadNetworkInput(ParamReader& params) {
  constexpr ParamRange kSide{8, 4096};
  constexpr ParamRange kMean{-1024, 1024};
  NetworkInput input;
  input.name = params.WordOr("input", "");
  input.width = params.Int("input_width", kSide);
  input.height = params.Int("input_height", kSide);
  input.scale = params.Number("scale", {1e-6, 1024});
  const std::string colour = params.Word("colour", {"rgb", "bgr", "grey"});
  input.format = colour == "rgb"   ? domain::PixelFormat::kRgb24
                 : colour == "bgr" ? domain::PixelFormat::kBgr24
                                   : domain::PixelFormat::kGray8;
  if (params.Has("mean")) {
    input.mean.fill(params.Number("mean", kMean));
  } else {
    input.mean = {params.Number("mean_r", kMean), params.Number("mean_g", kMean),
                  params.Number("mean_b", kMean)};
    if (colour == "bgr") std::swap(input.mean[0], input.mean[2]);
  }
  return input;
}

base::Result<std::int64_t> BindNetworkInput(NetworkInput& input, const runtime::Session& session) {
  const auto& ports = session.inputs();
  const runtime::Port* port = input.name.empty() && ports.size() == 1 ? &ports.front() : nullptr;
  for (const runtime::Port& each : ports) {
    if (each.name == input.name) port = &each;
  }
  const auto fits = [&](std::size_t dimension, std::int64_t wanted) {
    return port->shape[dimension] == -1 || port->shape[dimension] == wanted;
  };
  if (port == nullptr || ports.size() != 1 || !port->is_float || port->shape.size() != 4 ||
      !fits(1, input.channels()) || !fits(2, input.height) || !fits(3, input.width)) {
    return domain::MakeError(domain::reason::kBadConfig,
                             fmt::format("the model has no single input '{}' of {}×{}×{}",
                                         input.name, input.channels(), input.height, input.width),
                             "correct the pack's pack.toml, or install the pack again");
  }
  input.name = port->name;
  return port->shape[0];
}

void FillPlanes(const domain::Image& image, const NetworkInput& input, PlanePosition at,
                std::span<float> planes) {
  ROLLCALL_CHECK(image.format == input.format);
  ROLLCALL_CHECK(at.column >= 0 && at.column + image.width <= input.width);
  ROLLCALL_CHECK(at.row >= 0 && at.row + image.height <= input.height);
  ROLLCALL_CHECK(planes.size() == input.size());
  const int channels = image.channels();
  const cv::Mat pixels(image.height, image.width, CV_8UC(channels),
                       const_cast<std::uint8_t*>(image.pixels.data()));
  for (int channel = 0; channel < channels; ++channel) {
    float* plane = planes.data() + input.plane_size() * static_cast<std::size_t>(channel);
    cv::Mat whole(input.height, input.width, CV_32FC1, plane);
    cv::Mat part = whole(cv::Rect(at.column, at.row, image.width, image.height));
    const float mean = input.mean[static_cast<std::size_t>(channel)];
    cv::Mat one = pixels;
    if (channels > 1) cv::extractChannel(pixels, one, channel);
    one.convertTo(part, CV_32F, input.scale, -mean * input.scale);
  }
}

}  // namespace rollcall::vision
