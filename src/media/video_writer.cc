#include "media/video_writer.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <string_view>

#include "domain/reasons.h"
#include "media/display_geometry.h"
#include "media/libav.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;
using domain::MakeError;
using domain::MediaTime;

// What encoders make depends on it, so it is the same on every machine.
constexpr int kThreads = 2;

struct OutputClose {
  void operator()(AVFormatContext* format) const {
    if (format->pb != nullptr) avio_closep(&format->pb);
    avformat_free_context(format);
  }
};
using OutputPtr = std::unique_ptr<AVFormatContext, OutputClose>;

struct DictionaryFree {
  void operator()(AVDictionary** dictionary) const { av_dict_free(dictionary); }
};

base::Error Refused(const std::filesystem::path& path, std::string_view what, int code) {
  return MakeError(reason::kBadParams,
                   fmt::format("cannot write {}: {}: {}", path.string(), what, LibavMessage(code)));
}

// Encoders and containers that know only whole frames of a fixed rate.
bool HasFixedRate(const AVCodec& codec, const AVOutputFormat& format) {
  return codec.id == AV_CODEC_ID_MPEG1VIDEO || codec.id == AV_CODEC_ID_MPEG2VIDEO ||
         codec.id == AV_CODEC_ID_MPEG4 || std::string_view(format.name) == "avi";
}

AVPixelFormat FormatOf(domain::PixelFormat format) {
  switch (format) {
    case domain::PixelFormat::kRgb24:
      return AV_PIX_FMT_RGB24;
    case domain::PixelFormat::kBgr24:
      return AV_PIX_FMT_BGR24;
    case domain::PixelFormat::kGray8:
      return AV_PIX_FMT_GRAY8;
  }
  return AV_PIX_FMT_NONE;
}

class LibavWriter final : public VideoWriter {
 public:
  LibavWriter(std::filesystem::path path, Options options)
      : path_(std::move(path)), options_(std::move(options)) {}

  base::Result<void> Open();
  base::Result<void> Write(const domain::Image& image, MediaTime pts) override;
  base::Result<void> Finish(MediaTime end) override;

 private:
  base::Result<void> OpenEncoder();
  void SetEncoderOptions(AVDictionary** options) const;
  base::Result<void> OpenOutput();
  base::Result<void> MakeScaler(AVPixelFormat source);
  base::Result<FramePtr> Convert(const domain::Image& image);
  std::int64_t ToTicks(MediaTime time) const;
  base::Result<void> Encode(FramePtr frame);
  base::Result<void> SendPending(MediaTime end);

  std::filesystem::path path_;
  Options options_;
  OutputPtr output_;
  AVStream* stream_ = nullptr;
  CodecPtr codec_;
  ScalerPtr scaler_;
  // The picture to scale, in memory of libav's: swscale reads a little past the last row.
  FramePtr source_;
  // A picture's length is known when the next one comes.
  FramePtr pending_;
  MediaTime pending_pts_{};
  std::map<std::int64_t, std::int64_t> durations_;  // By pts, in ticks, of what is in the encoder.
  bool is_finished_ = false;
};

base::Result<void> LibavWriter::Open() {
  const AVOutputFormat* format = av_guess_format(nullptr, path_.filename().c_str(), nullptr);
  // Picture files: libav's own muxer for them takes file names for patterns.
  if (format != nullptr && (format->flags & AVFMT_NOFILE) != 0) {
    format = av_guess_format("image2pipe", nullptr, nullptr);
  }
  if (format == nullptr) {
    return Refused(path_, "its extension names no container", AVERROR_MUXER_NOT_FOUND);
  }
  AVFormatContext* output = nullptr;
  ForgetLog();
  const int code = avformat_alloc_output_context2(&output, format, nullptr, nullptr);
  if (code < 0) return Refused(path_, format->name, code);
  output_.reset(output);
  output_->flags |= AVFMT_FLAG_BITEXACT;
  ROLLCALL_TRY(OpenEncoder());
  return OpenOutput();
}

