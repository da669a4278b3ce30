#include "pipeline/presence.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace rollcall::pipeline {

using domain::MediaTime;

SampleGrid::SampleGrid(std::vector<Sample> samples, MediaTime video_length,
                       std::vector<Interval> gaps)
    : samples_(std::move(samples)), video_length_(video_length), gaps_(std::move(gaps)) {
  std::vector<MediaTime> steps;
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    steps.push_back(samples_[i].pts - samples_[i - 1].pts);
  }
  if (steps.empty()) {
    median_step_ = video_length_;
    return;
  }
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  median_step_ = *middle;
}

std::size_t SampleGrid::IndexOf(std::int64_t frame_id) const {
  const auto found =
      std::lower_bound(samples_.begin(), samples_.end(), frame_id,
                       [](const Sample& sample, std::int64_t id) { return sample.frame_id < id; });
  ROLLCALL_CHECK(found != samples_.end() && found->frame_id == frame_id, "not a sampled frame");
  return static_cast<std::size_t>(found - samples_.begin());
}

SampleGrid::Edge SampleGrid::Before(std::size_t sample) const {
  const MediaTime here = samples_[sample].pts;
  const MediaTime before = sample == 0 ? MediaTime{0} : samples_[sample - 1].pts;
  for (const Interval& skipped : gaps_) {
    if (skipped.start >= here || skipped.end <= before) continue;
    // As at the beginning of the video.
    return {here - std::min(here - std::min(skipped.end, here), 2 * median_step_), MediaTime{0}};
  }
  const MediaTime gap = std::min(here - before, 2 * median_step_);
  // The first sample stands for all from the beginning, unless that is far away.
  if (sample == 0) return {here - gap, MediaTime{0}};
  return {here - gap / 2, gap};
}

SampleGrid::Edge SampleGrid::After(std::size_t sample) const {
  const MediaTime here = samples_[sample].pts;
  const bool is_last = sample + 1 == samples_.size();
  const MediaTime after = is_last ? std::max(video_length_, here) : samples_[sample + 1].pts;
  for (const Interval& skipped : gaps_) {
    if (skipped.start >= after || skipped.end <= here) continue;
    // As at the end of the video.
    return {here + std::min(std::max(skipped.start, here) - here, 2 * median_step_), MediaTime{0}};
  }
  const MediaTime gap = std::min(after - here, 2 * median_step_);
  if (is_last) return {here + gap, MediaTime{0}};
  return {here + gap / 2, gap};
}

PresenceInterval SampleGrid::Presence(std::size_t first, std::size_t last, MediaTime snap) const {
  std::size_t from = first;
  for (std::size_t i = first; samples_[first].pts - samples_[i].pts <= snap; --i) {
    if (i == 0 || samples_[i].is_cut) {
      from = i;
      break;
    }
  }
  std::size_t to = last;
  for (std::size_t i = last; samples_[i].pts - samples_[last].pts <= snap; ++i) {
    if (i + 1 == samples_.size() || samples_[i + 1].is_cut) {
      to = i;
      break;
    }
  }
  const Edge start = Before(from);
  const Edge end = After(to);
  PresenceInterval presence;
  presence.start = start.at;
  presence.end = end.at;
  presence.start_gap = start.gap;
  presence.end_gap = end.gap;
  return presence;
}

bool SampleGrid::IsOneShot(MediaTime from, MediaTime to) const {
  auto sample = std::upper_bound(
      samples_.begin(), samples_.end(), from,
      [](MediaTime time, const Sample& candidate) { return time < candidate.pts; });
  for (; sample != samples_.end(); ++sample) {
    if (sample->is_cut) return false;
    if (sample->pts >= to) break;
  }
  return true;
}

bool SampleGrid::HasGap(MediaTime from, MediaTime to) const {
  return std::ranges::any_of(gaps_,
                             [&](const Interval& gap) { return gap.start < to && gap.end > from; });
}

std::int64_t SampleGrid::CountIn(const Interval& interval) const {
  const auto earlier = [](const Sample& sample, MediaTime time) { return sample.pts < time; };
  const auto from = std::lower_bound(samples_.begin(), samples_.end(), interval.start, earlier);
  const auto to = std::lower_bound(samples_.begin(), samples_.end(), interval.end, earlier);
  return to - from;
}

std::vector<PresenceInterval> UnitePresence(std::vector<PresenceInterval> intervals,
                                            const SampleGrid& grid, MediaTime bridge) {
  std::sort(intervals.begin(), intervals.end(),
            [](const PresenceInterval& a, const PresenceInterval& b) {
              return a.start != b.start ? a.start < b.start : a.end < b.end;
            });
  std::vector<PresenceInterval> united;
  for (const PresenceInterval& next : intervals) {
    const bool goes_on = !united.empty() && (next.start <= united.back().end ||
                                             (next.start - united.back().end <= bridge &&
                                              grid.IsOneShot(united.back().end, next.start)));
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
