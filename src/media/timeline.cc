#include "media/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace rollcall::media {
namespace {

constexpr std::int64_t kNoTime = StoredPicture::kNoTime;
constexpr std::int64_t kJumpBack = 1'000'000;
constexpr std::int64_t kJumpAhead = 10'000'000;
constexpr std::size_t kJumpsNamed = 5;
// Twice what H.264 and HEVC may reorder, for lost packets between.
constexpr std::int64_t kReorderMax = 32;

// Positions of `pictures` in the order in which they are shown.
std::vector<std::uint32_t> ShowingOrder(const std::vector<StoredPicture>& pictures) {
  std::vector<std::uint32_t> shown(pictures.size());
  std::iota(shown.begin(), shown.end(), 0U);
  const bool has_order = std::all_of(pictures.begin(), pictures.end(),
                                     [](const StoredPicture& each) { return each.has_order; });
  if (has_order) {
    std::stable_sort(shown.begin(), shown.end(), [&](std::uint32_t a, std::uint32_t b) {
      const StoredPicture& one = pictures[a];
      const StoredPicture& other = pictures[b];
      return one.epoch != other.epoch ? one.epoch < other.epoch : one.order < other.order;
    });
    return shown;
  }
  // MPEG: a B picture is shown at once, any other when the next of its kind is decoded.
  shown.clear();
  std::int64_t waiting = -1;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (pictures[i].is_immediate) {
      shown.push_back(static_cast<std::uint32_t>(i));
      continue;
    }
    if (waiting >= 0) shown.push_back(static_cast<std::uint32_t>(waiting));
    waiting = static_cast<std::int64_t>(i);
  }
  if (waiting >= 0) shown.push_back(static_cast<std::uint32_t>(waiting));
  return shown;
}

void GiveDecodeTimes(std::vector<StoredPicture>& pictures, const std::vector<std::uint32_t>& shown,
                     std::int64_t frame_micros) {
  std::vector<std::int64_t> times;
  times.reserve(pictures.size());
  std::int64_t last = -frame_micros;
  for (const StoredPicture& each : pictures) {
    last = each.dts != kNoTime ? each.dts : last + frame_micros;
    times.push_back(last);
  }
  std::sort(times.begin(), times.end());
  for (std::size_t i = 0; i < shown.size(); ++i) pictures[shown[i]].pts = times[i];
}

void SpreadBetweenNeighbours(std::vector<StoredPicture>& pictures,
                             const std::vector<std::uint32_t>& shown, std::int64_t frame_micros) {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::size_t known = kNone;  // The last place in `shown` that has a time.
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (pictures[shown[i]].pts == kNoTime) continue;
    const std::int64_t here = pictures[shown[i]].pts;
    const std::size_t first = known == kNone ? 0 : known + 1;
    const auto gaps = static_cast<std::int64_t>(known == kNone ? 1 : i - known);
    const std::int64_t step =
        known == kNone ? frame_micros : (here - pictures[shown[known]].pts) / gaps;
    for (std::size_t k = first; k < i; ++k) {
      pictures[shown[k]].pts = here - step * static_cast<std::int64_t>(i - k);
    }
    known = i;
  }
  for (std::size_t i = known + 1; i < shown.size(); ++i) {
    pictures[shown[i]].pts = pictures[shown[i - 1]].pts + frame_micros;
  }
}

// Places of `pictures` by time; of equal times the first decoded comes first.
std::vector<std::uint32_t> ByTime(const std::vector<StoredPicture>& pictures) {
  std::vector<std::uint32_t> places(pictures.size());
  std::iota(places.begin(), places.end(), 0U);
  std::stable_sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) {
    return pictures[a].pts < pictures[b].pts;
  });
  return places;
}

// A picture whose time lies far from where it is decoded has a damaged time: a reader that starts
// near that time would not meet it. Where such times are the rule they are left as they are.
void LeaveOutMisplaced(std::vector<StoredPicture>& pictures) {
  const std::vector<std::uint32_t> places = ByTime(pictures);
  std::vector<bool> is_misplaced(pictures.size());
  std::size_t misplaced = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto distance = static_cast<std::int64_t>(i) - std::int64_t{places[i]};
    if (std::abs(distance) <= kReorderMax) continue;
    is_misplaced[places[i]] = true;
    ++misplaced;
  }
  if (misplaced == 0 || misplaced * 20 > pictures.size()) return;
  std::size_t place = 0;
  std::erase_if(pictures, [&](const StoredPicture&) { return is_misplaced[place++]; });
}

}  // namespace

void RemoveJumps(std::vector<StoredPicture>& pictures, std::int64_t frame_micros,
                 std::vector<std::string>& warnings) {
  std::int64_t offset = 0;
  std::int64_t last = kNoTime;
  std::size_t jumps = 0;
  for (StoredPicture& each : pictures) {
    const std::int64_t clock = each.dts != kNoTime ? each.dts : each.pts;
    if (clock == kNoTime) continue;
    if (last != kNoTime) {
      const std::int64_t delta = clock + offset - last;
      if (delta < -kJumpBack || delta > kJumpAhead) {
        offset += frame_micros - delta;
        if (++jumps <= kJumpsNamed) {
          warnings.push_back(fmt::format("the clock jumps by {:.1f} s after {:.1f} s; taken out",
                                         static_cast<double>(delta) / 1e6,
                                         static_cast<double>(last) / 1e6));
        }
      }
    }
    last = clock + offset;
    if (each.pts != kNoTime) each.pts += offset;
    if (each.dts != kNoTime) each.dts += offset;
  }
  if (jumps > kJumpsNamed) {
    warnings.push_back(fmt::format("the clock jumps {} more times", jumps - kJumpsNamed));
  }
}

void FillTimes(std::vector<StoredPicture>& pictures, std::int64_t frame_micros) {
  const auto known = static_cast<std::size_t>(
      std::count_if(pictures.begin(), pictures.end(),
                    [](const StoredPicture& each) { return each.pts != kNoTime; }));
  if (known == pictures.size()) return;
  const std::vector<std::uint32_t> shown = ShowingOrder(pictures);
  if (known * 2 < pictures.size()) {
    GiveDecodeTimes(pictures, shown, frame_micros);
  } else {
    SpreadBetweenNeighbours(pictures, shown, frame_micros);
  }
}

std::vector<PacketEntry> PresentationOrder(std::vector<StoredPicture> pictures, std::int64_t origin,
                                           std::vector<std::string>& warnings) {
  const std::size_t all = pictures.size();
  std::erase_if(pictures, [&](const StoredPicture& each) {
    return each.pts == kNoTime || each.pts < origin;
  });
  LeaveOutMisplaced(pictures);
  if (pictures.size() < all) {
    warnings.push_back(
        fmt::format("{} pictures have no usable time and are left out", all - pictures.size()));
  }
  std::vector<PacketEntry> entries;
  entries.reserve(pictures.size());
  std::size_t same = 0;
  for (const std::uint32_t place : ByTime(pictures)) {
    const StoredPicture& each = pictures[place];
    const domain::MediaTime pts(each.pts - origin);
    if (!entries.empty() && entries.back().pts == pts) {
      ++same;
      continue;
    }
    entries.push_back({.pts = pts,
                       .is_keyframe = each.is_keyframe,
                       .is_gradual = each.is_gradual,
                       .is_disposable = each.is_disposable,
                       .decode_order = each.decode_order});
  }
  if (same > 0) {
    warnings.push_back(fmt::format("{} pictures have the time of another and are left out", same));
  }
  return entries;
}

}  // namespace rollcall::media
