#include "compose/picture_motion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "domain/reasons.h"

namespace rollcall::compose {
namespace {

constexpr double kEnlargementMost = 2.6;  // Of a face; beyond it detectors see a blur.
constexpr double kSceneryEnlargementMost = 8;
constexpr double kZoomMost = 2;  // In one shot; beyond it the small end aliases.
constexpr double kHair = 0.51;   // Pixels.
constexpr int kPlacesChecked = 16;

base::Error Refusal(std::string message) {
  return domain::MakeError(domain::reason::kBadParams, std::move(message),
                           "docs/composed-episodes.md describes the format");
}

Region Between(const Region& a, const Region& b, double part) {
  return {.x = std::lerp(a.x, b.x, part),
          .y = std::lerp(a.y, b.y, part),
          .width = std::lerp(a.width, b.width, part),
          .height = std::lerp(a.height, b.height, part)};
}

// The largest part of `region` with these proportions, around its centre.
Region Trimmed(const Region& region, double aspect) {
  const double width = std::min(region.width, region.height * aspect);
  const double height = width / aspect;
  return {.x = region.x + (region.width - width) / 2,
          .y = region.y + (region.height - height) / 2,
          .width = width,
          .height = height};
}

Region Placed(const Placement& placement, double aspect, PixelSize frame) {
  const double height = placement.height * frame.height;
  const double width = height * aspect;
  return {.x = placement.centre_x * frame.width - width / 2,
          .y = placement.centre_y * frame.height - height / 2,
          .width = width,
          .height = height};
}

// On whole pixels, so that a picture that stands still is not blurred by half a pixel.
Region Snapped(const Region& region) {
  const double x = std::round(region.x);
  const double y = std::round(region.y);
  return {.x = x,
          .y = y,
          .width = std::max(1.0, std::round(region.right()) - x),
          .height = std::max(1.0, std::round(region.bottom()) - y)};
}

bool Same(const Region& a, const Region& b) {
  return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

bool Inside(const Region& inner, const Region& outer) {
  return inner.x >= outer.x - kHair && inner.y >= outer.y - kHair &&
         inner.right() <= outer.right() + kHair && inner.bottom() <= outer.bottom() + kHair;
}

std::string ToText(const Region& region) {
  return fmt::format("[{:.0f}, {:.0f}, {:.0f}, {:.0f}]", region.x, region.y, region.width,
                     region.height);
}

}  // namespace

Region View::Map(const Region& region) const {
  const double factor_x = target.width / source.width;
  const double factor_y = target.height / source.height;
  return {.x = target.x + (region.x - source.x) * factor_x,
          .y = target.y + (region.y - source.y) * factor_y,
          .width = region.width * factor_x,
          .height = region.height * factor_y};
}

base::Result<PictureMotion> PictureMotion::Create(const PictureSpec& picture, PixelSize source,
                                                  PixelSize frame) {
  const Region whole{.x = 0,
                     .y = 0,
                     .width = static_cast<double>(source.width),
                     .height = static_cast<double>(source.height)};
  View from{.source = picture.crop.value_or(whole), .target = {}, .opacity = picture.opacity[0]};
  View to{
      .source = picture.crop_to.value_or(from.source), .target = {}, .opacity = picture.opacity[1]};
  for (const Region& crop : {from.source, to.source}) {
    if (!Inside(crop, whole)) {
      return Refusal(fmt::format("crop {} leaves the {}×{} source", ToText(crop), source.width,
                                 source.height));
    }
  }
  if (picture.window) {
    const Region& window = *picture.window;
    from.target = Snapped({.x = window.x * frame.width,
                           .y = window.y * frame.height,
                           .width = window.width * frame.width,
                           .height = window.height * frame.height});
    to.target = from.target;
    const double aspect = from.target.width / from.target.height;
    from.source = Trimmed(from.source, aspect);
    to.source = Trimmed(to.source, aspect);
  } else {
    const double aspect = from.source.width / from.source.height;
    from.target = Placed(picture.from, aspect, frame);
    to.target = Placed(picture.to, aspect, frame);
    if (Same(from.target, to.target)) from.target = to.target = Snapped(from.target);
  }
  const bool moves = !Same(from.target, to.target) || !Same(from.source, to.source);
  const double most = std::max(from.scale(), to.scale());
  const double least = std::min(from.scale(), to.scale());
  const double allowed = picture.people.empty() ? kSceneryEnlargementMost : kEnlargementMost;
  if (most > allowed) {
    return Refusal(
        fmt::format("the picture is enlarged {:.1f} times, more than {}", most, allowed));
  }
  if (most > kZoomMost * least) {
    return Refusal(
        fmt::format("the picture zooms by {:.1f}, more than {}", most / least, kZoomMost));
  }
  return PictureMotion(from, to, moves, source, frame);
}

View PictureMotion::At(double part) const {
  return {.source = Between(from_.source, to_.source, part),
          .target = Between(from_.target, to_.target, part),
          .opacity = std::lerp(from_.opacity, to_.opacity, part)};
}

Region PictureMotion::shown() const {
  const double left = std::floor(std::min(from_.source.x, to_.source.x));
  const double top = std::floor(std::min(from_.source.y, to_.source.y));
  const double right = std::ceil(std::max(from_.source.right(), to_.source.right()));
  const double bottom = std::ceil(std::max(from_.source.bottom(), to_.source.bottom()));
  const double x = std::max(0.0, left);
  const double y = std::max(0.0, top);
  return {.x = x,
          .y = y,
          .width = std::min<double>(source_.width, right) - x,
          .height = std::min<double>(source_.height, bottom) - y};
}

double PictureMotion::scale_max() const { return std::max(from_.scale(), to_.scale()); }

Region PictureMotion::PlaceOf(const PersonInPicture& person, double part) const {
  const View view = At(part);
  return person.face ? view.Map(*person.face) : view.target;
}

base::Result<void> PictureMotion::CheckVisible(const PersonInPicture& person) const {
  const Region frame{.x = 0,
                     .y = 0,
                     .width = static_cast<double>(frame_.width),
                     .height = static_cast<double>(frame_.height)};
  for (int i = 0; i <= kPlacesChecked; ++i) {
    const double part = static_cast<double>(i) / kPlacesChecked;
    const Region place = PlaceOf(person, part);
    if (!Inside(place, frame) || !Inside(place, At(part).target)) {
      return Refusal(fmt::format("{} is partly outside at {:.0f} % of the shot: {}{}", person.id,
                                 100 * part, ToText(place),
                                 person.face ? "" : "; mark the `face` if only the rest is"));
    }
  }
  return {};
}

Region Shared(const Region& a, const Region& b) {
  const double x = std::max(a.x, b.x);
  const double y = std::max(a.y, b.y);
  return {.x = x,
          .y = y,
          .width = std::max(0.0, std::min(a.right(), b.right()) - x),
          .height = std::max(0.0, std::min(a.bottom(), b.bottom()) - y)};
}

bool Intersect(const Region& a, const Region& b) {
  const Region shared = Shared(a, b);
  return shared.width > kHair && shared.height > kHair;
}

}  // namespace rollcall::compose
