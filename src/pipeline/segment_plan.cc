#include "pipeline/segment_plan.h"

namespace rollcall::pipeline {

std::vector<PlannedSegment> PlanSegments(const media::PacketIndex& index,
                                         std::span<const std::int64_t> plan,
                                         domain::MediaTime length) {
  std::vector<PlannedSegment> segments;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const domain::MediaTime pts = index.packets[static_cast<std::size_t>(plan[i])].pts;
    const domain::MediaTime from = pts / length * length;
    if (segments.empty() || from > segments.back().pts_from) {
      if (!segments.empty()) segments.back().pts_to = from;
      segments.push_back({.number = static_cast<std::int64_t>(segments.size()),
                          .pts_from = segments.empty() ? domain::MediaTime{0} : from,
                          .pts_to = from + length,
                          .samples = 0,
                          .first_sample = static_cast<std::int64_t>(i)});
    }
    ++segments.back().samples;
  }
  return segments;
}

}  // namespace rollcall::pipeline
