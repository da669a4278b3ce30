#pragma once

#include <map>
#include <string>

#include "media/libav.h"

namespace rollcall::media {

// What a stream says of the colours of the pictures that follow.
struct Colour {
  AVColorSpace space = AVCOL_SPC_UNSPECIFIED;
  AVColorRange range = AVCOL_RANGE_UNSPECIFIED;
};

// Which colours a packet's picture has. A decoder of H.264 or HEVC keeps what the last parameter
// set said when the next one says nothing, so that what it tells depends on where decoding began.
// Here each parameter set in the stream is asked on its own.
//
// Not thread-safe. Borrows `parameters`.
class StreamColour {
 public:
  explicit StreamColour(const AVCodecParameters& parameters);

  // Of the picture in this packet; packets come in decode order.
  Colour Of(const AVPacket& packet);
  // Decoding begins somewhere else.
  void Reset() { now_ = head_; }
  // Whether packets say it at all: of other codecs the decoder's word on each picture is right.
  bool is_in_packets() const { return is_in_packets_; }
  const Colour& head() const { return head_; }

 private:
  std::string ParameterSetsIn(const AVPacket& packet) const;
  Colour Ask(const AVPacket& packet) const;

  const AVCodecParameters& parameters_;
  Colour head_;  // The container's word.
  Colour now_;
  bool is_in_packets_ = false;
  int length_size_ = 0;                  // Of the units in a packet; 0: start codes.
  std::map<std::string, Colour> known_;  // By parameter sets.
};

}  // namespace rollcall::media
