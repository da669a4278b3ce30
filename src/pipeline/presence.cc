#include "pipeline/presence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

// How far samples without tiles are passed over. Tiles are looked at once a second and wherever a
// shot begins (frame_examination.h).
constexpr domain::MediaTime kTilesReach{1'200'000};

}  // namespace

using domain::MediaTime;

base::Result<SampleGrid> SampleGrid::Create(std::unique_ptr<SampleSource> samples,
                                            Interval pictures, std::vector<Interval> gaps) {
  SampleGrid grid(std::move(samples), pictures, std::move(gaps));
  ROLLCALL_TRY_ASSIGN(grid.median_step_, grid.MedianStep());
  return grid;
}

// The upper median, found by counting: each pass tells in which of 256 equal parts of what is left
// it lies, so that no step has to be held.
base::Result<MediaTime> SampleGrid::MedianStep() const {
  if (size() < 2) return pictures_.length();
  const std::size_t rank = (size() - 1) / 2;  // Steps that are not behind it in order.
  const auto for_each_step = [&](auto use) -> base::Result<void> {
    ROLLCALL_TRY_ASSIGN(Sample last, samples_->At(0));
    for (std::size_t i = 1; i < size(); ++i) {
      ROLLCALL_TRY_ASSIGN(const Sample sample, samples_->At(i));
      use((sample.pts - last.pts).count());
      last = sample;
    }
    return {};
  };
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  std::int64_t high = std::numeric_limits<std::int64_t>::min();
  ROLLCALL_TRY(for_each_step([&](std::int64_t step) {
    low = std::min(low, step);
    high = std::max(high, step);
  }));
  while (low < high) {
    constexpr std::int64_t kParts = 256;
    const std::int64_t width = (high - low) / kParts + 1;
    std::array<std::size_t, kParts> counts{};
    std::size_t passed = 0;  // Steps below the part at hand.
    ROLLCALL_TRY(for_each_step([&](std::int64_t step) {
      if (step < low) ++passed;
      if (step >= low && step <= high) ++counts[static_cast<std::size_t>((step - low) / width)];
    }));
    std::size_t part = 0;
    while (passed + counts[part] <= rank) passed += counts[part++];
    low += static_cast<std::int64_t>(part) * width;
    high = std::min(high, low + width - 1);
  }
  return MediaTime{low};
}

