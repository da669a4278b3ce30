#include "people/sight_matcher.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace rollcall::people {
namespace {

using domain::MediaTime;

constexpr MediaTime kNear{150'000};
constexpr MediaTime kFar{6'000'000};
// Where pictures were looked at more seldom than this, nothing is said of the time between.
constexpr MediaTime kBetweenMax{12'000'000};
constexpr float kIouMin = 0.3F;

auto PlaceOf(const Sight& sight) {
  return std::tuple(sight.at, sight.box.x1, sight.box.y1, sight.box.x2, sight.box.y2);
}

void AddSights(const std::vector<Anchor>& anchors, std::vector<Sight>& sights) {
  for (const Anchor& anchor : anchors) {
    sights.insert(sights.end(), anchor.sights.begin(), anchor.sights.end());
  }
}

domain::PixelBox Between(const domain::PixelBox& a, const domain::PixelBox& b, float share) {
  const auto mix = [share](float from, float to) { return from + share * (to - from); };
  return {
      .x1 = mix(a.x1, b.x1), .y1 = mix(a.y1, b.y1), .x2 = mix(a.x2, b.x2), .y2 = mix(a.y2, b.y2)};
}

}  // namespace

SightMatcher::SightMatcher(std::vector<Sight> sights) {
  for (Sight& sight : sights) sights_.push_back({.sight = sight});
  std::ranges::sort(sights_, {}, [](const Wanted& wanted) { return PlaceOf(wanted.sight); });
}

SightMatcher SightMatcher::For(std::span<const Edit> edits, std::string_view tracks) {
  std::vector<Sight> sights;
  for (const Edit& edit : edits) {
    if (edit.tracks == tracks) continue;
    AddSights(edit.subject, sights);
    AddSights(edit.other, sights);
  }
  return SightMatcher(std::move(sights));
}

void SightMatcher::Compare(Wanted& wanted, std::int64_t track_id, const domain::PixelBox& box,
                           MediaTime away) {
  const float iou = domain::Iou(wanted.sight.box, box);
  if (iou < kIouMin) return;
  const bool is_better =
      !wanted.track_id || away < wanted.away || (away == wanted.away && iou > wanted.iou);
  if (!is_better) return;
  wanted.iou = iou;
  wanted.away = away;
  wanted.track_id = track_id;
}

bool SightMatcher::IsOneShot(MediaTime a, MediaTime b) const {
  const auto behind = std::ranges::upper_bound(cuts_, std::min(a, b));
  return behind == cuts_.end() || *behind > std::max(a, b);
}

void SightMatcher::Take(std::int64_t track_id, MediaTime pts, const domain::PixelBox& box) {
  if (sights_.empty()) return;
  const auto from = [this](MediaTime time) {
    return std::ranges::lower_bound(sights_, time, {},
                                    [](const Wanted& wanted) { return wanted.sight.at; });
  };
  for (auto at = from(pts - kFar); at != sights_.end() && at->sight.at <= pts + kFar; ++at) {
    const MediaTime away = std::max(at->sight.at, pts) - std::min(at->sight.at, pts);
    if (away <= kNear) {
      Compare(*at, track_id, box, MediaTime{0});
    } else if ((!at->track_id || at->away > away) && IsOneShot(at->sight.at, pts)) {
      Compare(*at, track_id, box, away);
    }
  }
  const auto [last, is_first] = last_.try_emplace(track_id);
  const Seen before = std::exchange(last->second, Seen{.pts = pts, .box = box});
  const MediaTime gap = pts - before.pts;
  if (is_first || gap <= 2 * kNear || gap > kBetweenMax) return;
  for (auto at = from(before.pts + kNear); at != sights_.end() && at->sight.at < pts - kNear;
       ++at) {
    const auto share =
        static_cast<float>((at->sight.at - before.pts).count()) / static_cast<float>(gap.count());
    Compare(*at, track_id, Between(before.box, box, share), MediaTime{0});
  }
}

std::optional<std::int64_t> SightMatcher::Find(const Sight& sight) const {
  const auto place = PlaceOf(sight);
  const auto found = std::ranges::lower_bound(
      sights_, place, {}, [](const Wanted& wanted) { return PlaceOf(wanted.sight); });
  if (found == sights_.end() || PlaceOf(found->sight) != place) return std::nullopt;
  return found->track_id;
}

}  // namespace rollcall::people
