#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace rollcall::worker {

// What is said between a worker and its agent. The numbers are on the wire.
enum class FrameType : std::uint8_t {
  // Worker → agent.
  kHello = 1,
  kPulse = 2,
  kPhase = 3,
  kProgress = 4,
  kLog = 5,
  kSegmentReady = 6,
  kDone = 7,
  kSegmentBegun = 8,
  // Agent → worker.
  kAssignSegment = 32,  // One for each committed segment, before the kAssign.
  kAssign = 33,
  kSegmentAck = 34,
  kCancel = 35,
  kDrain = 36,
};

// "segment_ready"; nullopt for a number that is none.
std::optional<std::string_view> FrameTypeName(std::uint8_t type);

// One message: a JSON object and, where a message carries opaque bytes, an attachment.
//
// On the wire, little endian: u32 length of what follows (≤ 16 MiB), u8 version, u8 type,
// u32 length of the JSON, the JSON, the attachment.
struct Frame {
  FrameType type{};
  base::Json body = base::Json::object();
  std::string attachment;
};

inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kFrameBytesMax = std::size_t{16} << 20;
inline constexpr int kFrameNestingMax = 32;

// The bytes of `frame`. Text that is not UTF-8 is replaced. kInternal / ERR_PROTOCOL if it is
// longer than kFrameBytesMax.
base::Result<std::string> EncodeFrame(const Frame& frame);

// Cuts a stream of bytes into frames. The other side is not trusted: whatever it sends gives
// frames or an error, in bounded memory. Not thread-safe.
class FrameReader {
 public:
  // The frames that `bytes` completed, oldest first. kInternal / ERR_PROTOCOL when the stream is
  // broken; from then on always.
  base::Result<std::vector<Frame>> Feed(std::string_view bytes);

  // What the end of the stream means here: ERR_PROTOCOL in the middle of a frame.
  base::Result<void> Finish() const;

 private:
  base::Result<std::optional<Frame>> Next();
  base::Error Broken(std::string_view why);

  std::string buffer_;
  std::size_t consumed_ = 0;  // Of buffer_.
  std::optional<base::Error> error_;
};

}  // namespace rollcall::worker
