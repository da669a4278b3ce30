#pragma once

#include <cstdint>
#include <vector>

#include "artifacts/faces_pack.h"
#include "media/packet_index.h"

namespace rollcall::pipeline {

// A part of a segment that is looked at again, frame by frame, because ten samples a second do not
// tell what happens in it. Which parts these are, and what is seen in them, depends on the segment
// alone.
struct CloseLook {
  std::int64_t frame_before = 0;  // The sample before it, which stays.
  std::int64_t last_frame = 0;
  domain::MediaTime until{};  // No frame from here on belongs to it.
};

// Where cuts follow each other so fast that samples show each of them once or twice, or not
// at all (music videos, strobes, a flash): around every two cuts that are less than half a second
// apart, with frames between them that were not looked at, unless it is a blink at which nobody is;
// to the segment's borders where those are as near to one of them.
std::vector<CloseLook> FindFastCuts(const artifacts::DetectSegment& segment,
                                    domain::MediaTime segment_end);

// Its frames: all, or at least 15 ms apart.
std::vector<std::int64_t> FramesOf(const CloseLook& look, const media::PacketIndex& index);

// Puts what was seen closely in the place of the samples.
void ReplaceFrames(const CloseLook& look, artifacts::DetectSegment closer,
                   artifacts::DetectSegment& segment);

struct FoundFaces {
  std::int64_t detected = 0;
  std::int64_t embedded = 0;
  std::int64_t turned = 0;  // Found on their side or upside down.
};
FoundFaces CountFaces(const std::vector<domain::Detection>& detections);

}  // namespace rollcall::pipeline
