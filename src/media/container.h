#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/result.h"
#include "domain/media_time.h"
#include "media/display_geometry.h"
#include "media/input_file.h"
#include "media/libav.h"
#include "media/picture_scanner.h"

namespace rollcall::media {

// A side of a picture beyond this is refused.
inline constexpr int kSidePixelsMax = 8192;

// An open file and its one video stream, packet by packet in decode order.
//
// Two kinds of container, because libav's timestamps and seeking are not equally good in all:
// "timed" ones (MP4, QuickTime, Matroska, WebM) say every packet's presentation time, and seeking
// lands where it should, so a packet is known by its time. In all others a packet is known by its
// number, and reading starts at the file's beginning.
//
// Not thread-safe.
class Container {
 public:
  // Errors as Probe. `on_bytes` is told of all that is ever read; its error ends what reads.
  static base::Result<std::unique_ptr<Container>> Open(const std::filesystem::path& path,
                                                       base::OnBytes on_bytes = {});
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  struct VideoPacket {
    PacketPtr packet;
    ScannedPicture picture;
  };
  // The next packet of the video; nullopt at the end, or where nothing more can be read.
  // kUnavailable if the disk fails.
  base::Result<std::optional<VideoPacket>> Read();

  // Goes to a keyframe at or before `time` (container time, not the episode's); false if libav
  // cannot. Only in a timed container.
  bool Seek(domain::MediaTime time);

  // When the first shown frame is shown, in container time. Reads ahead.
  base::Result<domain::MediaTime> Origin();
  // The file's zero, in container time, of a video whose first frame is shown at `origin`, as
  // players count (docs/time.md): an MP4's own zero; else there or where its sound begins, if that
  // is earlier.
  domain::MediaTime ZeroBefore(domain::MediaTime origin) const;

  // The packet's presentation time in container time; its decode time if it has no other.
  std::optional<domain::MediaTime> TimeOf(const AVPacket& packet) const;
  std::optional<domain::MediaTime> DecodeTimeOf(const AVPacket& packet) const;
  std::optional<domain::MediaTime> ToTime(std::int64_t timestamp) const;

  // From now on what is read past tells when the other streams end.
  void ListenToOthers();
  domain::MediaTime others_end() const { return others_end_; }

  bool is_timed() const { return is_timed_; }
  // Clocks in this container may jump (broadcast streams, joined files).
  bool may_jump() const;
  bool is_seekable() const;
  const AVStream& stream() const { return *stream_; }
  const AVFormatContext& format() const { return *format_; }
  const AVCodecParameters& parameters() const { return *stream_->codecpar; }
  // Of the stream's head: that of its pictures as long as nothing changes.
  const DisplayGeometry& geometry() const { return geometry_; }
  // How this picture is shown: size and aspect may change from picture to picture, and so may how
  // it is turned, which a keyframe says for all up to the next one.
  DisplayGeometry GeometryOf(const AVFrame& frame, Orientation orientation) const;
  // What a keyframe says; the container's word where it says nothing.
  Orientation OrientationOf(const AVFrame& keyframe) const;
  const std::filesystem::path& path() const { return path_; }
  std::int64_t size_bytes() const { return input_->size_bytes(); }
  // Passages that could not be read, so far.
  std::int64_t damaged_reads() const { return damaged_reads_; }

 private:
  domain::MediaTime SoundBefore(domain::MediaTime origin) const;
  Container(std::filesystem::path path, std::unique_ptr<InputFile> input);
  base::Result<void> OpenFormat();
  base::Result<void> FindStreams();
  base::Result<void> ChooseStream();
  base::Result<std::optional<VideoPacket>> ReadFile();

  std::filesystem::path path_;
  std::unique_ptr<InputFile> input_;
  AVFormatContext* format_ = nullptr;
  AVStream* stream_ = nullptr;
  DisplayGeometry geometry_;
  std::unique_ptr<PictureScanner> scanner_;
  bool is_timed_ = false;
  std::deque<VideoPacket> read_ahead_;
  std::optional<domain::MediaTime> origin_;
  std::int64_t damaged_reads_ = 0;
  domain::MediaTime others_end_{};  // In container time; see ListenToOthers.
};

// ERR_VIDEO_TOO_LARGE if a side is above kSidePixelsMax.
base::Result<void> CheckSize(int width, int height, const std::filesystem::path& path);

}  // namespace rollcall::media
