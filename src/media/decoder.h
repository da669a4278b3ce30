#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/result.h"
#include "media/container.h"
#include "media/libav.h"
#include "media/stream_colour.h"

namespace rollcall::media {

// Packets to pictures. Each packet carries a number of ours in place of its timestamp, and the
// picture made of it comes out with that number, whatever the container's clock says.
//
// Not thread-safe; decodes on threads of its own. The container may be closed meanwhile.
class Decoder {
 public:
  static constexpr std::int64_t kNoNumber = AV_NOPTS_VALUE;

  // With several threads, what comes out of damaged packets depends on their timing. A
  // repeatable one decodes on one thread into cleared memory: the same packets give the same pixels
  // always.
  struct Options {
    int threads = 1;
    bool is_repeatable = false;
  };
  // kVideoNoPicture if libav has no decoder, kVideoUnreadable if it refuses the stream's head.
  static base::Result<std::unique_ptr<Decoder>> Create(const Container& container, Options options);

  // Whether the decoder took it; it refuses damaged packets. Take pictures with Receive until
  // there are none before the next Send.
  bool Send(AVPacket& packet, std::int64_t number);
  // No more packets come: Receive then gives all that are left.
  void Drain();
  // Forgets everything; the next packet should be a keyframe.
  void Reset();

  // Null when it wants another packet, and when it is drained.
  FramePtr Receive();
  // Packets that it refused.
  std::int64_t errors() const { return errors_; }
  // Grows with everything that goes wrong in decoding, concealed damage included, before the first
  // picture that it touches is received. Not a count of anything.
  std::int64_t damage() const { return errors_ + damaged_pictures_ + log_->logged.load(); }

 private:
  Decoder() = default;
  void SetColour(AVFrame& frame);
  static int GetClearedBuffer(AVCodecContext* codec, AVFrame* frame, int flags);

  std::unique_ptr<CodecErrors> log_ = std::make_unique<CodecErrors>();  // Before codec_.
  CodecPtr codec_;
  std::unique_ptr<StreamColour> colour_;
  std::map<std::int64_t, Colour> colours_;  // Of the packets sent, by number.
  std::int64_t errors_ = 0;
  std::int64_t damaged_pictures_ = 0;
};

}  // namespace rollcall::media