base::Result<void> LibavWriter::OpenEncoder() {
  const AVCodec* kind = avcodec_find_encoder_by_name(options_.codec.c_str());
  if (kind == nullptr) return Refused(path_, options_.codec, AVERROR_ENCODER_NOT_FOUND);
  codec_.reset(avcodec_alloc_context3(kind));
  ROLLCALL_CHECK(codec_ != nullptr, "out of memory");
  codec_->width = options_.width;
  codec_->height = options_.height;
  codec_->pix_fmt = av_get_pix_fmt(options_.pixel_format.c_str());
  codec_->sample_aspect_ratio = {options_.sample_aspect_num, options_.sample_aspect_den};
  codec_->framerate = {options_.frames_per_second, 1};
  codec_->time_base = HasFixedRate(*kind, *output_->oformat)
                          ? AVRational{1, options_.frames_per_second}
                          : AVRational{1, 1'000'000};
  codec_->gop_size = options_.keyframe_interval;
  codec_->thread_count = kThreads;
  codec_->flags |= AV_CODEC_FLAG_BITEXACT;
  codec_->colorspace = options_.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  codec_->color_range = AVCOL_RANGE_MPEG;
  if (codec_->pix_fmt == AV_PIX_FMT_YUVJ420P) codec_->color_range = AVCOL_RANGE_JPEG;
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(codec_->pix_fmt);
  if (format != nullptr && (format->flags & AV_PIX_FMT_FLAG_RGB) != 0) {
    codec_->colorspace = AVCOL_SPC_RGB;
    codec_->color_range = AVCOL_RANGE_JPEG;
  }
  if (options_.bit_rate > 0) codec_->bit_rate = options_.bit_rate;
  if ((output_->oformat->flags & AVFMT_GLOBALHEADER) != 0) {
    codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  }
  AVDictionary* encoder_options = nullptr;
  const std::unique_ptr<AVDictionary*, DictionaryFree> freed(&encoder_options);
  SetEncoderOptions(&encoder_options);
  ForgetLog();
  const int code = avcodec_open2(codec_.get(), kind, &encoder_options);
  if (code < 0) return Refused(path_, options_.codec, code);
  return {};
}

void LibavWriter::SetEncoderOptions(AVDictionary** options) const {
  const std::string_view codec = options_.codec;
  if (options_.bit_rate == 0) {
    // Encoders with constant quality take crf; the others a quantiser of about the same look.
    av_dict_set_int(options, "crf", options_.crf, 0);
    if (codec.starts_with("libvpx")) codec_->bit_rate = 0;
    if (codec.starts_with("mpeg") || codec == "mjpeg") {
      codec_->flags |= AV_CODEC_FLAG_QSCALE;
      codec_->global_quality = FF_QP2LAMBDA * std::max(1, options_.crf / 6);
    }
  }
  if (codec.starts_with("libx26")) av_dict_set(options, "preset", options_.preset.c_str(), 0);
  // x264's AVX-512 code makes other bytes with other rubbish in fresh memory.
  if (codec == "libx264" && (av_get_cpu_flags() & AV_CPU_FLAG_AVX2) != 0) {
    av_dict_set(options, "x264-params", "asm=AVX2", 0);
  }
  if (codec == "libx265") {
    // Its own threads and messages go past libav.
    av_dict_set(options, "x265-params", "log-level=none:pools=2:frame-threads=2", 0);
  }
  if (codec.starts_with("libvpx")) {
    av_dict_set(options, "deadline", "good", 0);
    av_dict_set_int(options, "cpu-used", 5, 0);
  }
  if (codec.starts_with("libaom")) av_dict_set_int(options, "cpu-used", 8, 0);
}

base::Result<void> LibavWriter::OpenOutput() {
  stream_ = avformat_new_stream(output_.get(), nullptr);
  ROLLCALL_CHECK(stream_ != nullptr, "out of memory");
  stream_->time_base = codec_->time_base;
  stream_->avg_frame_rate = codec_->framerate;
  stream_->sample_aspect_ratio = codec_->sample_aspect_ratio;
  int code = avcodec_parameters_from_context(stream_->codecpar, codec_.get());
  if (code < 0) return Refused(path_, "stream parameters", code);
  if (options_.rotation_degrees != 0) {
    auto* matrix = reinterpret_cast<std::int32_t*>(
        av_stream_new_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(std::int32_t)));
    ROLLCALL_CHECK(matrix != nullptr, "out of memory");
    FillDisplayMatrix(options_.rotation_degrees, matrix);
  }
  ForgetLog();
  code = avio_open(&output_->pb, ("file:" + path_.string()).c_str(), AVIO_FLAG_WRITE);
  if (code < 0) return Refused(path_, "opening the file", code);
  code = avformat_write_header(output_.get(), nullptr);
  if (code < 0) return Refused(path_, "the container refuses the stream", code);
  return {};
}

base::Result<void> LibavWriter::MakeScaler(AVPixelFormat source) {
  source_ = NewFrame();
  source_->format = source;
  source_->width = options_.width;
  source_->height = options_.height;
  const int code = av_frame_get_buffer(source_.get(), 0);
  if (code < 0) return Refused(path_, "a frame", code);
  std::memset(source_->buf[0]->data, 0, source_->buf[0]->size);
  scaler_.reset(sws_getContext(options_.width, options_.height, source, options_.width,
                               options_.height, codec_->pix_fmt,
                               SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INT,
                               nullptr, nullptr, nullptr));
  if (scaler_ == nullptr) return Refused(path_, options_.pixel_format, AVERROR(EINVAL));
  const int* matrix =
      sws_getCoefficients(codec_->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601);
  const int is_full = codec_->color_range == AVCOL_RANGE_JPEG ? 1 : 0;
  sws_setColorspaceDetails(scaler_.get(), matrix, 1, matrix, is_full, 0, 1 << 16, 1 << 16);
  return {};
}

