#include "compose/picture_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "domain/reasons.h"
#include "media/frame_reader.h"
#include "media/packet_index.h"
#include "media/video_probe.h"

namespace rollcall::compose {
namespace {

using domain::MediaTime;

constexpr MediaTime kTimestampSlack{2'000};  // Containers round timestamps, to 1 ms in Matroska.

base::Result<SourcePixels> Rendered(const domain::Picture& picture, const Region& region,
                                    double scale) {
  const domain::PixelBox box{.x1 = static_cast<float>(region.x),
                             .y1 = static_cast<float>(region.y),
                             .x2 = static_cast<float>(region.right()),
                             .y2 = static_cast<float>(region.bottom())};
  const domain::Picture::RenderTarget target{
      .width = std::max(1, static_cast<int>(std::lround(region.width * scale))),
      .height = std::max(1, static_cast<int>(std::lround(region.height * scale))),
      .format = domain::PixelFormat::kRgb24};
  ROLLCALL_TRY_ASSIGN(domain::Image image, picture.Render(box, target));
  const cv::Mat borrowed(image.height, image.width, CV_8UC3, image.pixels.data());
  return SourcePixels{.region = region, .pixels = borrowed.clone()};
}

class Photograph : public PictureSource {
 public:
  explicit Photograph(std::unique_ptr<media::Frame> frame)
      : PictureSource({.width = frame->width(), .height = frame->height()}),
        frame_(std::move(frame)) {}

  base::Result<void> Prepare(const Region& region, double scale,
                             std::span<const MediaTime> /*times*/) override {
    ROLLCALL_TRY_ASSIGN(pixels_, Rendered(*frame_, region, std::min(1.0, scale)));
    if (scale > 1) {  // Enlarged once and well, so that drawing a frame is quick.
      cv::Mat enlarged;
      cv::resize(pixels_.pixels, enlarged, {}, scale, scale, cv::INTER_CUBIC);
      pixels_.pixels = enlarged;
    }
    frame_.reset();  // The whole photograph is not needed any more.
    return {};
  }

  base::Result<const SourcePixels*> Next() override { return &pixels_; }

 private:
  std::unique_ptr<media::Frame> frame_;
  SourcePixels pixels_;
};

// At each time the latest frame of the clip that has begun.
class Clip : public PictureSource {
 public:
  Clip(PixelSize size, std::filesystem::path path, MediaTime start)
      : PictureSource(size), path_(std::move(path)), start_(start) {}

  base::Result<void> Prepare(const Region& region, double scale,
                             std::span<const MediaTime> times) override {
    region_ = region;
    scale_ = std::min(1.0, scale);
    ROLLCALL_TRY_ASSIGN(const media::PacketIndex index, media::IndexPackets(path_));
    const MediaTime needed = start_ + (times.empty() ? MediaTime{} : times.back());
    if (index.packets.empty() || needed > index.length() + kTimestampSlack) {
      return domain::MakeError(
          domain::reason::kBadParams,
          fmt::format("{} ends at {:.2f} s; the shot needs it up to {:.2f} s",
                      path_.filename().string(), static_cast<double>(index.length().count()) / 1e6,
                      static_cast<double>(needed.count()) / 1e6),
          "make the shot shorter or start the clip earlier");
    }
    for (const MediaTime time : times) {
      const auto after = std::upper_bound(
          index.packets.begin(), index.packets.end(),
          index.start() + start_ + time + kTimestampSlack,
          [](MediaTime t, const media::PacketEntry& packet) { return t < packet.pts; });
      const std::int64_t found = after - index.packets.begin() - 1;
      wanted_.push_back(std::max<std::int64_t>(found, 0));
    }
    std::vector<std::int64_t> plan = wanted_;
    plan.erase(std::unique(plan.begin(), plan.end()), plan.end());
    ROLLCALL_TRY_ASSIGN(reader_, media::FrameReader::Open(path_, index, std::move(plan), {}));
    return {};
  }

  base::Result<const SourcePixels*> Next() override {
    const std::int64_t wanted = wanted_[next_++];
    while (shown_ < wanted && reader_) {
      ROLLCALL_TRY_ASSIGN(std::unique_ptr<media::Frame> frame, reader_->Next());
      if (!frame) {
        reader_.reset();  // A frame that does not decode leaves the one before it on screen.
        break;
      }
      shown_ = frame->frame_id();
      ROLLCALL_TRY_ASSIGN(pixels_, Rendered(*frame, region_, scale_));
    }
    if (pixels_.pixels.empty()) {
      return domain::MakeError(domain::reason::kVideoUnreadable,
                               path_.string() + " gives no picture");
    }
    return &pixels_;
  }

 private:
  std::filesystem::path path_;
  MediaTime start_;
  Region region_;
  double scale_ = 1;
  std::vector<std::int64_t> wanted_;  // frame_id at each time.
  std::size_t next_ = 0;
  std::unique_ptr<media::FrameReader> reader_;
  std::int64_t shown_ = -1;
  SourcePixels pixels_;
};

}  // namespace

base::Result<std::unique_ptr<PictureSource>> PictureSource::Open(const PictureSpec& picture) {
  if (!picture.is_clip) {
    ROLLCALL_TRY_ASSIGN(std::unique_ptr<media::Frame> frame, media::OpenPhotograph(picture.source));
    return std::unique_ptr<PictureSource>(std::make_unique<Photograph>(std::move(frame)));
  }
  ROLLCALL_TRY_ASSIGN(const media::VideoProbe probe, media::Probe(picture.source));
  return std::unique_ptr<PictureSource>(std::make_unique<Clip>(
      PixelSize{.width = probe.width, .height = probe.height}, picture.source, picture.clip_start));
}

}  // namespace rollcall::compose
