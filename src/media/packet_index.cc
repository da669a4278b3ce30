#include "media/packet_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "domain/reasons.h"
#include "media/container.h"
#include "media/timeline.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;
using domain::MakeError;
using domain::MediaTime;

constexpr MediaTime kLengthSlack{2'000'000};

std::int64_t FrameMicros(const AVStream& stream) {
  for (const AVRational rate : {stream.avg_frame_rate, stream.r_frame_rate}) {
    if (rate.num <= 0 || rate.den <= 0) continue;
    const std::int64_t micros = av_rescale(1'000'000, rate.den, rate.num);
    if (micros > 0 && micros <= 10'000'000) return micros;
  }
  return 40'000;
}

// "00:00:17.163000000", as Matroska's tags have it.
std::optional<MediaTime> ParseTagTime(const char* text) {
  int hours = 0;
  int minutes = 0;
  double seconds = 0.0;
  if (std::sscanf(text, "%6d:%2d:%lf", &hours, &minutes, &seconds) != 3) return std::nullopt;
  if (hours < 0 || minutes < 0 || !(seconds >= 0.0 && seconds < 60.0)) return std::nullopt;
  return std::chrono::hours{hours} + std::chrono::minutes{minutes} +
         MediaTime(static_cast<std::int64_t>(seconds * 1e6));
}

// What the container says its video lasts; 0 where it does not say or guesses from the bit rate.
// `origin`: when the video begins, on the container's clock.
MediaTime DeclaredDuration(const Container& container, MediaTime origin) {
  const AVStream& stream = container.stream();
  const AVFormatContext& format = container.format();
  const bool is_told = format.duration_estimation_method == AVFMT_DURATION_FROM_STREAM;
  if ((container.is_timed() || is_told) && stream.duration > 0) {
    return container.ToTime(stream.duration).value_or(MediaTime{0});
  }
  if (!is_told || format.duration <= 0) return MediaTime{0};
  // Matroska: when the last of all streams ends, and in a tag when this one does.
  MediaTime end{format.duration};
  if (const AVDictionaryEntry* tag = av_dict_get(stream.metadata, "DURATION", nullptr, 0)) {
    end = std::min(end, ParseTagTime(tag->value).value_or(end));
  }
  return end - std::max(origin, MediaTime{0});
}

// Matroska without tags says when the last of its streams ends, and not which.
bool IsLengthOfAllStreams(const Container& container) {
  return container.format().nb_streams > 1 && container.stream().duration <= 0 &&
         av_dict_get(container.stream().metadata, "DURATION", nullptr, 0) == nullptr;
}

// Collects what the packets say; then makes the index of it.
class Collector {
 public:
  explicit Collector(Container& container)
      : container_(container), frame_micros_(FrameMicros(container.stream())) {}

