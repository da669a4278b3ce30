// What a worker may send, as hostile bytes. The first byte chooses: odd, what follows is a type and
// the body of one frame, which gets right lengths; even, it is the stream itself. Whatever comes,
// in whatever pieces, gives the same frames or an error; what a Decode… accepts survives being
// encoded again.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "worker/frame.h"
#include "worker/messages.h"

namespace {

namespace worker = rollcall::worker;
using worker::Frame;
using worker::FrameType;

void AppendU32(std::string& out, std::size_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>((value >> shift) & 255);
}

// The JSON reaches to the first 0xff byte, which no UTF-8 has; the rest is the attachment.
std::string Framed(std::string_view bytes) {
  if (bytes.empty()) return {};
  const std::string_view rest = bytes.substr(1);
  const std::string_view json = rest.substr(0, rest.find('\xff'));
  const std::string_view attachment = json.size() < rest.size() ? rest.substr(json.size() + 1) : "";
  std::string stream;
  AppendU32(stream, 6 + json.size() + attachment.size());
  stream += static_cast<char>(worker::kFrameVersion);
  stream += bytes[0];
  AppendU32(stream, json.size());
  return stream.append(json).append(attachment);
}

struct Read {
  std::vector<Frame> frames;
  bool is_broken = false;
};

Read ReadInPieces(std::string_view stream, std::size_t piece) {
  worker::FrameReader reader;
  Read read;
  while (!stream.empty() && !read.is_broken) {
    const auto frames = reader.Feed(stream.substr(0, piece));
    stream.remove_prefix(std::min(piece, stream.size()));
    read.is_broken = !frames.ok();
    if (frames.ok()) read.frames.insert(read.frames.end(), frames->begin(), frames->end());
  }
  static_cast<void>(reader.Finish());
  return read;
}

// A frame that we send can be read, and says the same.
template <typename Decode>
void CheckAgain(const Frame& sent, Decode decode) {
  const auto bytes = worker::EncodeFrame(sent);
  if (!bytes.ok()) return;  // Longer than a frame may be, because text that is no UTF-8 grew.
  const Read read = ReadInPieces(*bytes, bytes->size());
  ROLLCALL_CHECK(!read.is_broken && read.frames.size() == 1);
  ROLLCALL_CHECK(decode(read.frames.front()).ok());
}

template <typename Decode, typename Encode>
void Check(const Frame& frame, Decode decode, Encode encode) {
  const auto message = decode(frame);
  if (message.ok()) CheckAgain(encode(*message), decode);
}

void CheckBody(const Frame& frame) {
  Check(frame, worker::DecodeHello, worker::EncodeHello);
  Check(frame, worker::DecodePulse, worker::EncodePulse);
  Check(frame, worker::DecodePhase, worker::EncodePhase);
  Check(frame, worker::DecodeProgress, worker::EncodeProgress);
  Check(frame, worker::DecodeLog, [](const std::string& line) { return worker::EncodeLog(line); });
  Check(frame, worker::DecodeSegment, [](const auto& segment) {
    return worker::EncodeSegment(FrameType::kSegmentReady, segment);
  });
  Check(frame, worker::DecodeDone, worker::EncodeDone);
  Check(frame, worker::DecodeAssign, worker::EncodeAssign);
  Check(frame, worker::DecodeSegmentAck, worker::EncodeSegmentAck);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string stream = data[0] % 2 == 1 ? Framed(bytes) : std::string(bytes);
  const Read whole = ReadInPieces(stream, std::max<std::size_t>(1, stream.size()));
  const Read pieces = ReadInPieces(stream, 1 + data[0] / 2U);
  // Of a stream that breaks, the frames before the break may have come already, or not.
  if (!whole.is_broken) ROLLCALL_CHECK(whole.frames.size() == pieces.frames.size());
  ROLLCALL_CHECK(whole.is_broken == pieces.is_broken);
  for (const Frame& frame : pieces.frames) CheckBody(frame);
  return 0;
}
