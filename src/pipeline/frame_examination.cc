#include "pipeline/frame_examination.h"

#include <algorithm>
#include <utility>

#include "domain/reasons.h"
#include "vision/face_analyzer.h"

namespace rollcall::pipeline {
namespace {

base::Result<domain::FaceCrop> CropFace(const domain::Picture& picture,
                                        const domain::Detection& detection) {
  domain::FaceCrop crop = CropOf(detection);
  ROLLCALL_TRY_ASSIGN(const domain::Image pixels, RenderCrop(picture, crop));
  return EncodeCrop(std::move(crop), pixels);
}

// A still that is not encoded costs little.
base::Result<SpareFace> Keep(const domain::Picture& picture, const domain::Detection& detection,
                             bool has_crop) {
  SpareFace spare{.crop = CropOf(detection), .cropped = {}, .aligned = {}};
  ROLLCALL_TRY_ASSIGN(spare.aligned, vision::AlignFace(picture, *detection.landmarks));
  if (!has_crop) {
    ROLLCALL_TRY_ASSIGN(spare.cropped, RenderCrop(picture, spare.crop));
  }
  return spare;
}

}  // namespace

FrameExamination::FrameExamination(std::unique_ptr<media::FrameReader> reader,
                                   std::vector<std::unique_ptr<FaceExaminer>> examiners,
                                   Options options)
    : options_(options),
      reader_(std::move(reader)),
      examiners_(std::move(examiners)),
      policy_(options.effort, options.policy) {
  threads_.emplace_back([this] { Read(); });
  for (const auto& examiner : examiners_) {
    threads_.emplace_back([this, raw = examiner.get()] { Examine(*raw); });
  }
}

FrameExamination::~FrameExamination() { StopThreads(); }

std::vector<std::unique_ptr<FaceExaminer>> FrameExamination::Release() {
  StopThreads();
  return std::move(examiners_);
}

std::vector<std::unique_ptr<FaceExaminer>> FrameExamination::Lend() {
  base::MutexLock lock(mutex_);
  is_lent_ = true;
  while (busy_ > 0) changed_.Wait(mutex_);
  return std::move(examiners_);
}

void FrameExamination::TakeBack(std::vector<std::unique_ptr<FaceExaminer>> examiners) {
  examiners_ = std::move(examiners);
  base::MutexLock lock(mutex_);
  is_lent_ = false;
  changed_.NotifyAll();
}

void FrameExamination::StopThreads() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

base::Result<std::optional<ExaminedFrame>> FrameExamination::Next() {
  base::MutexLock lock(mutex_);
  while (true) {
    if (error_) return *error_;
    if (auto done = finished_.find(next_to_return_); done != finished_.end()) {
      std::optional<ExaminedFrame> frame = std::move(done->second);
      finished_.erase(done);
      ++next_to_return_;
      changed_.NotifyAll();
      return frame;
    }
    if (is_read_out_ && next_to_return_ == read_) return std::optional<ExaminedFrame>{};
    changed_.Wait(mutex_);
  }
}

bool FrameExamination::HasNext() const {
  return error_ || finished_.contains(next_to_return_) ||
         (is_read_out_ && next_to_return_ == read_);
}

bool FrameExamination::WaitForNext(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  base::MutexLock lock(mutex_);
  while (!HasNext()) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    changed_.WaitFor(mutex_, left);
  }
  return true;
}

void FrameExamination::Fail(base::Error error) {
  {
    base::MutexLock lock(mutex_);
    if (!error_) error_ = std::move(error);
    is_stopping_ = true;
  }
  changed_.NotifyAll();
}

void FrameExamination::Read() {
  if (auto result = ReadAll(); !result.ok()) Fail(std::move(result).error());
}

