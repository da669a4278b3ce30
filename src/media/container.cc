#include "media/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;
using domain::MakeError;
using domain::MediaTime;

// Reordering reaches at most 16 frames back (H.264 A.3.1), so the earliest is among these.
constexpr std::size_t kReadAheadPackets = 32;
// A damaged passage ends reading when so many reads in a row give nothing.
constexpr int kFailedReadsMax = 200;
// A picture that begins later than this after the rest of its file does so by a damaged clock.
constexpr MediaTime kLateMax = std::chrono::hours{1};
// 300 days. Anything beyond is damage, and would overflow sums.
constexpr std::int64_t kTimeMax = std::int64_t{300} * 24 * 3600 * 1'000'000;

// Refuses every file and address that a container names: only the opened file is read.
int RefuseOpen(AVFormatContext* /*format*/, AVIOContext** /*io*/, const char* /*url*/,
               int /*flags*/, AVDictionary** /*options*/) {
  return AVERROR(EPERM);
}

base::Error Unreadable(const std::filesystem::path& path, int code) {
  return MakeError(reason::kVideoUnreadable, fmt::format("{} cannot be read as a video: {}",
                                                         path.string(), LibavMessage(code)));
}

bool IsTimedFormat(std::string_view name) {
  return name.find("mp4") != std::string_view::npos ||
         name.find("matroska") != std::string_view::npos;
}

}  // namespace

base::Result<void> CheckSize(int width, int height, const std::filesystem::path& path) {
  if (width <= kSidePixelsMax && height <= kSidePixelsMax) return {};
  return MakeError(reason::kVideoTooLarge,
                   fmt::format("{} has pictures of {}×{} pixels; {} a side is the most",
                               path.string(), width, height, kSidePixelsMax));
}

Container::Container(std::filesystem::path path, std::unique_ptr<InputFile> input)
    : path_(std::move(path)), input_(std::move(input)) {}

Container::~Container() {
  read_ahead_.clear();
  scanner_.reset();
  avformat_close_input(&format_);
}

base::Result<std::unique_ptr<Container>> Container::Open(const std::filesystem::path& path,
                                                         base::OnBytes on_bytes) {
  CatchLog();
  ROLLCALL_TRY_ASSIGN(auto input, InputFile::Open(path, std::move(on_bytes)));
  std::unique_ptr<Container> container(new Container(path, std::move(input)));
  ROLLCALL_TRY(container->OpenFormat());
  ROLLCALL_TRY(container->FindStreams());
  ROLLCALL_TRY(container->ChooseStream());
  return container;
}

base::Result<void> Container::OpenFormat() {
  format_ = avformat_alloc_context();
  ROLLCALL_CHECK(format_ != nullptr, "out of memory");
  format_->pb = input_->context();
  format_->io_open = RefuseOpen;
  ForgetLog();
  const int code = avformat_open_input(&format_, nullptr, nullptr, nullptr);
  ROLLCALL_TRY(input_->state());
  if (code < 0) return Unreadable(path_, code);
  is_timed_ = IsTimedFormat(format_->iformat->name);
  // Before anything is allocated for pictures of such a size.
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    const AVCodecParameters& parameters = *format_->streams[i]->codecpar;
    if (parameters.codec_type != AVMEDIA_TYPE_VIDEO) continue;
    ROLLCALL_TRY(CheckSize(parameters.width, parameters.height, path_));
  }
  return {};
}

base::Result<void> Container::FindStreams() {
  const unsigned streams = format_->nb_streams;
  std::vector<AVDictionary*> options(streams, nullptr);
  for (AVDictionary*& each : options) {
    av_dict_set_int(&each, "max_pixels", std::int64_t{kSidePixelsMax} * kSidePixelsMax, 0);
    av_dict_set_int(&each, "threads", 1, 0);
  }
  const int code = avformat_find_stream_info(format_, streams == 0 ? nullptr : options.data());
  for (AVDictionary*& each : options) av_dict_free(&each);
  ROLLCALL_TRY(input_->state());
  // A stream without a single packet: a later step says that there is no picture.
  if (code < 0 && code != AVERROR_EOF) return Unreadable(path_, code);
  return {};
}

base::Result<void> Container::ChooseStream() {
  const AVCodec* decoder = nullptr;
  const int index = av_find_best_stream(format_, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  if (index == AVERROR_DECODER_NOT_FOUND) {
    return MakeError(
        reason::kVideoNoPicture,
        path_.string() + " is in a video format that this build of libav cannot decode",
        "convert it, for example to H.264 in MP4");
  }
  if (index < 0 || (format_->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
    return MakeError(reason::kVideoNoPicture, path_.string() + " has no video stream");
  }
  stream_ = format_->streams[index];
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    if (static_cast<int>(i) != index) format_->streams[i]->discard = AVDISCARD_ALL;
  }
  const AVCodecParameters& parameters = *stream_->codecpar;
  ROLLCALL_TRY(CheckSize(parameters.width, parameters.height, path_));
  if (parameters.width <= 0 || parameters.height <= 0) {
    return MakeError(reason::kVideoUnreadable,
                     path_.string() + " does not say how large its pictures are");
  }
  std::size_t matrix_bytes = 0;
  const auto* matrix = reinterpret_cast<const std::int32_t*>(
      av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, &matrix_bytes));
  if (matrix_bytes < 9 * sizeof(std::int32_t)) matrix = nullptr;
  geometry_ = MakeDisplayGeometry(parameters.width, parameters.height,
                                  av_guess_sample_aspect_ratio(format_, stream_, nullptr),
                                  OrientationOfMatrix(matrix));
  scanner_ = std::make_unique<PictureScanner>(
      parameters,
      is_timed_ ? PictureScanner::Depth::kFlags : PictureScanner::Depth::kFlagsAndOrder);
  return {};
}