base::Result<FramePtr> LibavWriter::Convert(const domain::Image& image) {
  const std::size_t bytes = static_cast<std::size_t>(image.width) *
                            static_cast<std::size_t>(image.height) *
                            static_cast<std::size_t>(image.channels());
  if (image.width != options_.width || image.height != options_.height ||
      image.pixels.size() != bytes) {
    return MakeError(reason::kBadParams,
                     fmt::format("a picture of {}×{} for a video of {}×{}", image.width,
                                 image.height, options_.width, options_.height));
  }
  if (scaler_ == nullptr || source_->format != FormatOf(image.format)) {
    ROLLCALL_TRY(MakeScaler(FormatOf(image.format)));
  }
  FramePtr frame = NewFrame();
  frame->format = codec_->pix_fmt;
  frame->width = image.width;
  frame->height = image.height;
  const int code = av_frame_get_buffer(frame.get(), 0);
  if (code < 0) return Refused(path_, "a frame", code);
  const auto row_bytes = static_cast<std::size_t>(image.width * image.channels());
  for (int y = 0; y < image.height; ++y) {
    std::memcpy(source_->data[0] + std::ptrdiff_t{y} * source_->linesize[0],
                image.pixels.data() + static_cast<std::size_t>(y) * row_bytes, row_bytes);
  }
  sws_scale(scaler_.get(), source_->data, source_->linesize, 0, image.height, frame->data,
            frame->linesize);
  return frame;
}

std::int64_t LibavWriter::ToTicks(MediaTime time) const {
  return av_rescale_q((time + options_.start).count(), AVRational{1, 1'000'000}, codec_->time_base);
}

base::Result<void> LibavWriter::Write(const domain::Image& image, MediaTime pts) {
  if (is_finished_) return MakeError(reason::kBadParams, "the video is already finished");
  if (pending_ != nullptr && ToTicks(pts) <= ToTicks(pending_pts_)) {
    return MakeError(reason::kBadParams, fmt::format("a picture at {} µs after one at {} µs",
                                                     pts.count(), pending_pts_.count()));
  }
  ROLLCALL_TRY_ASSIGN(FramePtr frame, Convert(image));
  if (pending_ != nullptr) ROLLCALL_TRY(SendPending(pts));
  pending_ = std::move(frame);
  pending_pts_ = pts;
  return {};
}

base::Result<void> LibavWriter::SendPending(MediaTime end) {
  pending_->pts = ToTicks(pending_pts_);
  durations_[pending_->pts] = std::max<std::int64_t>(1, ToTicks(end) - pending_->pts);
  return Encode(std::move(pending_));
}

base::Result<void> LibavWriter::Encode(FramePtr frame) {
  ForgetLog();
  int code = avcodec_send_frame(codec_.get(), frame.get());
  if (code < 0) return Refused(path_, "encoding", code);
  const PacketPtr packet = NewPacket();
  for (;;) {
    code = avcodec_receive_packet(codec_.get(), packet.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    if (code < 0) return Refused(path_, "encoding", code);
    const auto duration = durations_.find(packet->pts);
    if (duration != durations_.end()) {
      packet->duration = duration->second;
      durations_.erase(duration);
    }
    av_packet_rescale_ts(packet.get(), codec_->time_base, stream_->time_base);
    packet->stream_index = stream_->index;
    code = av_interleaved_write_frame(output_.get(), packet.get());
    if (code < 0) return Refused(path_, "writing", code);
  }
}

base::Result<void> LibavWriter::Finish(MediaTime end) {
  if (is_finished_) return MakeError(reason::kBadParams, "the video is already finished");
  is_finished_ = true;
  if (pending_ != nullptr) ROLLCALL_TRY(SendPending(end));
  ROLLCALL_TRY(Encode(nullptr));
  int code = av_write_trailer(output_.get());
  const int closed = avio_closep(&output_->pb);
  if (code >= 0) code = closed;
  if (code < 0) return Refused(path_, "finishing the file", code);
  return {};
}

base::Result<void> CheckOptions(const VideoWriter::Options& options) {
  const bool is_turn = options.rotation_degrees >= 0 && options.rotation_degrees < 360 &&
                       options.rotation_degrees % 90 == 0;
  if (options.width > 0 && options.height > 0 && options.frames_per_second > 0 &&
      options.keyframe_interval > 0 && options.sample_aspect_num > 0 &&
      options.sample_aspect_den > 0 && is_turn) {
    return {};
  }
  return MakeError(reason::kBadParams, "a size, rate, aspect or rotation that no video has");
}

}  // namespace

base::Result<std::unique_ptr<VideoWriter>> VideoWriter::Create(const std::filesystem::path& path,
                                                               Options options) {
  CatchLog();
  ROLLCALL_TRY(CheckOptions(options));
  auto writer = std::make_unique<LibavWriter>(path, std::move(options));
  ROLLCALL_TRY(writer->Open());
  return std::unique_ptr<VideoWriter>(std::move(writer));
}

}  // namespace rollcall::media
