#include "media/stream_colour.h"

#include <cstdint>
#include <string_view>
#include <utility>

namespace rollcall::media {
namespace {

constexpr std::size_t kParameterSetsMax = 64;  // More different ones are damage.

bool IsJpegFormat(int format) {
  return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ411P ||
         format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ440P ||
         format == AV_PIX_FMT_YUVJ444P;
}

// The deprecated formats say "full range" by their name.
Colour ColourOf(int format, Colour said) {
  if (!IsJpegFormat(format)) return said;
  const bool is_silent = said.space == AVCOL_SPC_UNSPECIFIED;
  return {.space = is_silent ? AVCOL_SPC_SMPTE170M : said.space, .range = AVCOL_RANGE_JPEG};
}

// The next unit of a packet, from `rest`; empty at its end, or where a length cannot be.
std::string_view TakeNal(std::string_view& rest, int length_size) {
  constexpr std::string_view kStart("\0\0\1", 3);
  if (length_size == 0) {
    const std::size_t at = rest.find(kStart);
    if (at == std::string_view::npos) return {};
    rest.remove_prefix(at + kStart.size());
    return rest.substr(0, rest.find(kStart));
  }
  const auto prefix = static_cast<std::size_t>(length_size);
  if (rest.size() <= prefix) return {};
  std::size_t length = 0;
  for (std::size_t i = 0; i < prefix; ++i) {
    length = (length << 8) | static_cast<std::uint8_t>(rest[i]);
  }
  rest.remove_prefix(prefix);
  const std::string_view nal = rest.substr(0, length);
  rest.remove_prefix(nal.size());
  return nal;
}

// Sequence parameter sets come before the first slice.
constexpr int kH264ParameterSet = 7;
constexpr int kH264LastSlice = 5;
constexpr int kHevcParameterSet = 33;
constexpr int kHevcLastSlice = 31;

}  // namespace

StreamColour::StreamColour(const AVCodecParameters& parameters)
    : parameters_(parameters),
      head_(ColourOf(parameters.format,
                     {.space = parameters.color_space, .range = parameters.color_range})),
      now_(head_),
      is_in_packets_(parameters.codec_id == AV_CODEC_ID_H264 ||
                     parameters.codec_id == AV_CODEC_ID_HEVC) {
  const bool is_h264 = parameters.codec_id == AV_CODEC_ID_H264;
  const std::uint8_t* head = parameters.extradata;
  const int size_at = is_h264 ? 4 : 21;  // In avcC and hvcC.
  // Otherwise start codes: in the head as in the packets.
  if (head != nullptr && parameters.extradata_size > size_at && head[0] == 1) {
    length_size_ = (head[size_at] & 3) + 1;
  }
}

Colour StreamColour::Of(const AVPacket& packet) {
  if (!is_in_packets_) return head_;
  const std::string sets = ParameterSetsIn(packet);
  if (sets.empty()) return now_;
  const auto known = known_.find(sets);
  if (known != known_.end()) return now_ = known->second;
  now_ = Ask(packet);
  if (known_.size() < kParameterSetsMax) known_.emplace(sets, now_);
  return now_;
}

std::string StreamColour::ParameterSetsIn(const AVPacket& packet) const {
  const bool is_h264 = parameters_.codec_id == AV_CODEC_ID_H264;
  std::string_view rest(reinterpret_cast<const char*>(packet.data),
                        static_cast<std::size_t>(packet.size));
  std::string sets;
  while (true) {
    const std::string_view nal = TakeNal(rest, length_size_);
    if (nal.empty()) return sets;
    const auto header = static_cast<std::uint8_t>(nal[0]);
    const int type = is_h264 ? header & 31 : (header >> 1) & 63;
    const bool is_slice = is_h264 ? type > 0 && type <= kH264LastSlice : type <= kHevcLastSlice;
    if (is_slice) return sets;
    if (type == (is_h264 ? kH264ParameterSet : kHevcParameterSet)) sets += nal;
  }
}

// What a decoder says that has seen nothing else.
Colour StreamColour::Ask(const AVPacket& packet) const {
  const AVCodec* kind = avcodec_find_decoder(parameters_.codec_id);
  const CodecPtr codec(avcodec_alloc_context3(kind));
  if (kind == nullptr || codec == nullptr) return head_;
  if (avcodec_parameters_to_context(codec.get(), &parameters_) < 0) return head_;
  codec->colorspace = AVCOL_SPC_UNSPECIFIED;
  codec->color_range = AVCOL_RANGE_UNSPECIFIED;
  codec->thread_count = 1;
  codec->max_pixels = std::int64_t{8192} * 8192;
  if (avcodec_open2(codec.get(), kind, nullptr) < 0) return head_;
  if (avcodec_send_packet(codec.get(), &packet) < 0) return head_;
  avcodec_send_packet(codec.get(), nullptr);
  const FramePtr frame = NewFrame();
  if (avcodec_receive_frame(codec.get(), frame.get()) < 0) return head_;
  return ColourOf(frame->format, {.space = frame->colorspace, .range = frame->color_range});
}

}  // namespace rollcall::media
