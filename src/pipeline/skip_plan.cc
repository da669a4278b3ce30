#include "pipeline/skip_plan.h"

#include <algorithm>

#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;

// frame_id of the first keyframe at or after `time`; one past the last frame if there is none.
std::int64_t KeyframeFrom(const media::PacketIndex& index, MediaTime time) {
  const auto found = std::ranges::find_if(index.packets, [&](const media::PacketEntry& packet) {
    return packet.is_keyframe && packet.pts >= time;
  });
  return found - index.packets.begin();
}

}  // namespace

base::Json GapsToJson(const std::vector<Gap>& gaps) {
  base::Json json = base::Json::array();
  for (const Gap& gap : gaps) {
    json.push_back({{"start_ms", domain::ToMillis(gap.start)},
                    {"end_ms", domain::ToMillis(gap.end)},
                    {"reason", gap.reason}});
  }
  return json;
}

std::vector<Gap> GapsFromJson(const base::Json& json) {
  std::vector<Gap> gaps;
  if (!json.is_array()) return gaps;
  for (const base::Json& gap : json) {
    if (!gap.is_object()) continue;
    gaps.push_back({.start = std::chrono::milliseconds{gap.value("start_ms", std::int64_t{0})},
                    .end = std::chrono::milliseconds{gap.value("end_ms", std::int64_t{0})},
                    .reason = gap.value("reason", std::string())});
  }
  return gaps;
}

std::string GapsWarning(const std::vector<Gap>& gaps) {
  std::string times;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (i > 0) times += i + 1 == gaps.size() ? " and " : ", ";
    times += domain::TimeRangeText(gaps[i].start, gaps[i].end);
  }
  return times + (gaps.size() == 1 ? " was" : " were") +
         " not looked at: the worker ended there each time, and somebody chose to skip it";
}

void AddGap(Gap gap, std::vector<Gap>& gaps) {
  const bool touches = !gaps.empty() && gap.start <= gaps.back().end;
  if (!touches) return gaps.push_back(std::move(gap));
  gaps.back().end = std::max(gaps.back().end, gap.end);
}

SkipPlan::SkipPlan(const media::PacketIndex& index, std::span<const std::int64_t> plan,
                   const std::vector<PlannedSegment>& segments,
                   const std::vector<domain::SegmentSpan>& skips)
    : segments_(segments.size()), is_lost_(plan.size(), false) {
  std::int64_t first_frame = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const PlannedSegment& planned = segments[i];
    Fate& fate = segments_[i];
    fate.is_skipped = std::ranges::any_of(
        skips, [&](const domain::SegmentSpan& skip) { return skip.number == planned.number; });
    fate.first_frame = first_frame;
    for (std::int64_t s = planned.first_sample; s < planned.first_sample + planned.samples; ++s) {
      const auto sample = static_cast<std::size_t>(s);
      is_lost_[sample] = fate.is_skipped || plan[sample] < first_frame;
      if (is_lost_[sample]) ++fate.samples_lost;
    }
    if (!fate.is_skipped) continue;
    first_frame = KeyframeFrom(index, planned.pts_to);
    fate.gap = {.start = planned.pts_from,
                .end = planned.pts_to,
                .reason = std::string(domain::reason::kPoisonSegment)};
    const auto next = static_cast<std::size_t>(planned.first_sample + planned.samples);
    if (next >= plan.size() || plan[next] >= first_frame) continue;
    const bool has_more = first_frame < static_cast<std::int64_t>(index.packets.size());
    fate.gap.end = has_more ? index.packets[static_cast<std::size_t>(first_frame)].pts
                            : segments.back().pts_to;
  }
}

}  // namespace rollcall::pipeline
