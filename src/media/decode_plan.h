#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "media/packet_index.h"

namespace rollcall::media {

// Where to start decoding for frame `frame_id` to come out as it does when decoding starts at the
// beginning: at the keyframe before its own, and a few frames off, because pictures that lead a
// keyframe refer to what precedes it, and decoders need some pictures to find their order of
// output. The same for all frames of one keyframe. A frame_id; -1, the beginning of the file, if
// there is none.
std::int64_t LeadOf(std::span<const PacketEntry> packets, std::int64_t frame_id);

// Nearer, for a few frames that lie well behind an intact keyframe: they need nothing before it.
std::int64_t NearLeadOf(std::span<const PacketEntry> packets, std::int64_t frame_id);

// The keyframe at or before; -1 if there is none.
std::int64_t KeyframeOf(std::span<const PacketEntry> packets, std::int64_t frame_id);

// Whether any of the frames first … last is one.
bool HasKeyframe(std::span<const PacketEntry> packets, std::int64_t first, std::int64_t last);

// How the reader goes about it.
enum class DecodeMode {
  kAll,                // Every picture that others may refer to.
  kKeyframes,          // Planned keyframes alone, one after another.
  kSeparateKeyframes,  // The same, and the decoder must not see one as following another (H.264,
                       // whose frame numbers would have gaps).
};

// Planned frames that are decoded without a break, from `lead` on.
struct DecodeRun {
  std::int64_t lead = -1;
  std::size_t begin = 0;  // [begin, end) of the plan.
  std::size_t end = 0;
};

// The run that starts at plan[begin]. It ends where jumping ahead saves decoding.
DecodeRun LongRun(std::span<const PacketEntry> packets, std::span<const std::int64_t> plan,
                  std::size_t begin, DecodeMode mode);
// The same, but it ends with the frames of the first one's keyframe: how these come out depends on
// nothing but the packets from the lead on, damaged or not.
DecodeRun ShortRun(std::span<const PacketEntry> packets, std::span<const std::int64_t> plan,
                   std::size_t begin, DecodeMode mode);

}  // namespace rollcall::media
