#include "pipeline/presence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "domain/reasons.h"

namespace rollcall::pipeline {

using domain::MediaTime;

base::Result<SampleGrid> SampleGrid::Create(std::unique_ptr<SampleSource> samples,
                                            MediaTime video_length, std::vector<Interval> gaps) {
  SampleGrid grid(std::move(samples), video_length, std::move(gaps));
  ROLLCALL_TRY_ASSIGN(grid.median_step_, grid.MedianStep());
  return grid;
}

// The upper median, found by counting: each pass tells in which of 256 equal parts of what is left
// it lies, so that no step has to be held.
base::Result<MediaTime> SampleGrid::MedianStep() const {
  if (size() < 2) return video_length_;
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

base::Result<SampleGrid::Edge> SampleGrid::Before(std::size_t sample) const {
  ROLLCALL_TRY_ASSIGN(const Sample at, samples_->At(sample));
  const MediaTime here = at.pts;
  MediaTime before{0};
  if (sample > 0) {
    ROLLCALL_TRY_ASSIGN(const Sample earlier, samples_->At(sample - 1));
    before = earlier.pts;
  }
  for (const Interval& skipped : gaps_) {
    if (skipped.start >= here || skipped.end <= before) continue;
    // As at the beginning of the video.
    return Edge{here - std::min(here - std::min(skipped.end, here), 2 * median_step_),
                MediaTime{0}};
  }
  const MediaTime gap = std::min(here - before, 2 * median_step_);
  // The first sample stands for all from the beginning, unless that is far away.
  if (sample == 0) return Edge{here - gap, MediaTime{0}};
  return Edge{here - gap / 2, gap};
}

base::Result<SampleGrid::Edge> SampleGrid::After(std::size_t sample) const {
  ROLLCALL_TRY_ASSIGN(const Sample at, samples_->At(sample));
  const MediaTime here = at.pts;
  const bool is_last = sample + 1 == size();
  MediaTime after = std::max(video_length_, here);
  if (!is_last) {
    ROLLCALL_TRY_ASSIGN(const Sample later, samples_->At(sample + 1));
    after = later.pts;
  }
  for (const Interval& skipped : gaps_) {
    if (skipped.start >= after || skipped.end <= here) continue;
    // As at the end of the video.
    return Edge{here + std::min(std::max(skipped.start, here) - here, 2 * median_step_),
                MediaTime{0}};
  }
  const MediaTime gap = std::min(after - here, 2 * median_step_);
  if (is_last) return Edge{here + gap, MediaTime{0}};
  return Edge{here + gap / 2, gap};
}

base::Result<PresenceInterval> SampleGrid::Presence(std::size_t first, std::size_t last,
                                                    MediaTime snap) const {
  ROLLCALL_TRY_ASSIGN(const Sample first_sample, samples_->At(first));
  std::size_t from = first;
  for (std::size_t i = first;; --i) {
    ROLLCALL_TRY_ASSIGN(const Sample sample, samples_->At(i));
    if (first_sample.pts - sample.pts > snap) break;
    if (i == 0 || sample.is_cut) {
      from = i;
      break;
    }
  }
  ROLLCALL_TRY_ASSIGN(const Sample last_sample, samples_->At(last));
  std::size_t to = last;
  Sample sample = last_sample;
  for (std::size_t i = last; sample.pts - last_sample.pts <= snap; ++i) {
    const bool is_end = i + 1 == size();
    if (!is_end) {
      ROLLCALL_TRY_ASSIGN(sample, samples_->At(i + 1));
    }
    if (is_end || sample.is_cut) {
      to = i;
      break;
    }
  }
  ROLLCALL_TRY_ASSIGN(const Edge start, Before(from));
  ROLLCALL_TRY_ASSIGN(const Edge end, After(to));
  PresenceInterval presence;
  presence.start = start.at;
  presence.end = end.at;
  presence.start_gap = start.gap;
  presence.end_gap = end.gap;
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
  return std::ranges::any_of(gaps_,
                             [&](const Interval& gap) { return gap.start < to && gap.end > from; });
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
