#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "domain/face.h"
#include "media/frame_reader.h"
#include "pipeline/embedding_policy.h"
#include "pipeline/face_crop.h"
#include "pipeline/face_examiner.h"
#include "pipeline/shot_detector.h"

namespace rollcall::pipeline {

// Everything that was found in one sampled frame.
struct ExaminedFrame {
  std::int64_t frame_id = 0;
  domain::MediaTime pts{};
  bool is_damaged = false;
  bool with_tiles = false;  // Small faces were looked for.
  ShotDetector::Verdict shot;
  std::vector<domain::Detection> detections;
  std::vector<domain::FaceCrop> crops;
  std::vector<SpareFace> spares;
};

// Looks at the frames of a reader with several threads and hands the results back in order. What
// comes out does not depend on the number of threads or on timing: each frame is examined alone,
// and the decisions that need an order (shots, what to embed) are taken in it.
//
// Call Next() from one thread. Destroying it stops and joins its threads.
class FrameExamination {
 public:
  struct Options {
    Effort effort = Effort::kNormal;
    domain::MediaTime segment{10'000'000};     // State is forgotten at multiples of this.
    domain::MediaTime tiles_every{1'000'000};  // Besides shot starts; tiles only if wanted.
    bool with_tiles = true;
    // Frames before this one were examined by an earlier run: they only prime the shot detector.
    std::int64_t first_frame_id = 0;
    bool begins_after_gap = false;  // The first frame begins a shot: what came before is not known.
    int frames_in_flight = 8;
    EmbeddingPolicy::Options policy;
  };

  // Takes the reader and one examiner per thread.
  FrameExamination(std::unique_ptr<media::FrameReader> reader,
                   std::vector<std::unique_ptr<FaceExaminer>> examiners, Options options);
  ~FrameExamination();
  FrameExamination(const FrameExamination&) = delete;
  FrameExamination& operator=(const FrameExamination&) = delete;

  // The next frame in order; nullopt at the end. Blocks. The first error ends everything.
  base::Result<std::optional<ExaminedFrame>> Next();

  // Waits so long at most for Next() to be able to return at once; whether it is.
  bool WaitForNext(std::chrono::milliseconds limit);

  // Gives its examiners to somebody else for a while: ends what they are at, and begins nothing
  // until TakeBack has brought the same ones.
  std::vector<std::unique_ptr<FaceExaminer>> Lend();
  void TakeBack(std::vector<std::unique_ptr<FaceExaminer>> examiners);

  // Ends its threads and gives the examiners back. Nothing but destruction may follow.
  std::vector<std::unique_ptr<FaceExaminer>> Release();

 private:
  void StopThreads();
  bool HasNext() const ROLLCALL_REQUIRES(mutex_);
  struct Work {
    std::int64_t number = 0;
    std::unique_ptr<media::Frame> frame;
    vision::Search search = vision::Search::kWhole;
    bool begins_segment = false;
    ExaminedFrame result;
    std::vector<EmbeddingPolicy::Choice> choices;
  };

  void Read();
  base::Result<void> ReadAll();
  vision::Search ChooseSearch(domain::MediaTime pts, bool is_cut, bool begins_segment);
  void Examine(FaceExaminer& examiner);
  base::Result<void> Find(FaceExaminer& examiner, Work work);
  base::Result<void> EmbedAndCrop(FaceExaminer& examiner, Work work);
  void Fail(base::Error error);

  const Options options_;
  std::unique_ptr<media::FrameReader> reader_;  // Used by the reading thread alone.
  std::vector<std::unique_ptr<FaceExaminer>> examiners_;
  ShotDetector shots_;  // Likewise.
  std::optional<domain::MediaTime> last_tiles_;

  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::unique_ptr<Work>> to_find_ ROLLCALL_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<Work>> to_embed_ ROLLCALL_GUARDED_BY(mutex_);
  std::map<std::int64_t, std::unique_ptr<Work>> found_ ROLLCALL_GUARDED_BY(mutex_);
  std::map<std::int64_t, ExaminedFrame> finished_ ROLLCALL_GUARDED_BY(mutex_);
  EmbeddingPolicy policy_ ROLLCALL_GUARDED_BY(mutex_);
  std::int64_t next_to_choose_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  std::int64_t next_to_return_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  std::int64_t read_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  bool is_read_out_ ROLLCALL_GUARDED_BY(mutex_) = false;
  bool is_stopping_ ROLLCALL_GUARDED_BY(mutex_) = false;
  bool is_lent_ ROLLCALL_GUARDED_BY(mutex_) = false;
  int busy_ ROLLCALL_GUARDED_BY(mutex_) = 0;  // Examiners.
  std::optional<base::Error> error_ ROLLCALL_GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;  // Last: joined before the rest goes.
};

}  // namespace rollcall::pipeline
