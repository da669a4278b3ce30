#include "pipeline/close_look.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace rollcall::pipeline {
namespace {

using artifacts::DetectSegment;
using domain::MediaTime;

constexpr MediaTime kShortShot{500'000};
constexpr MediaTime kApart{15'000};
constexpr std::int64_t kToTheBorder = std::numeric_limits<std::int64_t>::max();

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
  std::vector<std::size_t> cuts;  // The first sample has none before it to begin behind.
  for (std::size_t i = 1; i < frames.size(); ++i) {
    if (frames[i].is_cut) cuts.push_back(i);
  }
  std::vector<CloseLook> looks;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    if (frames[cuts[i + 1]].pts - frames[cuts[i]].pts >= kShortShot) continue;
    std::size_t before = cuts[i] - 1;
    if (frames[cuts[i]].pts - frames.front().pts < kShortShot) before = 0;
    const bool is_at_end = segment_end - frames[cuts[i + 1]].pts < kShortShot;
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