base::Result<void> FrameExamination::ReadAll() {
  std::optional<std::int64_t> segment;
  bool is_after_gap = options_.begins_after_gap;
  while (true) {
    ROLLCALL_TRY_ASSIGN(std::unique_ptr<media::Frame> frame, reader_->Next());
    if (frame == nullptr) break;
    const bool is_context = frame->frame_id() < options_.first_frame_id;
    const std::int64_t now = frame->pts() / options_.segment;
    const bool begins_segment = !is_context && segment != now;
    if (begins_segment) {
      segment = now;
      shots_.ForgetMotion();
    }
    ROLLCALL_TRY_ASSIGN(ShotDetector::Verdict verdict, shots_.Next(*frame));
    if (std::exchange(is_after_gap, false)) verdict.is_cut = true;
    if (is_context) continue;
    auto work = std::make_unique<Work>();
    work->begins_segment = begins_segment;
    work->search = ChooseSearch(frame->pts(), verdict.is_cut, begins_segment);
    work->result = {.frame_id = frame->frame_id(),
                    .pts = frame->pts(),
                    .is_damaged = frame->is_damaged(),
                    .with_tiles = work->search == vision::Search::kWholeAndTiles,
                    .shot = verdict,
                    .detections = {},
                    .crops = {},
                    .spares = {}};
    work->frame = std::move(frame);
    base::MutexLock lock(mutex_);
    while (!is_stopping_ && read_ - next_to_return_ >= options_.frames_in_flight) {
      changed_.Wait(mutex_);
    }
    if (is_stopping_) return {};
    work->number = read_++;
    to_find_.push_back(std::move(work));
    changed_.NotifyAll();
  }
  base::MutexLock lock(mutex_);
  is_read_out_ = true;
  changed_.NotifyAll();
  return {};
}

vision::Search FrameExamination::ChooseSearch(domain::MediaTime pts, bool is_cut,
                                              bool begins_segment) {
  if (!options_.with_tiles || options_.effort == Effort::kDraft) return vision::Search::kWhole;
  const bool is_due = !last_tiles_ || pts - *last_tiles_ >= options_.tiles_every;
  if (!is_cut && !begins_segment && !is_due) return vision::Search::kWhole;
  last_tiles_ = pts;
  return vision::Search::kWholeAndTiles;
}

void FrameExamination::Examine(FaceExaminer& examiner) {
  while (true) {
    std::unique_ptr<Work> work;
    bool is_found = false;
    {
      base::MutexLock lock(mutex_);
      while (!is_stopping_ && (is_lent_ || (to_embed_.empty() && to_find_.empty()))) {
        changed_.Wait(mutex_);
      }
      if (is_stopping_) return;
      ++busy_;
      // What is further along goes first, so that frames leave memory soon.
      is_found = !to_embed_.empty();
      auto& queue = is_found ? to_embed_ : to_find_;
      work = std::move(queue.front());
      queue.pop_front();
    }
    auto result =
        is_found ? EmbedAndCrop(examiner, std::move(*work)) : Find(examiner, std::move(*work));
    {
      base::MutexLock lock(mutex_);
      --busy_;
      if (is_lent_) changed_.NotifyAll();
    }
    if (!result.ok()) return Fail(std::move(result).error());
  }
}

base::Result<void> FrameExamination::Find(FaceExaminer& examiner, Work work) {
  ROLLCALL_TRY_ASSIGN(work.result.detections, examiner.Find(*work.frame, work.search));
  for (domain::Detection& detection : work.result.detections) {
    detection.frame_id = work.result.frame_id;
    detection.pts = work.result.pts;
  }
  const std::int64_t number = work.number;
  auto found = std::make_unique<Work>(std::move(work));
  base::MutexLock lock(mutex_);
  found_.emplace(number, std::move(found));
  for (auto next = found_.find(next_to_choose_); next != found_.end();
       next = found_.find(++next_to_choose_)) {
    Work& chosen = *next->second;
    if (chosen.begins_segment) policy_.Reset();
    chosen.choices =
        policy_.Next(chosen.result.pts, chosen.result.shot.is_cut, chosen.result.detections);
    to_embed_.push_back(std::move(next->second));
    found_.erase(next);
  }
  changed_.NotifyAll();
  return {};
}

base::Result<void> FrameExamination::EmbedAndCrop(FaceExaminer& examiner, Work work) {
  ExaminedFrame& result = work.result;
  for (std::size_t i = 0; i < work.choices.size(); ++i) {
    const EmbeddingPolicy::Choice choice = work.choices[i];
    domain::Detection& detection = result.detections[i];
    if (choice.embed) ROLLCALL_TRY(examiner.Embed(*work.frame, detection));
    if (choice.crop) {
      ROLLCALL_TRY_ASSIGN(domain::FaceCrop crop, CropFace(*work.frame, detection));
      result.crops.push_back(std::move(crop));
    }
    if (choice.spare && examiner.CanAlign(detection)) {
      ROLLCALL_TRY_ASSIGN(SpareFace spare, Keep(*work.frame, detection, choice.crop));
      result.spares.push_back(std::move(spare));
    }
  }
  work.frame.reset();
  base::MutexLock lock(mutex_);
  finished_.emplace(work.number, std::move(work.result));
  changed_.NotifyAll();
  return {};
}

}  // namespace rollcall::pipeline
