#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "domain/media_time.h"
#include "media/packet_index.h"

namespace rollcall::pipeline {

// The part of a sampling plan that becomes one checkpoint.
struct PlannedSegment {
  std::int64_t number = 0;       // From 0, without holes.
  domain::MediaTime pts_from{};  // Multiple of the segment length.
  domain::MediaTime pts_to{};
  std::int64_t samples = 0;       // Planned frames in it; at least one.
  std::int64_t first_sample = 0;  // Index into the plan.
};

// Cuts a plan at multiples of `length`. Stretches without a sample belong to the segment before.
std::vector<PlannedSegment> PlanSegments(const media::PacketIndex& index,
                                         std::span<const std::int64_t> plan,
                                         domain::MediaTime length);

}  // namespace rollcall::pipeline
