#include "media/packet_source.h"

#include <algorithm>

namespace rollcall::media {
namespace {

using domain::MediaTime;

// Fewer frames than this are read past rather than sought over.
constexpr std::int64_t kFramesToSeek = 64;
// Two keyframe distances at any usual bit rate.
constexpr std::int64_t kMemoryBytesMax = 64 * 1024 * 1024;
// An index that went through seconds as floats still finds its frames.
constexpr MediaTime kRounding{2};

// Whether decode_order was kept with the index: in an order no two have one number.
bool HasDecodeOrder(const std::vector<PacketEntry>& packets) {
  return packets.size() < 2 || packets[0].decode_order != packets[1].decode_order;
}

}  // namespace

base::Result<std::unique_ptr<PacketSource>> PacketSource::Open(const std::filesystem::path& path,
                                                               std::vector<PacketEntry> packets,
                                                               base::OnBytes on_bytes) {
  ROLLCALL_TRY_ASSIGN(auto container, Container::Open(path, on_bytes));
  std::unique_ptr<PacketSource> source(
      new PacketSource(std::move(container), std::move(packets), std::move(on_bytes)));
  if (source->container_->is_timed()) {
    ROLLCALL_TRY(source->FindZero());
  } else {
    ROLLCALL_TRY(source->FindOrder());
  }
  return source;
}

base::Result<void> PacketSource::FindZero() {
  ROLLCALL_TRY_ASSIGN(const MediaTime origin, container_->Origin());
  zero_ = container_->ZeroBefore(origin);
  return {};
}

base::Result<void> PacketSource::FindOrder() {
  std::vector<PacketEntry> found;
  if (!HasDecodeOrder(packets_)) {
    ROLLCALL_TRY_ASSIGN(PacketIndex index, IndexPackets(container_->path(), on_bytes_));
    found = std::move(index.packets);
  }
  const std::vector<PacketEntry>& ordered = found.empty() ? packets_ : found;
  std::uint32_t most = 0;
  for (const PacketEntry& each : ordered) most = std::max(most, each.decode_order);
  // A number beyond all packets is a damaged index: no file holds so many.
  most = std::min(most, std::uint32_t{1} << 26);
  frame_of_order_.assign(std::size_t{most} + 1, -1);
  for (std::size_t i = 0; i < std::min(ordered.size(), packets_.size()); ++i) {
    if (ordered[i].decode_order > most) continue;
    frame_of_order_[ordered[i].decode_order] = static_cast<std::int32_t>(i);
  }
  return {};
}

base::Result<PacketSource::Packet*> PacketSource::Next() {
  if (cursor_ == memory_.size()) {
    if (is_at_end_) return static_cast<Packet*>(nullptr);
    ROLLCALL_TRY_ASSIGN(auto video, container_->Read());
    if (!video) {
      is_at_end_ = true;
      return static_cast<Packet*>(nullptr);
    }
    Remember(*std::move(video));
  }
  return &memory_[cursor_++];
}

void PacketSource::Remember(Container::VideoPacket video) {
  while (memory_bytes_ > kMemoryBytesMax) DropFirst();
  Packet packet{.video = std::move(video), .frame_id = std::nullopt};
  packet.frame_id = FrameIdOf(packet.video);
  ++packets_read_;
  if (packet.frame_id) position_ = std::max(position_, *packet.frame_id);
  memory_bytes_ += packet.video.packet->size;
  memory_.push_back(std::move(packet));
}

void PacketSource::DropFirst() {
  memory_bytes_ -= memory_.front().video.packet->size;
  memory_.pop_front();
  has_beginning_ = false;
  if (cursor_ > 0) --cursor_;
}

std::optional<std::int64_t> PacketSource::FrameIdOf(const Container::VideoPacket& video) const {
  if (!container_->is_timed()) {
    if (packets_read_ >= frame_of_order_.size()) return std::nullopt;
    const std::int32_t frame_id = frame_of_order_[packets_read_];
    return frame_id < 0 ? std::nullopt : std::optional<std::int64_t>(frame_id);
  }
  const std::optional<MediaTime> time = container_->TimeOf(*video.packet);
  if (!time || !video.picture.is_shown || (video.packet->flags & AV_PKT_FLAG_DISCARD) != 0) {
    return std::nullopt;
  }
  const MediaTime pts = *time - zero_;
  const auto found =
      std::lower_bound(packets_.begin(), packets_.end(), pts - kRounding,
                       [](const PacketEntry& entry, MediaTime value) { return entry.pts < value; });
  if (found == packets_.end() || found->pts > pts + kRounding) return std::nullopt;
  return found - packets_.begin();
}

std::optional<std::size_t> PacketSource::Remembered(std::int64_t lead) const {
  if (lead < 0) return has_beginning_ ? std::optional<std::size_t>(0) : std::nullopt;
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    if (memory_[i].frame_id == lead) return i;
  }
  return std::nullopt;
}

void PacketSource::Forget(std::int64_t lead) {
  const std::optional<std::size_t> first = Remembered(lead);
  if (!first) return;
  for (std::size_t i = 0; i < *first; ++i) DropFirst();
}

base::Result<void> PacketSource::GoTo(std::int64_t lead) {
  if (const auto at = Remembered(lead)) {
    cursor_ = *at;
    return {};
  }
  const bool is_ahead = lead > position_;
  const bool is_seekable = lead >= 0 && container_->is_seekable();
  if (is_ahead && (lead - position_ <= kFramesToSeek || !is_seekable)) return {};
  if (is_seekable) {
    ROLLCALL_TRY_ASSIGN(const bool has_landed, Land(lead));
    if (has_landed) return {};
  }
  return Reopen();
}

// Where a seek landed shows in the first packet.
base::Result<bool> PacketSource::Land(std::int64_t lead) {
  memory_.clear();
  memory_bytes_ = 0;
  cursor_ = 0;
  has_beginning_ = false;
  is_at_end_ = false;
  position_ = -1;
  const MediaTime target = packets_[static_cast<std::size_t>(lead)].pts + zero_;
  if (!container_->Seek(target)) return false;
  ROLLCALL_TRY_ASSIGN(Packet* const first, Next());
  if (first == nullptr) return false;
  const std::optional<MediaTime> landed = container_->TimeOf(*first->video.packet);
  if (!landed || *landed > target) return false;
  Unread();
  return true;
}

base::Result<void> PacketSource::Reopen() {
  ROLLCALL_TRY_ASSIGN(container_, Container::Open(container_->path(), on_bytes_));
  if (container_->is_timed()) {
    ROLLCALL_TRY(FindZero());
  }
  memory_.clear();
  memory_bytes_ = 0;
  cursor_ = 0;
  has_beginning_ = true;
  packets_read_ = 0;
  position_ = -1;
  is_at_end_ = false;
  return {};
}

}  // namespace rollcall::media