template <typename IsBehind>
base::Result<std::size_t> SampleGrid::FirstBehind(IsBehind is_behind) const {
  std::size_t from = 0;
  std::size_t to = size();
  while (from < to) {
    const std::size_t middle = from + (to - from) / 2;
    ROLLCALL_TRY_ASSIGN(const Sample sample, samples_->At(middle));
    if (is_behind(sample)) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return from;
}

base::Result<std::size_t> SampleGrid::IndexOf(std::int64_t frame_id) const {
  ROLLCALL_TRY_ASSIGN(const std::size_t found, FirstBehind([&](const Sample& sample) {
                        return sample.frame_id >= frame_id;
                      }));
  if (found < size()) {
    ROLLCALL_TRY_ASSIGN(const Sample sample, samples_->At(found));
    if (sample.frame_id == frame_id) return found;
  }
  return domain::MakeError(
      domain::reason::kArtifactCorrupt,
      "a face was found in frame " + std::to_string(frame_id) + ", which is not among the samples");
}

const Interval* SampleGrid::SkippedIn(MediaTime from, MediaTime to) const {
  const auto found = std::ranges::find_if(
      gaps_, [&](const Interval& gap) { return gap.start < to && gap.end > from; });
  return found == gaps_.end() ? nullptr : &*found;
}

MediaTime SampleGrid::FilledOf(const Border& border, EdgeRule rule) const {
  const MediaTime usual = 2 * median_step_;
  return std::clamp(border.where.length(), MediaTime{0},
                    rule.needs_tiles ? std::max(kTilesReach, usual) : usual);
}

base::Result<SampleGrid::Border> SampleGrid::StartOf(std::size_t first, EdgeRule rule) const {
  ROLLCALL_TRY_ASSIGN(const Sample seen, samples_->At(first));
  Sample at = seen;                     // The earliest sample that may show it.
  std::optional<MediaTime> was_absent;  // Until then, as far as somebody looked.
  for (std::size_t i = first;; --i) {
    if (i == 0) {
      return Border{{pictures_.start, at.pts}, seen.pts - pictures_.start, /*is_of_video=*/true};
    }
    ROLLCALL_TRY_ASSIGN(const Sample before, samples_->At(i - 1));
    if (at.is_cut) return Border{{before.until, at.pts}, seen.pts - before.until};
    const bool says_nothing = rule.needs_tiles && !before.with_tiles;
    if (!says_nothing && !was_absent) was_absent = before.until;
    if (seen.pts - before.pts > (says_nothing ? kTilesReach : rule.snap)) {
      const MediaTime from = was_absent.value_or(before.until);
      return Border{{from, seen.pts}, seen.pts - from};
    }
    at = before;
  }
}

base::Result<SampleGrid::Border> SampleGrid::EndOf(std::size_t last, EdgeRule rule) const {
  ROLLCALL_TRY_ASSIGN(const Sample seen, samples_->At(last));
  Sample at = seen;                    // The latest sample that may show it.
  std::optional<MediaTime> is_absent;  // From then on, as far as somebody looked.
  for (std::size_t i = last;; ++i) {
    if (i + 1 == size()) {
      const MediaTime end = std::max(pictures_.end, at.until);
      return Border{{at.until, end}, end - seen.until, /*is_of_video=*/true};
    }
    ROLLCALL_TRY_ASSIGN(const Sample next, samples_->At(i + 1));
    if (next.is_cut) return Border{{at.until, next.pts}, next.pts - seen.until};
    const bool says_nothing = rule.needs_tiles && !next.with_tiles;
    if (!says_nothing && !is_absent) is_absent = next.pts;
    if (next.until - seen.until > (says_nothing ? kTilesReach : rule.snap)) {
      const MediaTime to = is_absent.value_or(next.pts);
      return Border{{seen.until, to}, to - seen.until};
    }
    at = next;
  }
}

base::Result<PresenceInterval> SampleGrid::Presence(std::size_t first, std::size_t last,
                                                    EdgeRule rule) const {
  ROLLCALL_TRY_ASSIGN(const Border start, StartOf(first, rule));
  ROLLCALL_TRY_ASSIGN(const Border end, EndOf(last, rule));
  PresenceInterval presence;
  const MediaTime before = FilledOf(start, rule);
  presence.start = start.where.end - (start.is_of_video ? before : before / 2);
  presence.start_gap = std::max(start.unseen, MediaTime{0});
  if (const Interval* skipped = SkippedIn(start.where.start, start.where.end)) {
    const MediaTime there = std::max(start.where.end - skipped->end, MediaTime{0});
    presence.start = start.where.end - std::min(there, 2 * median_step_);
    presence.start_gap = MediaTime{0};
  }
  const MediaTime behind = FilledOf(end, rule);
  presence.end = end.where.start + (end.is_of_video ? behind : behind / 2);
  presence.end_gap = std::max(end.unseen, MediaTime{0});
  if (const Interval* skipped = SkippedIn(end.where.start, end.where.end)) {
    const MediaTime there = std::max(skipped->start - end.where.start, MediaTime{0});
    presence.end = end.where.start + std::min(there, 2 * median_step_);
    presence.end_gap = MediaTime{0};
  }
  return presence;
}

base::Result<bool> SampleGrid::IsOneShot(MediaTime from, MediaTime to) const {
  ROLLCALL_TRY_ASSIGN(std::size_t i,
                      FirstBehind([&](const Sample& sample) { return sample.pts > from; }));
  for (; i < size(); ++i) {
    ROLLCALL_TRY_ASSIGN(const Sample sample, samples_->At(i));
    if (sample.is_cut) return false;
    if (sample.pts >= to) break;
  }
  return true;
}

bool SampleGrid::HasGap(MediaTime from, MediaTime to) const {
  return SkippedIn(from, to) != nullptr;
}

base::Result<std::int64_t> SampleGrid::CountIn(const Interval& interval) const {
  const auto first_from = [&](MediaTime time) {
    return FirstBehind([time](const Sample& sample) { return sample.pts >= time; });
  };
  ROLLCALL_TRY_ASSIGN(const std::size_t from, first_from(interval.start));
  ROLLCALL_TRY_ASSIGN(const std::size_t to, first_from(interval.end));
  return static_cast<std::int64_t>(to) - static_cast<std::int64_t>(from);
}

base::Result<std::vector<PresenceInterval>> UnitePresence(std::vector<PresenceInterval> intervals,
                                                          const SampleGrid& grid,
                                                          MediaTime bridge) {
  std::sort(intervals.begin(), intervals.end(),
            [](const PresenceInterval& a, const PresenceInterval& b) {
              return a.start != b.start ? a.start < b.start : a.end < b.end;
            });
  std::vector<PresenceInterval> united;
  for (const PresenceInterval& next : intervals) {
    bool goes_on = !united.empty() && next.start <= united.back().end;
    if (!united.empty() && !goes_on && next.start - united.back().end <= bridge) {
      ROLLCALL_TRY_ASSIGN(goes_on, grid.IsOneShot(united.back().end, next.start));
    }
    if (!goes_on) {
      united.push_back(next);
    } else if (next.end > united.back().end) {
      united.back().end = next.end;
      united.back().end_gap = next.end_gap;
    }
  }
  return united;
}

std::vector<PresenceInterval> MergeIntervals(const std::vector<PresenceInterval>& seen,
                                             const SampleGrid& grid, MergeRule rule) {
  std::vector<PresenceInterval> merged;
  for (const PresenceInterval& next : seen) {
    const bool goes_on = !merged.empty() && next.start - merged.back().end < rule.merge_gap &&
                         !grid.HasGap(merged.back().end, next.start);
    if (goes_on) {
      merged.back().end = next.end;
      merged.back().end_gap = next.end_gap;
    } else {
      merged.push_back(next);
    }
  }
  std::erase_if(merged,
                [&](const PresenceInterval& interval) { return interval.length() < rule.blip; });
  return merged;
}

std::vector<PresenceInterval> WithoutIntervals(std::vector<PresenceInterval> intervals,
                                               std::span<const Interval> excluded) {
  for (const Interval& hole : excluded) {
    std::vector<PresenceInterval> left;
    for (const PresenceInterval& whole : intervals) {
      if (hole.end <= whole.start || hole.start >= whole.end || hole.length() <= MediaTime{0}) {
        left.push_back(whole);
        continue;
      }
      if (hole.start > whole.start) {
        PresenceInterval before = whole;
        before.end = hole.start;
        before.end_gap = MediaTime{0};
        left.push_back(before);
      }
      if (hole.end < whole.end) {
        PresenceInterval behind = whole;
        behind.start = hole.end;
        behind.start_gap = MediaTime{0};
        left.push_back(behind);
      }
    }
    intervals = std::move(left);
  }
  return intervals;
}

MediaTime TotalLength(std::span<const PresenceInterval> intervals) {
  MediaTime total{0};
  for (const PresenceInterval& interval : intervals) total += interval.length();
  return total;
}

MediaTime TotalError(std::span<const PresenceInterval> intervals) {
  double variance = 0;
  for (const PresenceInterval& interval : intervals) {
    for (const MediaTime gap : {interval.start_gap, interval.end_gap}) {
      const auto us = static_cast<double>(gap.count());
      variance += us * us / 12;
    }
  }
  return MediaTime{std::llround(2 * std::sqrt(variance))};
}

}  // namespace rollcall::pipeline
