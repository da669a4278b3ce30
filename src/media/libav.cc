#include "media/libav.h"

#include <array>
#include <cstdarg>
#include <mutex>

#include "base/check.h"

namespace rollcall::media {
namespace {

// A thread's own, so that one job's message does not name another job's damage.
std::string& LastLine() {
  thread_local std::string line;
  return line;
}

std::int64_t& DemuxErrorCount() {
  thread_local std::int64_t count = 0;
  return count;
}

void CountError(void* context) {
  if (context == nullptr) return;
  const AVClass* kind = *static_cast<const AVClass**>(context);
  if (kind == avformat_get_class()) ++DemuxErrorCount();
  if (kind != avcodec_get_class()) return;
  auto* errors = static_cast<CodecErrors*>(static_cast<AVCodecContext*>(context)->opaque);
  if (errors != nullptr) ++errors->logged;
}

void KeepErrorLine(void* context, int level, const char* format, va_list arguments) {
  if ((level & 0xff) > AV_LOG_ERROR) return;
  CountError(context);
  std::array<char, 512> text{};
  int print_prefix = 0;  // The prefix holds addresses, which differ from run to run.
  av_log_format_line2(context, level, format, arguments, text.data(), static_cast<int>(text.size()),
                      &print_prefix);
  std::string line(text.data());
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' ')) {
    line.pop_back();
  }
  if (!line.empty()) LastLine() = std::move(line);
}

}  // namespace

PacketPtr NewPacket() {
  PacketPtr packet(av_packet_alloc());
  ROLLCALL_CHECK(packet != nullptr, "out of memory");
  return packet;
}

FramePtr NewFrame() {
  FramePtr frame(av_frame_alloc());
  ROLLCALL_CHECK(frame != nullptr, "out of memory");
  return frame;
}

void CatchLog() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(KeepErrorLine); });
}

std::string LibavMessage(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  std::string message(text.data());
  if (!LastLine().empty()) {
    message += " (" + LastLine() + ")";
    LastLine().clear();
  }
  return message;
}

void ForgetLog() { LastLine().clear(); }

std::int64_t DemuxErrors() { return DemuxErrorCount(); }

}  // namespace rollcall::media
