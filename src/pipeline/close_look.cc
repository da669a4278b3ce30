#include "pipeline/close_look.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

namespace rollcall::pipeline {
namespace {

using artifacts::DetectSegment;
using domain::MediaTime;

constexpr MediaTime kShortShot{500'000};
constexpr MediaTime kApart{15'000};
// As the tracker has it (Tracker::Options), a little wider.
constexpr MediaTime kForget{500'000};
constexpr float kFollowedIou = 0.4F;
constexpr float kGoodQuality = 0.35F;
constexpr float kSureScore = 0.9F;  // Of a detection that is no shadow.
constexpr float kSomebodyElse = 0.3F;
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

std::optional<domain::PixelBox> Around(const std::optional<domain::PixelBox>& a,
                                       const std::optional<domain::PixelBox>& b) {
  if (!a || !b) return a ? a : b;
  return domain::PixelBox{std::min(a->x1, b->x1), std::min(a->y1, b->y1), std::max(a->x2, b->x2),
                          std::max(a->y2, b->y2)};
}

// To those that begin no later, of which it becomes a part if it overlaps or adjoins the last.
void Append(const CloseLook& look, std::vector<CloseLook>& looks) {
  if (looks.empty() || look.frame_before >= looks.back().last_frame) {
    looks.push_back(look);
    return;
  }
  CloseLook& last = looks.back();
  last.last_frame = std::max(last.last_frame, look.last_frame);
  last.embeds_in = Around(last.embeds_in, look.embeds_in);
}

// What overlap takes for one face.
struct FollowedFace {
  domain::PixelBox box{};
  MediaTime seen{};
  const domain::Detection* embedded = nullptr;  // Its last detection with a vector.
};

// Of the first `known` that are not taken; null: none overlaps enough.
FollowedFace* Nearest(const domain::PixelBox& box, std::size_t known, std::vector<bool>& is_taken,
                      std::vector<FollowedFace>& faces) {
  std::optional<std::size_t> nearest;
  float most = kFollowedIou;
  for (std::size_t i = 0; i < known; ++i) {
    const float iou = is_taken[i] ? 0 : domain::Iou(faces[i].box, box);
    if (iou < most) continue;
    nearest = i;
    most = iou;
  }
  if (!nearest) return nullptr;
  is_taken[*nearest] = true;
  return &faces[*nearest];
}

bool IsSomebodyElse(const domain::Detection& a, const domain::Detection& b) {
  return std::min(a.quality, b.quality) >= kGoodQuality &&
         std::min(a.score, b.score) >= kSureScore &&
         domain::Cosine(a.embedding, b.embedding) < kSomebodyElse;
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

std::vector<CloseLook> FindChanges(const DetectSegment& segment, MediaTime segment_end) {
  std::vector<CloseLook> looks;
  std::vector<FollowedFace> faces;
  auto next = segment.detections.begin();
  for (const auto& frame : segment.frames) {
    if (frame.is_cut) faces.clear();
    std::erase_if(faces, [&](const FollowedFace& face) { return frame.pts - face.seen > kForget; });
    const std::size_t known = faces.size();
    std::vector<bool> is_taken(known, false);
    for (; next != segment.detections.end() && next->frame_id <= frame.frame_id; ++next) {
      FollowedFace* face = Nearest(next->box, known, is_taken, faces);
      if (face == nullptr) face = &faces.emplace_back();
      face->box = next->box;
      face->seen = frame.pts;
      if (next->embedding.empty()) continue;
      if (face->embedded != nullptr && IsSomebodyElse(*face->embedded, *next)) {
        looks.push_back({.frame_before = face->embedded->frame_id,
                         .last_frame = next->frame_id,
                         .until = segment_end,
                         .embeds_in = Around(face->embedded->box, next->box)});
      }
      face->embedded = &*next;
    }
  }
  return looks;
}

std::vector<CloseLook> FindCloseLooks(const DetectSegment& segment, MediaTime segment_end) {
  std::vector<CloseLook> found = FindFastCuts(segment, segment_end);
  std::ranges::move(FindChanges(segment, segment_end), std::back_inserter(found));
  std::ranges::stable_sort(found, {}, &CloseLook::frame_before);
  std::vector<CloseLook> looks;
  for (const CloseLook& look : found) Append(look, looks);
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

FoundFaces CountFaces(const DetectSegment& segment) {
  FoundFaces faces{.detected = std::ssize(segment.detections)};
  for (const domain::Detection& detection : segment.detections) {
    if (!detection.embedding.empty()) ++faces.embedded;
  }
  return faces;
}

}  // namespace rollcall::pipeline
