#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "media/container.h"
#include "media/packet_index.h"

namespace rollcall::media {

// A video's packets in decode order, each with its frame_id in the index. Remembers the last ones,
// so that going back a little costs no reading.
//
// Not thread-safe.
class PacketSource {
 public:
  // Errors as Probe. `on_bytes`: as of Container.
  static base::Result<std::unique_ptr<PacketSource>> Open(const std::filesystem::path& path,
                                                          std::vector<PacketEntry> packets,
                                                          base::OnBytes on_bytes);

  struct Packet {
    Container::VideoPacket video;
    std::optional<std::int64_t> frame_id;  // None for hidden, surplus and second-field packets.
  };
  // The next packet, valid until the next call of anything here; null at the end.
  base::Result<Packet*> Next();
  // Gives the last packet again.
  void Unread() { --cursor_; }

  // Next gives the packet of frame `lead` after at most some others; -1 is the file's beginning.
  base::Result<void> GoTo(std::int64_t lead);
  // Packets before that of frame `lead` will not be gone back to.
  void Forget(std::int64_t lead);

  const Container& container() const { return *container_; }
  const std::vector<PacketEntry>& packets() const { return packets_; }

 private:
  PacketSource(std::unique_ptr<Container> container, std::vector<PacketEntry> packets,
               base::OnBytes on_bytes)
      : on_bytes_(std::move(on_bytes)),
        container_(std::move(container)),
        packets_(std::move(packets)) {}

  base::Result<void> FindZero();
  base::Result<void> FindOrder();
  base::Result<void> Reopen();
  base::Result<bool> Land(std::int64_t lead);
  void Remember(Container::VideoPacket video);
  void DropFirst();
  std::optional<std::int64_t> FrameIdOf(const Container::VideoPacket& video) const;
  std::optional<std::size_t> Remembered(std::int64_t lead) const;

  const base::OnBytes on_bytes_;
  std::unique_ptr<Container> container_;
  const std::vector<PacketEntry> packets_;
  domain::MediaTime zero_{};                  // Of the index, in container time; timed ones only.
  std::vector<std::int32_t> frame_of_order_;  // Others: decode_order → frame_id, -1 for none.

  std::deque<Packet> memory_;
  std::size_t cursor_ = 0;  // In memory_: the next to give.
  std::int64_t memory_bytes_ = 0;
  bool has_beginning_ = true;       // memory_ starts with the file's first packet.
  std::uint32_t packets_read_ = 0;  // Since the beginning of the file.
  std::int64_t position_ = -1;      // The highest frame_id read since the last jump.
  bool is_at_end_ = false;
};

}  // namespace rollcall::media
