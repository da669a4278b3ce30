#pragma once

#include <cstdint>
#include <vector>

#include "artifacts/faces_pack.h"
#include "media/packet_index.h"

namespace rollcall::pipeline {

// A part of a segment in which shots follow each other so fast that ten samples a second show each
// of them once or twice, or not at all: music videos, strobes, a flash. It is looked at again,
// frame by frame. Which parts these are, and what is seen in them, depends on the segment alone.
struct FastStretch {
  std::int64_t frame_before = 0;  // The sample before it, which stays.
  std::int64_t last_frame = 0;
  domain::MediaTime until{};  // No frame from here on belongs to it.
};

// Around every two cuts that are less than half a second apart; to the segment's borders where
// those are as near to one of them. In order, apart.
std::vector<FastStretch> FindFastStretches(const artifacts::DetectSegment& segment,
                                           domain::MediaTime segment_end);

// Its frames: all, or at least 15 ms apart.
std::vector<std::int64_t> FramesOf(const FastStretch& stretch, const media::PacketIndex& index);

// Puts what was seen in the stretch when it was looked at closely in the place of its samples.
void ReplaceFrames(const FastStretch& stretch, artifacts::DetectSegment closer,
                   artifacts::DetectSegment& segment);

struct FoundFaces {
  std::int64_t detected = 0;
  std::int64_t embedded = 0;
};
FoundFaces CountFaces(const artifacts::DetectSegment& segment);

}  // namespace rollcall::pipeline