  void Add(const Container::VideoPacket& video) {
    const AVPacket& packet = *video.packet;
    const std::uint32_t decode_order = next_++;
    if (video.picture.resets_order) ++epoch_;
    if ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0) ++corrupt_;
    if (!video.picture.is_shown || video.picture.is_second_field ||
        (packet.flags & AV_PKT_FLAG_DISCARD) != 0) {
      return;
    }
    StoredPicture picture{.decode_order = decode_order,
                          .order = video.picture.order,
                          .epoch = epoch_,
                          .has_order = video.picture.has_order,
                          .is_immediate = video.picture.is_immediate,
                          .is_keyframe = (packet.flags & AV_PKT_FLAG_KEY) != 0,
                          .is_gradual = video.picture.is_gradual,
                          .is_disposable = video.picture.is_disposable};
    // A timed container's reader knows only the packet, so nothing may be derived there.
    const auto pts =
        container_.is_timed() ? container_.TimeOf(packet) : container_.ToTime(packet.pts);
    if (pts) picture.pts = pts->count();
    if (const auto dts = container_.DecodeTimeOf(packet)) picture.dts = dts->count();
    if (packet.duration > 0) {
      const auto duration = container_.ToTime(packet.duration);
      if (duration && picture.pts != StoredPicture::kNoTime && picture.pts >= last_pts_) {
        last_duration_ = duration->count();
      }
    }
    if (picture.pts != StoredPicture::kNoTime) last_pts_ = std::max(last_pts_, picture.pts);
    pictures_.push_back(picture);
  }

  bool is_empty() const { return pictures_.empty(); }

  PacketIndex Finish(MediaTime origin) {
    PacketIndex index;
    if (!container_.is_timed()) {
      if (container_.may_jump()) RemoveJumps(pictures_, frame_micros_, index.warnings);
      FillTimes(pictures_, frame_micros_);
      origin = MediaTime(EarliestOfFirst());
    }
    index.zero = container_.ZeroBefore(origin);
    index.packets = PresentationOrder(std::move(pictures_), origin.count(), index.warnings);
    for (PacketEntry& packet : index.packets) packet.pts += origin - index.zero;
    if (!index.packets.empty()) index.end = index.packets.back().pts + LastFrame(index);
    WarnOfDamage(index, origin);
    return index;
  }

 private:
  // The same rule as Container::Origin, on filled-in times.
  std::int64_t EarliestOfFirst() const {
    constexpr std::size_t kFirst = 32;
    std::int64_t earliest = StoredPicture::kNoTime;
    for (std::size_t i = 0; i < std::min(kFirst, pictures_.size()); ++i) {
      const std::int64_t pts = pictures_[i].pts;
      if (earliest == StoredPicture::kNoTime || pts < earliest) earliest = pts;
    }
    return earliest;
  }

  // The container's word for the last frame, else as long as the one before it lasted.
  MediaTime LastFrame(const PacketIndex& index) const {
    if (last_duration_ > 0) return MediaTime(last_duration_);
    const std::size_t n = index.packets.size();
    if (n >= 2) return index.packets[n - 1].pts - index.packets[n - 2].pts;
    return MediaTime(frame_micros_);
  }

  void WarnOfDamage(PacketIndex& index, MediaTime origin) const {
    if (container_.damaged_reads() > 0 || corrupt_ > 0) {
      const std::int64_t passages = container_.damaged_reads() + corrupt_;
      index.warnings.push_back(passages == 1
                                   ? std::string("one passage of the file is damaged")
                                   : fmt::format("{} passages of the file are damaged", passages));
    }
    const MediaTime declared = DeclaredDuration(container_, origin);
    // The length may be that of the sound, which is all there.
    const MediaTime missing = origin + declared - container_.others_end();
    if (missing <= kLengthSlack) return;
    const MediaTime slack = std::max(kLengthSlack, declared / 50);
    if (declared > index.length() + slack) {
      index.warnings.push_back(
          fmt::format("the file ends in the middle: {:.1f} s of {:.1f} s are there",
                      static_cast<double>(index.length().count()) / 1e6,
                      static_cast<double>(declared.count()) / 1e6));
    }
  }

  Container& container_;
  std::int64_t frame_micros_;
  std::vector<StoredPicture> pictures_;
  std::uint32_t next_ = 0;
  std::uint32_t epoch_ = 0;
  std::int64_t corrupt_ = 0;
  std::int64_t last_pts_ = StoredPicture::kNoTime;
  std::int64_t last_duration_ = 0;
};

}  // namespace

base::Result<PacketIndex> IndexPackets(const std::filesystem::path& path, base::OnBytes on_bytes) {
  ROLLCALL_TRY_ASSIGN(auto container, Container::Open(path, std::move(on_bytes)));
  ROLLCALL_TRY_ASSIGN(const MediaTime origin, container->Origin());
  if (IsLengthOfAllStreams(*container)) container->ListenToOthers();
  Collector collector(*container);
  while (true) {
    ROLLCALL_TRY_ASSIGN(auto packet, container->Read());
    if (!packet) break;
    collector.Add(*packet);
  }
  if (collector.is_empty()) {
    return MakeError(reason::kVideoNoPicture,
                     path.string() + " has a video stream without a single picture");
  }
  PacketIndex index = collector.Finish(origin);
  if (index.packets.empty()) {
    return MakeError(reason::kVideoUnreadable,
                     path.string() + " has no picture with a time that can be used");
  }
  return index;
}

}  // namespace rollcall::media
