#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "domain/media_time.h"
#include "media/packet_index.h"

namespace rollcall::media {

// One picture as it lies in the file, its times in container microseconds.
struct StoredPicture {
  static constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

  std::int64_t pts = kNoTime;
  std::int64_t dts = kNoTime;
  std::uint32_t decode_order = 0;
  std::int32_t order = 0;   // Picture order count since the last reset.
  std::uint32_t epoch = 0;  // How often the order was reset before it.
  bool has_order = false;
  bool is_immediate = false;  // Shown as soon as decoded.
  bool is_keyframe = false;
  bool is_gradual = false;
  bool is_disposable = false;
};

// Undoes jumps of the clock (more than a second back, more than ten seconds ahead, as the ffmpeg
// program does): what follows a jump goes on `frame_micros` after what came before it.
// Says in `warnings` where. `pictures` are in decode order.
void RemoveJumps(std::vector<StoredPicture>& pictures, std::int64_t frame_micros,
                 std::vector<std::string>& warnings);

// Gives every picture a pts. Where most pictures have none, the decode times are given out in the
// order of showing; where some have none, they are spread between their neighbours.
void FillTimes(std::vector<StoredPicture>& pictures, std::int64_t frame_micros);

// In presentation order from `origin` = 0. Of pictures with the same time the first decoded stays;
// those before the origin, without a time, or
// with a time far from where they are decoded are left out.
std::vector<PacketEntry> PresentationOrder(std::vector<StoredPicture> pictures, std::int64_t origin,
                                           std::vector<std::string>& warnings);

}  // namespace rollcall::media
