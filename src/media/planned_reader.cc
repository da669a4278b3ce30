#include "media/planned_reader.h"

#include <algorithm>

#include "domain/reasons.h"
#include "media/decoded_frame.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;

// A run whose packets are not all found ends so many frames after its last.
constexpr std::int64_t kFramesPastRun = 64;
constexpr std::size_t kLaterFramesMax = 9;

base::Result<void> CheckPlan(const PacketIndex& index, const std::vector<std::int64_t>& plan,
                             const FrameReader::Options& options) {
  const auto size = static_cast<std::int64_t>(index.packets.size());
  const bool is_cut_off = options.first_frame > 0 && !plan.empty();
  if (is_cut_off && KeyframeOf(index.packets, plan.front()) < options.first_frame) {
    return domain::MakeError(reason::kBadParams,
                             "the plan's first frame cannot be decoded from the first frame on");
  }
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const bool is_in_order = i == 0 || plan[i - 1] < plan[i];
    const bool is_known = plan[i] >= 0 && plan[i] < size;
    if (!is_in_order || !is_known) {
      return domain::MakeError(reason::kBadParams,
                               "the sampling plan does not fit the packet index",
                               "run the extract stage again");
    }
    if (options.keyframes_only && !index.packets[static_cast<std::size_t>(plan[i])].is_keyframe) {
      return domain::MakeError(reason::kBadParams,
                               "the plan of a keyframes-only reader holds another frame");
    }
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<FrameReader>> PlannedReader::Open(const std::filesystem::path& path,
                                                               const PacketIndex& index,
                                                               std::vector<std::int64_t> plan,
                                                               Options options) {
  ROLLCALL_TRY(CheckPlan(index, plan, options));
  ROLLCALL_TRY_ASSIGN(auto source, PacketSource::Open(path, index.packets, options.on_bytes));
  std::unique_ptr<PlannedReader> reader(
      new PlannedReader(std::move(source), std::move(plan), std::move(options)));
  ROLLCALL_TRY(reader->UseDecoder(/*is_careful=*/false));
  return std::unique_ptr<FrameReader>(std::move(reader));
}

PlannedReader::PlannedReader(std::unique_ptr<PacketSource> source, std::vector<std::int64_t> plan,
                             Options options)
    : source_(std::move(source)), plan_(std::move(plan)), options_(std::move(options)) {
  const auto& packets = source_->packets();
  const auto keyframe = std::ranges::find_if(packets, &PacketEntry::is_keyframe);
  if (keyframe != packets.end()) first_keyframe_ = keyframe - packets.begin();
  if (options_.keyframes_only) {
    const bool is_h264 = source_->container().parameters().codec_id == AV_CODEC_ID_H264;
    mode_ = is_h264 ? DecodeMode::kSeparateKeyframes : DecodeMode::kKeyframes;
  }
}

base::Result<std::unique_ptr<Frame>> PlannedReader::Next() {
  while (next_ < plan_.size()) {
    if (!has_run_) ROLLCALL_TRY(StartRun());
    if (auto frame = Deliver()) return frame;
    if (next_ == run_.end || is_drained_) {
      ROLLCALL_TRY(EndRun());
      continue;
    }
    FramePtr decoded = decoder_->Receive();
    if (!is_careful_ && IsDamaged()) {
      // The picture just received may be touched: again from the first not given out, with care.
      ROLLCALL_TRY(UseDecoder(/*is_careful=*/true));
    } else if (decoded != nullptr) {
      Keep(std::move(decoded));
    } else if (is_draining_) {
      is_drained_ = true;
    } else {
      ROLLCALL_TRY(Feed());
    }
  }
  return std::unique_ptr<Frame>();
}

base::Result<void> PlannedReader::UseDecoder(bool is_careful) {
  ROLLCALL_TRY_ASSIGN(decoder_,
                      Decoder::Create(source_->container(),
                                      {.threads = options_.threads, .is_repeatable = is_careful}));
  is_careful_ = is_careful;
  has_run_ = false;
  return {};
}

base::Result<void> PlannedReader::StartRun() {
  const auto make_run = is_careful_ ? ShortRun : LongRun;
  run_ = make_run(source_->packets(), plan_, next_, mode_);
  if (options_.is_short && !is_careful_ && mode_ == DecodeMode::kAll) {
    run_.lead = NearLeadOf(source_->packets(), plan_[next_]);
  }
  if (options_.first_frame > 0) run_.lead = std::max(run_.lead, options_.first_frame);
  own_keyframe_ = KeyframeOf(source_->packets(), plan_[next_]);
  has_run_ = true;
  is_decoding_ = run_.lead < 0;
  is_watching_ = run_.lead < 0;
  is_draining_ = false;
  is_drained_ = false;
  was_sent_ = false;
  sent_ = 0;
  in_decoder_.clear();
  waiting_.clear();
  orientation_ = source_->container().geometry().orientation;
  latest_.clear();
  decoder_->Reset();
  damage_before_ = decoder_->damage();
  errors_before_ = decoder_->errors();
  return source_->GoTo(run_.lead);
}

base::Result<void> PlannedReader::EndRun() {
  missed_ += static_cast<std::int64_t>(run_.end - next_);
  next_ = run_.end;
  has_run_ = false;
  failed_packets_ += decoder_->errors() - errors_before_;
  // A new decoder each time while there is damage: parameter sets outlive a reset.
  if (is_careful_) ROLLCALL_TRY(UseDecoder(/*is_careful=*/IsDamaged()));
  return {};
}

base::Result<void> PlannedReader::Feed() {
  ROLLCALL_TRY(SkipToKeyframe());
  ROLLCALL_TRY_ASSIGN(PacketSource::Packet* const packet, source_->Next());
  if (packet == nullptr) {
    Drain();
    return {};
  }
  // After the run's last packet may come the other field of its picture.
  const bool is_past = is_decoding_ && packet->frame_id && IsPastRun(*packet->frame_id);
  if (is_past || (IsRunComplete() && !packet->video.picture.is_second_field)) {
    source_->Unread();
    Drain();
    return {};
  }
  Route(*packet);
  // Not only what is read: what is remembered takes its time too when it is decoded again.
  if (options_.on_bytes) ROLLCALL_TRY(options_.on_bytes(packet->video.packet->size));
  return {};
}

void PlannedReader::Route(PacketSource::Packet& packet) {
  const std::optional<std::int64_t> frame_id = packet.frame_id;
  if (!is_decoding_) is_decoding_ = frame_id == run_.lead;
  if (!is_decoding_ || packet.video.packet->size <= 0) return;
  // Pictures that are shown before the first keyframe and refer to what is left out.
  if (frame_id && *frame_id < options_.first_frame) {
    was_sent_ = false;
    return;
  }
  if (!is_watching_ && frame_id && *frame_id >= own_keyframe_) {
    // What went wrong before, in pictures that precede the lead, touches nothing given out.
    is_watching_ = true;
    damage_before_ = decoder_->damage();
    errors_before_ = decoder_->errors();
  }
  const bool is_planned = frame_id && IsPlanned(*frame_id) && !in_decoder_.contains(*frame_id);
  // With care everything is sent: what conceals damage is whatever came before it.
  const bool is_needed = is_planned || (!options_.keyframes_only &&
                                        (is_careful_ || !packet.video.picture.is_disposable));
  was_sent_ = packet.video.picture.is_second_field ? was_sent_ : is_needed;
  if (!was_sent_) return;
  const std::int64_t number = is_planned ? *frame_id : Decoder::kNoNumber;
  if (is_planned) {
    ++sent_;
    in_decoder_.insert(*frame_id);
  }
  decoder_->Send(*packet.video.packet, number);
}

// Between planned keyframes there may be far to go, and nothing to decode.
base::Result<void> PlannedReader::SkipToKeyframe() {
  const std::size_t following = run_.begin + sent_;
  if (mode_ != DecodeMode::kKeyframes || following == skipped_to_ || following >= run_.end) {
    return {};
  }
  skipped_to_ = following;
  return source_->GoTo(plan_[following]);
}

void PlannedReader::Drain() {
  decoder_->Drain();
  is_draining_ = true;
}

bool PlannedReader::IsPastRun(std::int64_t frame_id) const {
  return frame_id > plan_[run_.end - 1] + kFramesPastRun;
}

bool PlannedReader::IsPlanned(std::int64_t frame_id) const {
  const auto begin = plan_.begin() + static_cast<std::ptrdiff_t>(next_);
  const auto end = plan_.begin() + static_cast<std::ptrdiff_t>(run_.end);
  return std::binary_search(begin, end, frame_id);
}

void PlannedReader::ForgetPackets() {
  if (next_ >= plan_.size()) return;
  const std::int64_t next = plan_[next_];
  const bool is_same_keyframe =
      next_ > 0 && !HasKeyframe(source_->packets(), plan_[next_ - 1] + 1, next);
  if (is_same_keyframe) return;
  source_->Forget(mode_ == DecodeMode::kAll ? LeadOf(source_->packets(), next) : next);
}

// Decoders give pictures in the order of showing, unless a damaged header deceives them. One that
// comes after so many later ones is given up: a rule that does not depend on where the plan began.
bool PlannedReader::IsTooLate(std::int64_t frame_id) const {
  return latest_.size() == kLaterFramesMax && *latest_.begin() > frame_id;
}

// Of a recording that begins in the middle the first pictures refer to what is not there: the
// decoder makes up something grey. Where there is no keyframe at all the picture may build up by
// and by, and what there is is shown.
bool PlannedReader::IsMadeUp(const AVFrame& frame) const {
  if ((frame.flags & AV_FRAME_FLAG_CORRUPT) == 0) return false;
  return frame.pts < first_keyframe_;
}

void PlannedReader::Keep(FramePtr frame) {
  if (frame->key_frame != 0) orientation_ = source_->container().OrientationOf(*frame);
  const std::int64_t frame_id = frame->pts;
  const bool is_wanted = frame_id != Decoder::kNoNumber && frame_id >= plan_[next_] &&
                         frame->width > 0 && frame->height > 0 && !IsTooLate(frame_id) &&
                         !IsMadeUp(*frame);
  if (!is_wanted) return;
  waiting_.try_emplace(frame_id, Waiting{std::move(frame), orientation_});
  latest_.insert(frame_id);
  if (latest_.size() > kLaterFramesMax) latest_.erase(latest_.begin());
}

std::unique_ptr<Frame> PlannedReader::Deliver() {
  while (!waiting_.empty()) {
    const auto first = waiting_.begin();
    const std::int64_t frame_id = first->first;
    while (plan_[next_] < frame_id) {
      if (!is_drained_ && !IsTooLate(plan_[next_])) return nullptr;
      in_decoder_.erase(plan_[next_++]);
      ++missed_;
    }
    const DisplayGeometry geometry =
        source_->container().GeometryOf(*first->second.frame, first->second.orientation);
    FramePtr frame = MakeRenderable(std::move(first->second.frame));
    waiting_.erase(first);
    in_decoder_.erase(plan_[next_++]);
    ForgetPackets();
    if (frame != nullptr) {
      const DecodedFrame::Place place{
          .frame_id = frame_id, .pts = source_->packets()[static_cast<std::size_t>(frame_id)].pts};
      return std::make_unique<DecodedFrame>(std::move(frame), geometry, place);
    }
    ++missed_;
  }
  return nullptr;
}

base::Result<std::unique_ptr<FrameReader>> FrameReader::Open(const std::filesystem::path& path,
                                                             const PacketIndex& index,
                                                             std::vector<std::int64_t> plan,
                                                             Options options) {
  return PlannedReader::Open(path, index, std::move(plan), std::move(options));
}

}  // namespace rollcall::media
