#include "media/video_probe.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "media/container.h"
#include "media/decoder.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;
using domain::MakeError;
using domain::MediaTime;

constexpr std::int64_t kBlockBytes = 64 * 1024;
constexpr std::int64_t kBlocks = 64;
// Ten seconds at 60 frames a second: broadcast streams may begin in the middle of a group.
constexpr int kPacketsToDecode = 600;

double FramesPerSecond(const AVStream& stream) {
  for (const AVRational rate : {stream.avg_frame_rate, stream.r_frame_rate}) {
    if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
  }
  return 0;
}

MediaTime Duration(const Container& container) {
  const AVStream& stream = container.stream();
  if (stream.duration > 0) return container.ToTime(stream.duration).value_or(MediaTime{0});
  return MediaTime(std::max<std::int64_t>(container.format().duration, 0));
}

bool HasAudio(const AVFormatContext& format) {
  return std::any_of(
      format.streams, format.streams + format.nb_streams,
      [](const AVStream* stream) { return stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO; });
}

}  // namespace

base::Result<VideoProbe> Probe(const std::filesystem::path& path, base::OnBytes on_bytes) {
  ROLLCALL_TRY_ASSIGN(auto container, Container::Open(path, std::move(on_bytes)));
  const AVCodecParameters& parameters = container->parameters();
  const DisplayGeometry& geometry = container->geometry();
  VideoProbe probe;
  probe.container = container->format().iformat->name;
  probe.codec = avcodec_get_name(parameters.codec_id);
  if (const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(parameters.format))) {
    probe.pixel_format = format->name;
    probe.bit_depth = format->comp[0].depth;
  }
  probe.coded_width = parameters.width;
  probe.coded_height = parameters.height;
  probe.width = geometry.width;
  probe.height = geometry.height;
  probe.rotation_degrees = geometry.orientation.rotation_degrees();
  probe.sample_aspect_num = geometry.sample_aspect_num;
  probe.sample_aspect_den = geometry.sample_aspect_den;
  probe.duration = Duration(*container);
  probe.frames_per_second = FramesPerSecond(container->stream());
  probe.has_audio = HasAudio(container->format());
  probe.size_bytes = container->size_bytes();
  ROLLCALL_TRY_ASSIGN(probe.start, container->Origin());
  probe.zero = container->ZeroBefore(probe.start);
  return probe;
}

base::Result<std::string> Fingerprint(const std::filesystem::path& path,
                                      const base::OnBytes& on_bytes) {
  ROLLCALL_TRY_ASSIGN(OpenedFile file, OpenRegularFile(path));
  std::set<std::int64_t> offsets;
  const std::int64_t last = std::max<std::int64_t>(0, file.size_bytes - kBlockBytes);
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    offsets.insert(av_rescale(last, i, kBlocks - 1));
  }
  std::string bytes = std::to_string(file.size_bytes) + "\n";
  std::string block;
  for (const std::int64_t offset : offsets) {
    block.resize(static_cast<std::size_t>(std::min(kBlockBytes, file.size_bytes - offset)));
    ROLLCALL_TRY(base::Failpoint("file.read"));
    std::size_t done = 0;
    while (done < block.size()) {
      const ssize_t n = ::pread(file.fd.get(), block.data() + done, block.size() - done,
                                offset + static_cast<std::int64_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return base::ErrnoError(errno, "read", path);
      if (n == 0) break;  // It has become shorter; what is there tells it apart as well.
      done += static_cast<std::size_t>(n);
    }
    bytes.append(block, 0, done);
    if (on_bytes) ROLLCALL_TRY(on_bytes(static_cast<std::int64_t>(done)));
  }
  return base::Sha256(bytes);
}

base::Result<void> CheckDecodable(const std::filesystem::path& path, base::OnBytes on_bytes) {
  ROLLCALL_TRY_ASSIGN(auto container, Container::Open(path, std::move(on_bytes)));
  ROLLCALL_TRY_ASSIGN(auto decoder, Decoder::Create(*container, {}));
  bool is_at_end = false;
  for (int packets = 0; packets < kPacketsToDecode && !is_at_end; ++packets) {
    ROLLCALL_TRY_ASSIGN(auto video, container->Read());
    is_at_end = !video;
    if (is_at_end) {
      decoder->Drain();
    } else if (video->packet->size > 0) {
      decoder->Send(*video->packet, packets);
    }
    while (const FramePtr frame = decoder->Receive()) {
      if (frame->width <= 0 || frame->height <= 0) continue;
      return CheckSize(frame->width, frame->height, path);
    }
  }
  return MakeError(reason::kVideoUnreadable,
                   fmt::format("no picture comes out of {}: {} decoding errors in its first "
                               "seconds",
                               path.string(), decoder->errors()));
}

}  // namespace rollcall::media
