#pragma once

#include <cstdint>
#include <vector>

#include "domain/face.h"
#include "pipeline/detection_table.h"

namespace rollcall::pipeline {

// One detection of a track, with a time of its own.
struct TrackPoint {
  std::int64_t frame_id = 0;
  domain::MediaTime pts{};
  domain::MediaTime until{};  // When the next frame takes the place of this one.
  std::int32_t index = 0;     // The detection's among those of its frame.
  std::int64_t row = 0;       // Of the detection, in the order they were given to the tracker.
  domain::PixelBox box{};
  float score = 0;
  float quality = 0;
  float landmark_score = 0;
  bool has_embedding = false;
};

// The same face over consecutive frames of one shot: what its points add up to. The points
// themselves go to the sink as they come.
struct Track {
  std::int64_t id = 0;        // From 1, in order of the first detection.
  std::int64_t shot = 0;      // From 0.
  domain::MediaTime start{};  // Of its first and last point.
  domain::MediaTime end{};
  domain::MediaTime until{};  // Of its last point: so long it was on screen for certain.
  std::int64_t count = 0;     // Points.
  std::int64_t samples = 0;   // While it lasted, whether they show it or not.
  // Of those without tiles: how many there were, and how many show it.
  std::int64_t plain_samples = 0;
  std::int64_t plain_points = 0;
  float score_sum = 0;
  float landmark_score_sum = 0;
  TrackPoint best{};  // Of those with an embedding, if there is one, the one of best quality.
  domain::Embedding embedding{};  // Quality-weighted mean, L2-normalised; empty without any.
  std::int64_t embedding_count = 0;

  // The embedding is the tracker's matter, as are the samples.
  void Add(const TrackPoint& point);
  domain::MediaTime length() const { return until - start; }
  // So small that samples without tiles mostly miss it.
  bool needs_tiles() const { return 2 * plain_points < plain_samples; }
};

// Where a tracker's results go. An error ends the tracking and is returned.
class TrackSink {
 public:
  virtual ~TrackSink() = default;
  // A track has one more point. A track's points come in the order of time.
  virtual base::Result<void> TakePoint(std::int64_t track_id, const TrackPoint& point) = 0;
  // A track can get no further point.
  virtual base::Result<void> TakeTrack(Track track) = 0;
};

// Links detections to tracks: constant-velocity motion and appearance, minimum-cost assignment, a
// second pass for weak detections (ByteTrack, Zhang et al. 2022), everything cut at shot
// boundaries. A track that is not seen for a while waits and is re-linked by appearance; at the end
// of its wait, of its shot or of the video it is handed out, and nothing is ever lost silently.
//
// Thread-compatible; deterministic. Holds the tracks that may still go on, without their points.
// Borrows the sink.
class Tracker {
 public:
  struct Options {
    float score_start = 0.6F;    // Below this a detection only continues a track.
    float iou_min = 0.2F;        // Of predicted and found box.
    float motion_weight = 0.5F;  // Against appearance, where both are known.
    // Below this it is somebody else, however well the boxes fit, if both pictures are good: of a
    // face that turns away or is blurred the vector says little, and the boxes decide.
    float cosine_min = 0.15F;
    float cosine_min_sure = 0.25F;  // The same of two very good pictures.
    float quality_good = 0.35F;
    float quality_sure = 0.5F;
    // Below this a very good picture is not taken into the mean of good ones: in a cross-fade the
    // mean would go along with the change.
    float cosine_of_mean = 0.5F;
    float iou_of_weak = 0.4F;                 // From which the boxes decide.
    float relink_cosine_min = 0.45F;          // Enough when the boxes do not fit any more.
    domain::MediaTime lost{2'000'000};        // How long an unseen track waits.
    domain::MediaTime motion_valid{600'000};  // How long its motion is believed.
  };

  Tracker(Options options, TrackSink& sink) : options_(options), sink_(sink) {}

  // Frames in order; `detections` are all of this one.
  base::Result<void> Next(const Sample& sample, const std::vector<domain::Detection>& detections);
  base::Result<void> Flush();

 private:
  struct Live {
    Track track;
    domain::PixelBox box{};  // Last seen.
    float velocity_x = 0;    // px per second
    float velocity_y = 0;
    domain::MediaTime seen{};
    domain::MediaTime until{};  // So long what was seen then stayed on screen.
    bool was_in_tiles = false;  // Its last point's sample had tiles.
    // Somebody else has taken its place since: only its own vector brings it back.
    bool is_displaced = false;
    std::int64_t samples_before = 0;  // Its first point.
    std::int64_t plain_before = 0;    // Of those, without tiles.
    std::vector<float> embedding_sum;
    float embedding_weight = 0;
    domain::Embedding mean;  // Of embedding_sum; empty without.
  };

  float Cost(const Live& live, const domain::Detection& detection, const Sample& sample) const;
  base::Result<void> Link(const std::vector<domain::Detection>& detections, const Sample& sample,
                          bool is_strong, std::vector<bool>& is_taken);
  void TakeEmbedding(Live& live, const domain::Detection& detection) const;
  base::Result<void> Extend(Live& live, const domain::Detection& detection, const Sample& sample,
                            std::int64_t row);
  void NoteDisplaced(domain::MediaTime now);
  base::Result<void> Retire(domain::MediaTime now);

  Options options_;
  TrackSink& sink_;
  std::vector<Live> live_;
  std::int64_t next_id_ = 1;
  std::int64_t shot_ = 0;
  std::int64_t next_row_ = 0;
  domain::MediaTime last_tiles_{};  // Of the sample with tiles before this one.
  std::int64_t samples_ = 0;        // So far.
  std::int64_t plain_samples_ = 0;  // Of those, without tiles.
};

}  // namespace rollcall::pipeline
