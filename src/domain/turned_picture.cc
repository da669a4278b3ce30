#include "domain/turned_picture.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace rollcall::domain {
namespace {

PixelBox BoxOf(PixelPoint a, PixelPoint b) {
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::max(a.x, b.x), std::max(a.y, b.y)};
}

}  // namespace

base::Result<Image> TurnedPicture::Render(const PixelBox& region, RenderTarget target) const {
  if (turn_ == Turn::kNone) return picture_.Render(region, target);
  RenderTarget unturned = target;
  if (is_sideways()) std::swap(unturned.width, unturned.height);
  ROLLCALL_TRY_ASSIGN(const Image image, picture_.Render(Back(region), unturned));
  Image turned{
      .width = target.width, .height = target.height, .format = image.format, .pixels = {}};
  turned.pixels.resize(image.pixels.size());
  const auto channels = static_cast<std::size_t>(image.channels());
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      int to_x = image.width - 1 - x;  // By a half.
      int to_y = image.height - 1 - y;
      if (turn_ == Turn::kQuarter) {
        to_x = image.height - 1 - y;
        to_y = x;
      } else if (turn_ == Turn::kThreeQuarters) {
        to_x = y;
        to_y = image.width - 1 - x;
      }
      const auto at = static_cast<std::size_t>(y * image.width + x) * channels;
      const auto to = static_cast<std::size_t>(to_y * turned.width + to_x) * channels;
      std::memcpy(turned.pixels.data() + to, image.pixels.data() + at, channels);
    }
  }
  return turned;
}

PixelPoint TurnedPicture::Turned(PixelPoint point) const {
  const auto width = static_cast<float>(picture_.width());
  const auto height = static_cast<float>(picture_.height());
  switch (turn_) {
    case Turn::kQuarter:
      return {height - point.y, point.x};
    case Turn::kHalf:
      return {width - point.x, height - point.y};
    case Turn::kThreeQuarters:
      return {point.y, width - point.x};
    case Turn::kNone:
      break;
  }
  return point;
}

PixelPoint TurnedPicture::Back(PixelPoint point) const {
  const auto width = static_cast<float>(picture_.width());
  const auto height = static_cast<float>(picture_.height());
  switch (turn_) {
    case Turn::kQuarter:
      return {point.y, height - point.x};
    case Turn::kHalf:
      return {width - point.x, height - point.y};
    case Turn::kThreeQuarters:
      return {width - point.y, point.x};
    case Turn::kNone:
      break;
  }
  return point;
}

PixelBox TurnedPicture::Turned(const PixelBox& box) const {
  return BoxOf(Turned(PixelPoint{box.x1, box.y1}), Turned(PixelPoint{box.x2, box.y2}));
}

PixelBox TurnedPicture::Back(const PixelBox& box) const {
  return BoxOf(Back(PixelPoint{box.x1, box.y1}), Back(PixelPoint{box.x2, box.y2}));
}

Landmarks5 TurnedPicture::Turned(const Landmarks5& points) const {
  Landmarks5 turned{};
  for (std::size_t i = 0; i < points.size(); ++i) turned[i] = Turned(points[i]);
  return turned;
}

Landmarks5 TurnedPicture::Back(const Landmarks5& points) const {
  Landmarks5 back{};
  for (std::size_t i = 0; i < points.size(); ++i) back[i] = Back(points[i]);
  return back;
}

}  // namespace rollcall::domain
