#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "domain/image.h"
#include "vision/pack_params.h"
#include "vision/runtime/session.h"

namespace rollcall::vision {

// How a network wants its picture: planes of (pixel − mean) × scale, channel by channel.
struct NetworkInput {
  std::string name;  // Of the input; the model's only one if empty.
  int width = 0;
  int height = 0;
  domain::PixelFormat format = domain::PixelFormat::kRgb24;
  std::array<float, 3> mean{};  // In the order of `format`.
  float scale = 1;

  std::int64_t channels() const { return format == domain::PixelFormat::kGray8 ? 1 : 3; }
  std::size_t plane_size() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
  std::size_t size() const { return plane_size() * static_cast<std::size_t>(channels()); }
};

// input, colour, input_width, input_height, scale, and mean or mean_r, mean_g, mean_b.
NetworkInput ReadNetworkInput(ParamReader& params);

// Checks that the model has such an input and fills in its name. The first dimension of its shape
// comes back: -1 if any number of pictures can go in at once. ERR_BAD_CONFIG.
base::Result<std::int64_t> BindNetworkInput(NetworkInput& input, const runtime::Session& session);

// Writes `image` (of the input's format, not larger than the input) into `planes` with its top left
// corner at column and row `at`. The rest of `planes` stays as it is.
struct PlanePosition {
  int column = 0;
  int row = 0;
};
void FillPlanes(const domain::Image& image, const NetworkInput& input, PlanePosition at,
                std::span<float> planes);

}  // namespace rollcall::vision