base::Result<std::optional<Container::VideoPacket>> Container::Read() {
  if (!read_ahead_.empty()) {
    VideoPacket packet = std::move(read_ahead_.front());
    read_ahead_.pop_front();
    return std::optional<VideoPacket>(std::move(packet));
  }
  return ReadFile();
}

base::Result<std::optional<Container::VideoPacket>> Container::ReadFile() {
  PacketPtr packet = NewPacket();
  for (int failed = 0; failed < kFailedReadsMax;) {
    const std::int64_t errors = DemuxErrors();
    const int code = av_read_frame(format_, packet.get());
    ROLLCALL_TRY(input_->state());
    if (code == AVERROR_EOF) break;
    if (code < 0) {
      ++failed;
      ++damaged_reads_;
      continue;
    }
    if (DemuxErrors() > errors) ++damaged_reads_;
    if (packet->stream_index == stream_->index) {
      const ScannedPicture picture = scanner_->Scan(*packet);
      return std::optional<VideoPacket>(
          VideoPacket{.packet = std::move(packet), .picture = picture});
    }
    const AVStream& other = *format_->streams[packet->stream_index];
    if (packet->pts != AV_NOPTS_VALUE) {
      const std::int64_t end = packet->pts + std::max<std::int64_t>(packet->duration, 0);
      others_end_ =
          std::max(others_end_, MediaTime(av_rescale_q(end, other.time_base, {1, 1'000'000})));
    }
    av_packet_unref(packet.get());
  }
  return std::optional<VideoPacket>();
}

DisplayGeometry Container::GeometryOf(const AVFrame& frame, Orientation orientation) const {
  // It only reads the frame.
  auto* readable = const_cast<AVFrame*>(&frame);
  return MakeDisplayGeometry(frame.width, frame.height,
                             av_guess_sample_aspect_ratio(format_, stream_, readable), orientation);
}

Orientation Container::OrientationOf(const AVFrame& keyframe) const {
  const AVFrameSideData* turned = av_frame_get_side_data(&keyframe, AV_FRAME_DATA_DISPLAYMATRIX);
  if (turned == nullptr || turned->size < 9 * sizeof(std::int32_t)) return geometry_.orientation;
  return OrientationOfMatrix(reinterpret_cast<const std::int32_t*>(turned->data));
}

void Container::ListenToOthers() {
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    format_->streams[i]->discard = AVDISCARD_DEFAULT;
  }
}

bool Container::Seek(MediaTime time) {
  const std::int64_t target =
      av_rescale_q_rnd(time.count(), AVRational{1, 1'000'000}, stream_->time_base, AV_ROUND_UP);
  read_ahead_.clear();
  return av_seek_frame(format_, stream_->index, target, AVSEEK_FLAG_BACKWARD) >= 0;
}

base::Result<MediaTime> Container::Origin() {
  if (origin_) return *origin_;
  std::optional<MediaTime> first;
  for (std::size_t i = 0; i < kReadAheadPackets; ++i) {
    ROLLCALL_TRY_ASSIGN(auto packet, ReadFile());
    if (!packet) break;
    const std::optional<MediaTime> time = TimeOf(*packet->packet);
    const bool is_shown =
        packet->picture.is_shown && (packet->packet->flags & AV_PKT_FLAG_DISCARD) == 0;
    if (is_shown && time && (!first || *time < *first)) first = time;
    read_ahead_.push_back(*std::move(packet));
  }
  origin_ = first.value_or(MediaTime{0});
  return *origin_;
}

MediaTime Container::ZeroBefore(MediaTime origin) const {
  if (origin < MediaTime{0} || origin >= kLateMax) return SoundBefore(origin);
  const bool has_own_zero = std::string_view(format_->iformat->name).starts_with("mov,mp4");
  return has_own_zero ? MediaTime{0} : std::max(SoundBefore(origin), MediaTime{0});
}

MediaTime Container::SoundBefore(MediaTime origin) const {
  MediaTime zero = origin;
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    const AVStream& other = *format_->streams[i];
    if (other.codecpar->codec_type != AVMEDIA_TYPE_AUDIO) continue;
    if (other.start_time == AV_NOPTS_VALUE) continue;
    const MediaTime begins(av_rescale_q(other.start_time, other.time_base, {1, 1'000'000}));
    if (origin - begins < kLateMax) zero = std::min(zero, begins);
  }
  return zero;
}

std::optional<MediaTime> Container::ToTime(std::int64_t timestamp) const {
  if (timestamp == AV_NOPTS_VALUE) return std::nullopt;
  const std::int64_t micros = av_rescale_q(timestamp, stream_->time_base, AVRational{1, 1'000'000});
  if (micros < -kTimeMax || micros > kTimeMax) return std::nullopt;
  return MediaTime(micros);
}

std::optional<MediaTime> Container::TimeOf(const AVPacket& packet) const {
  return ToTime(packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts);
}

std::optional<MediaTime> Container::DecodeTimeOf(const AVPacket& packet) const {
  return ToTime(packet.dts);
}

bool Container::may_jump() const { return (format_->iformat->flags & AVFMT_TS_DISCONT) != 0; }

bool Container::is_seekable() const {
  return is_timed_ && avformat_index_get_entries_count(stream_) > 1;
}

}  // namespace rollcall::media
