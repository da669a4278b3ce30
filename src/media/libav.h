#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace rollcall::media {

// Owning handles of what libav hands out.
struct PacketFree {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FrameFree {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct CodecFree {
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
struct ScalerFree {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
using PacketPtr = std::unique_ptr<AVPacket, PacketFree>;
using FramePtr = std::unique_ptr<AVFrame, FrameFree>;
using CodecPtr = std::unique_ptr<AVCodecContext, CodecFree>;
using ScalerPtr = std::unique_ptr<SwsContext, ScalerFree>;

// Running out of memory ends the process: these never return null.
PacketPtr NewPacket();
FramePtr NewFrame();

// From the first call on, libav prints nothing: its errors are kept, the last one per thread.
// Every entry point of the module calls it.
void CatchLog();

// Counts the errors that a codec logs, from whichever of its threads. Set as the `opaque` of its
// context, before it is opened; must outlive it. Decoders conceal most damage and return no error,
// so their log is the only word of it.
struct CodecErrors {
  std::atomic<std::int64_t> logged{0};
};

// What libav says of `code`, and the last error it logged on this thread, which is then forgotten:
// "Invalid data found when processing input (moov atom not found)".
std::string LibavMessage(int code);

// Errors that demuxers have logged on this thread. They skip damage and return no error for it.
std::int64_t DemuxErrors();

// Forgets the last logged error, before a call whose errors matter.
void ForgetLog();

}  // namespace rollcall::media
