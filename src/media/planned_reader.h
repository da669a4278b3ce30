#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_set>
#include <vector>

#include "media/decode_plan.h"
#include "media/decoder.h"
#include "media/frame_reader.h"
#include "media/packet_source.h"

namespace rollcall::media {

// The FrameReader over a packet source and a decoder. It works in runs: goes to the run's lead,
// sends what the run needs, drains the decoder when the run's last packet is in. Packets travel
// through the decoder under their frame_id.
//
// Decoders make of damaged packets what their threads' timing and earlier pictures happen to give.
// So long runs on several threads last only while nothing goes wrong; then the frames not yet
// given out are decoded again in short runs, one keyframe's frames each, every one from its own
// lead on one thread. What they show then depends on the packets alone, wherever the reader began.
class PlannedReader final : public FrameReader {
 public:
  static base::Result<std::unique_ptr<FrameReader>> Open(const std::filesystem::path& path,
                                                         const PacketIndex& index,
                                                         std::vector<std::int64_t> plan,
                                                         Options options);

  base::Result<std::unique_ptr<Frame>> Next() override;
  std::int64_t failed_reads() const override { return failed_packets_ + missed_; }

 private:
  PlannedReader(std::unique_ptr<PacketSource> source, std::vector<std::int64_t> plan,
                Options options);

  struct Waiting {
    FramePtr frame;
    Orientation orientation;
  };

  base::Result<void> StartRun();
  base::Result<void> EndRun();
  base::Result<void> UseDecoder(bool is_careful);
  // Reads one packet and sends it, or drains the decoder.
  base::Result<void> Feed();
  void Route(PacketSource::Packet& packet);
  base::Result<void> SkipToKeyframe();
  void Drain();
  bool IsPastRun(std::int64_t frame_id) const;
  bool IsPlanned(std::int64_t frame_id) const;
  bool IsRunComplete() const { return sent_ >= run_.end - run_.begin; }
  // Whether something went wrong since the run's first own keyframe was sent.
  bool IsDamaged() const { return is_watching_ && decoder_->damage() > damage_before_; }
  void ForgetPackets();
  bool IsTooLate(std::int64_t frame_id) const;
  bool IsMadeUp(const AVFrame& frame) const;
  void Keep(FramePtr frame);
  // The next planned frame if it is there, or can no longer come.
  std::unique_ptr<Frame> Deliver();

  std::unique_ptr<PacketSource> source_;
  const std::vector<std::int64_t> plan_;
  const Options options_;
  DecodeMode mode_ = DecodeMode::kAll;
  std::int64_t first_keyframe_ = 0;  // Of the file; 0 also where there is none.

  std::unique_ptr<Decoder> decoder_;
  bool is_careful_ = false;  // decoder_ is repeatable, runs are short.
  bool has_run_ = false;
  DecodeRun run_;
  std::int64_t own_keyframe_ = 0;  // Of the run's first frame.
  std::int64_t damage_before_ = 0;
  std::int64_t errors_before_ = 0;
  bool is_decoding_ = false;    // The lead has gone by.
  bool is_watching_ = false;    // The run's first own keyframe too.
  bool is_draining_ = false;    // The decoder has all packets of the run;
  bool is_drained_ = false;     // and has given all pictures.
  bool was_sent_ = false;       // The last packet, to which a second field belongs.
  std::size_t skipped_to_ = 0;  // In plan_.
  std::size_t sent_ = 0;        // Planned frames of this run.
  std::unordered_set<std::int64_t> in_decoder_;  // Those of them that are still to come.

  std::size_t next_ = 0;  // In plan_: the first that is still to come.
  // Decoded, by frame_id, waiting for an earlier one. Only damage makes any wait.
  std::map<std::int64_t, Waiting> waiting_;
  Orientation orientation_;        // Since the last keyframe that was given out.
  std::set<std::int64_t> latest_;  // The highest frame_ids that this run has kept, a few.
  std::int64_t failed_packets_ = 0;
  std::int64_t missed_ = 0;
};

}  // namespace rollcall::media
