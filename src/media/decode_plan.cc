#include "media/decode_plan.h"

#include <algorithm>

namespace rollcall::media {
namespace {

// As many frames as H.264 and HEVC may hold back for reordering.
constexpr std::int64_t kFramesAheadMin = 16;
// A jump drains the decoder's threads, so it must save more than it costs.
constexpr std::int64_t kFramesSavedMin = 48;

std::int64_t LeadIn(std::span<const PacketEntry> packets, std::int64_t frame_id, DecodeMode mode) {
  return mode == DecodeMode::kAll ? LeadOf(packets, frame_id) : frame_id;
}

}  // namespace

std::int64_t KeyframeOf(std::span<const PacketEntry> packets, std::int64_t frame_id) {
  while (frame_id >= 0 && !packets[static_cast<std::size_t>(frame_id)].is_keyframe) --frame_id;
  return std::max<std::int64_t>(frame_id, -1);
}

std::int64_t LeadOf(std::span<const PacketEntry> packets, std::int64_t frame_id) {
  const std::int64_t own = KeyframeOf(packets, frame_id);
  return KeyframeOf(packets, own - kFramesAheadMin);
}

std::int64_t NearLeadOf(std::span<const PacketEntry> packets, std::int64_t frame_id) {
  const std::int64_t own = KeyframeOf(packets, frame_id);
  const bool is_enough = own >= 0 && frame_id - own >= kFramesAheadMin &&
                         !packets[static_cast<std::size_t>(own)].is_gradual;
  return is_enough ? own : LeadOf(packets, frame_id);
}

DecodeRun LongRun(std::span<const PacketEntry> packets, std::span<const std::int64_t> plan,
                  std::size_t begin, DecodeMode mode) {
  DecodeRun run{.lead = LeadIn(packets, plan[begin], mode), .begin = begin, .end = begin + 1};
  for (; run.end < plan.size(); ++run.end) {
    const std::int64_t last = plan[run.end - 1];
    const std::int64_t next = plan[run.end];
    if (mode == DecodeMode::kKeyframes) continue;
    if (mode == DecodeMode::kSeparateKeyframes) {
      if (next == last + 1) continue;
      break;
    }
    // Frames so near that no jump can pay need no look for their lead.
    if (next - last > kFramesSavedMin && LeadOf(packets, next) - last > kFramesSavedMin) break;
  }
  return run;
}

DecodeRun ShortRun(std::span<const PacketEntry> packets, std::span<const std::int64_t> plan,
                   std::size_t begin, DecodeMode mode) {
  DecodeRun run{.lead = LeadIn(packets, plan[begin], mode), .begin = begin, .end = begin + 1};
  while (run.end < plan.size() && !HasKeyframe(packets, plan[run.end - 1] + 1, plan[run.end])) {
    ++run.end;
  }
  return run;
}

bool HasKeyframe(std::span<const PacketEntry> packets, std::int64_t first, std::int64_t last) {
  for (std::int64_t i = first; i <= last; ++i) {
    if (packets[static_cast<std::size_t>(i)].is_keyframe) return true;
  }
  return false;
}

}  // namespace rollcall::media
