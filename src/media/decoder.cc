#include "media/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "domain/reasons.h"

namespace rollcall::media {

namespace reason = domain::reason;
using domain::MakeError;

namespace {

int WithoutRange(int format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    default:
      return format;
  }
}

}  // namespace

base::Result<std::unique_ptr<Decoder>> Decoder::Create(const Container& container,
                                                       Options options) {
  const AVCodecParameters& parameters = container.parameters();
  const AVCodec* kind = avcodec_find_decoder(parameters.codec_id);
  if (kind == nullptr) {
    return MakeError(reason::kVideoNoPicture,
                     fmt::format("{} holds {} video, which this build of libav cannot decode",
                                 container.path().string(), avcodec_get_name(parameters.codec_id)),
                     "convert it, for example to H.264 in MP4");
  }
  std::unique_ptr<Decoder> decoder(new Decoder());
  decoder->codec_.reset(avcodec_alloc_context3(kind));
  const CodecPtr& codec = decoder->codec_;
  ROLLCALL_CHECK(codec != nullptr, "out of memory");
  ForgetLog();
  int code = avcodec_parameters_to_context(codec.get(), &parameters);
  decoder->colour_ = std::make_unique<StreamColour>(parameters);
  codec->pkt_timebase = container.stream().time_base;
  codec->opaque = decoder->log_.get();
  codec->thread_count = options.is_repeatable ? 1 : std::clamp(options.threads, 1, 64);
  if (options.is_repeatable) codec->get_buffer2 = GetClearedBuffer;
  codec->thread_type = FF_THREAD_FRAME | FF_THREAD_SLICE;
  codec->max_pixels = std::int64_t{kSidePixelsMax} * kSidePixelsMax;
  // libav calls every picture corrupt that follows a keyframe without a recovery point after a
  // seek, and none of them without one. The caller decodes from far enough ahead, and judges.
  codec->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
  if (code >= 0) code = avcodec_open2(codec.get(), kind, nullptr);
  if (code < 0) {
    return MakeError(reason::kVideoUnreadable,
                     fmt::format("the {} decoder refuses {}: {}", kind->name,
                                 container.path().string(), LibavMessage(code)));
  }
  return decoder;
}

// Parts of a picture that no slice covers would show what the memory held before.
int Decoder::GetClearedBuffer(AVCodecContext* codec, AVFrame* frame, int flags) {
  const int code = avcodec_default_get_buffer2(codec, frame, flags);
  if (code < 0) return code;
  for (AVBufferRef* buffer : frame->buf) {
    if (buffer != nullptr) std::memset(buffer->data, 0, buffer->size);
  }
  return code;
}

bool Decoder::Send(AVPacket& packet, std::int64_t number) {
  if (colour_->is_in_packets()) {
    const Colour colour = colour_->Of(packet);
    if (number != kNoNumber) colours_[number] = colour;
  }
  packet.pts = number;
  packet.dts = AV_NOPTS_VALUE;
  const int code = avcodec_send_packet(codec_.get(), &packet);
  if (code < 0 || (packet.flags & AV_PKT_FLAG_CORRUPT) != 0) ++errors_;
  return code >= 0;
}

void Decoder::Drain() { avcodec_send_packet(codec_.get(), nullptr); }

void Decoder::Reset() {
  avcodec_flush_buffers(codec_.get());
  colour_->Reset();
  colours_.clear();
}

// The picture's own, so that it does not depend on where decoding began.
void Decoder::SetColour(AVFrame& frame) {
  Colour colour = colour_->head();
  if (const auto sent = colours_.find(frame.pts); sent != colours_.end()) {
    colour = sent->second;
    colours_.erase(sent);
  } else if (!colour_->is_in_packets()) {
    if (frame.colorspace != AVCOL_SPC_UNSPECIFIED) colour.space = frame.colorspace;
    if (frame.color_range != AVCOL_RANGE_UNSPECIFIED) colour.range = frame.color_range;
  }
  frame.colorspace = colour.space;
  frame.color_range = colour.range;
  frame.format = WithoutRange(frame.format);
}

FramePtr Decoder::Receive() {
  FramePtr frame = NewFrame();
  // An error belongs to one packet; the pictures after it still come.
  for (int failed = 0; failed < 64; ++failed) {
    const int code = avcodec_receive_frame(codec_.get(), frame.get());
    if (code >= 0) {
      if (frame->decode_error_flags != 0) ++damaged_pictures_;
      SetColour(*frame);
      return frame;
    }
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return nullptr;
    ++errors_;
  }
  return nullptr;
}

}  // namespace rollcall::media
