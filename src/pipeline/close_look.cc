#include "pipeline/close_look.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "domain/geometry.h"

namespace rollcall::pipeline {
namespace {

using artifacts::DetectSegment;
using domain::MediaTime;

constexpr MediaTime kShortShot{500'000};
constexpr MediaTime kApart{15'000};
constexpr std::int64_t kToTheBorder = std::numeric_limits<std::int64_t>::max();

// The detector of shots knows nothing of the motion in a shot that has just begun: what it takes
// for a second cut is none if the samples behind it, to the next one, differ as much.
constexpr float kMotionFactor = 3;
constexpr std::size_t kMotionSamplesMin = 3;
constexpr std::size_t kMotionSamplesMax = 5;
bool IsMotion(const std::vector<DetectSegment::SampledFrame>& frames, std::size_t cut) {
  float sum = 0;
  std::size_t i = cut + 1;
  for (; i < frames.size() && i <= cut + kMotionSamplesMax && !frames[i].is_cut; ++i) {
    sum += frames[i].cut_score;
  }
  const std::size_t samples = i - cut - 1;
  return samples >= kMotionSamplesMin &&
         frames[cut].cut_score * static_cast<float>(samples) < kMotionFactor * sum;
}

// Indexes of samples. The first one has none before it that a look could begin behind.
std::vector<std::size_t> CutsIn(const std::vector<DetectSegment::SampledFrame>& frames) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < frames.size(); ++i) {
    if (!frames[i].is_cut) continue;
    const bool is_second = !cuts.empty() && frames[i].pts - frames[cuts.back()].pts < kShortShot;
    if (!is_second || !IsMotion(frames, i)) cuts.push_back(i);
  }
  return cuts;
}

std::span<const domain::Detection> DetectionsIn(const DetectSegment& segment, std::int64_t frame,
                                                std::int64_t end) {
  const auto& all = segment.detections;
  return {std::ranges::lower_bound(all, frame, {}, &domain::Detection::frame_id),
          std::ranges::lower_bound(all, end, {}, &domain::Detection::frame_id)};
}

// Small faces are looked for once a second only.
constexpr MediaTime kSmallFacesEvery{1'000'000};

// Two cuts alone, with nobody between them and nobody in the same place on either side: a closer
// look would move an edge by less than a sample, or find somebody whom no sample shows, for the
// price of all frames since a keyframe.
bool IsBlink(const DetectSegment& segment, const std::vector<std::size_t>& cuts, std::size_t i) {
  const auto& frames = segment.frames;
  const auto are_near = [&](std::size_t a, std::size_t b) {
    return frames[cuts[b]].pts - frames[cuts[a]].pts < kShortShot;
  };
  if (i > 0 && are_near(i - 1, i)) return false;
  if (i + 2 < cuts.size() && are_near(i + 1, i + 2)) return false;
  std::size_t before = cuts[i] - 1;
  while (before > 0 && !frames[before].is_cut &&
         frames[cuts[i]].pts - frames[before - 1].pts <= kSmallFacesEvery) {
    --before;
  }
  const std::int64_t first = frames[cuts[i]].frame_id;
  const std::int64_t behind = frames[cuts[i + 1]].frame_id;
  if (!DetectionsIn(segment, first, behind).empty()) return false;
  for (const domain::Detection& face : DetectionsIn(segment, frames[before].frame_id, first)) {
    for (const domain::Detection& other : DetectionsIn(segment, behind, behind + 1)) {
      if (domain::Iou(face.box, other.box) > 0) return false;
    }
  }
  return true;
}

// Replaces what belongs to it in one of a segment's lists.
template <typename T>
void ReplaceIn(const CloseLook& look, std::vector<T>& list, std::vector<T> closer) {
  std::vector<T> replaced;
  const auto behind = std::ranges::find_if(
      list, [&](const T& entry) { return entry.frame_id > look.frame_before; });
  std::move(list.begin(), behind, std::back_inserter(replaced));
  std::ranges::move(closer, std::back_inserter(replaced));
  const auto rest = std::find_if(behind, list.end(),
                                 [&](const T& entry) { return entry.frame_id > look.last_frame; });
  std::move(rest, list.end(), std::back_inserter(replaced));
  list = std::move(replaced);
}

// To those that begin no later, of which it becomes a part if it overlaps or adjoins the last.
void Append(const CloseLook& look, std::vector<CloseLook>& looks) {
  if (looks.empty() || look.frame_before >= looks.back().last_frame) {
    looks.push_back(look);
    return;
  }
  looks.back().last_frame = std::max(looks.back().last_frame, look.last_frame);
}

}  // namespace

std::vector<CloseLook> FindFastCuts(const DetectSegment& segment, MediaTime segment_end) {
  const auto& frames = segment.frames;
  const std::vector<std::size_t> cuts = CutsIn(frames);
  std::vector<CloseLook> looks;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    if (frames[cuts[i + 1]].pts - frames[cuts[i]].pts >= kShortShot) continue;
    const auto samples = static_cast<std::int64_t>(cuts[i + 1] - cuts[i]);
    const bool are_all_seen = frames[cuts[i + 1]].frame_id - frames[cuts[i]].frame_id == samples;
    std::size_t before = cuts[i] - 1;
    const bool is_at_begin = frames[cuts[i]].pts - frames.front().pts < kShortShot;
    if (is_at_begin) before = 0;
    const bool is_at_end = segment_end - frames[cuts[i + 1]].pts < kShortShot;
    const bool is_inside = !is_at_begin && !is_at_end;
    if (is_inside && (are_all_seen || IsBlink(segment, cuts, i))) continue;
    Append({.frame_before = frames[before].frame_id,
            .last_frame = is_at_end ? kToTheBorder : frames[cuts[i + 1]].frame_id,
            .until = segment_end},
           looks);
  }
  return looks;
}

std::vector<std::int64_t> FramesOf(const CloseLook& look, const media::PacketIndex& index) {
  std::vector<std::int64_t> frames;
  MediaTime last = index.packets[static_cast<std::size_t>(look.frame_before)].pts;
  const std::int64_t size = std::ssize(index.packets);
  for (std::int64_t i = look.frame_before + 1; i < size && i <= look.last_frame; ++i) {
    const MediaTime pts = index.packets[static_cast<std::size_t>(i)].pts;
    if (pts >= look.until) break;
    // The last one is a sample that what follows was compared with.
    if (pts - last < kApart && i != look.last_frame) continue;
    frames.push_back(i);
    last = pts;
  }
  return frames;
}

void ReplaceFrames(const CloseLook& look, DetectSegment closer, DetectSegment& segment) {
  ReplaceIn(look, segment.frames, std::move(closer.frames));
  ReplaceIn(look, segment.detections, std::move(closer.detections));
  ReplaceIn(look, segment.crops, std::move(closer.crops));
}

FoundFaces CountFaces(const std::vector<domain::Detection>& detections) {
  FoundFaces faces{.detected = std::ssize(detections)};
  for (const domain::Detection& detection : detections) {
    if (!detection.embedding.empty()) ++faces.embedded;
    if (detection.turn != domain::Turn::kNone) ++faces.turned;
  }
  return faces;
}

}  // namespace rollcall::pipeline
