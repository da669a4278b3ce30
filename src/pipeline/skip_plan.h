#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "domain/segment_span.h"
#include "pipeline/segment_plan.h"

namespace rollcall::pipeline {

// A part of the video that nobody looked at, and why: "ERR_POISON_SEGMENT".
struct Gap {
  domain::MediaTime start{};
  domain::MediaTime end{};
  std::string reason;
};

// [{start_ms, end_ms, reason}], in time order.
base::Json GapsToJson(const std::vector<Gap>& gaps);
std::vector<Gap> GapsFromJson(const base::Json& json);  // Anything else gives none.
// A sentence for people: "00:01:20–00:01:30 was not looked at: …".
std::string GapsWarning(const std::vector<Gap>& gaps);
// Later than all before; one that touches the last is united with it.
void AddGap(Gap gap, std::vector<Gap>& gaps);

// Which samples are left out when segments are skipped. Decoding a frame takes everything from its
// keyframe on, and nothing of a skipped segment may be decoded: so the frames behind one that have
// no keyframe of their own there are left out with it, into whatever segment they reach.
class SkipPlan {
 public:
  // `plan` are sampled frame_ids; `segments` are of PlanSegments over both.
  SkipPlan(const media::PacketIndex& index, std::span<const std::int64_t> plan,
           const std::vector<PlannedSegment>& segments,
           const std::vector<domain::SegmentSpan>& skips);

  bool IsSkipped(std::size_t segment) const { return segments_[segment].is_skipped; }
  // Samples of the segment that are not looked at.
  std::int64_t SamplesLost(std::size_t segment) const { return segments_[segment].samples_lost; }
  bool IsLost(std::size_t sample) const { return is_lost_[sample]; }
  // The keyframe before which nothing may be decoded for the samples of this segment; 0 if all may.
  std::int64_t FirstFrame(std::size_t segment) const { return segments_[segment].first_frame; }
  // Of a skipped segment: to its end, or to where the first picture behind it can be decoded.
  Gap GapOf(std::size_t segment) const { return segments_[segment].gap; }

 private:
  struct Fate {
    bool is_skipped = false;
    std::int64_t samples_lost = 0;
    std::int64_t first_frame = 0;
    Gap gap;
  };
  std::vector<Fate> segments_;
  std::vector<bool> is_lost_;  // By sample.
};

}  // namespace rollcall::pipeline
