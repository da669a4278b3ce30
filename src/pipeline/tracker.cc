#include "pipeline/tracker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pipeline/assignment_problem.h"

namespace rollcall::pipeline {
namespace {

using domain::Detection;
using domain::Embedding;
using domain::MediaTime;
using domain::PixelBox;

double Seconds(MediaTime time) { return static_cast<double>(time.count()) / 1e6; }

PixelBox Moved(const PixelBox& box, float dx, float dy) {
  return {box.x1 + dx, box.y1 + dy, box.x2 + dx, box.y2 + dy};
}

// Whether one box could have become the other although they do not overlap enough: near in units of
// their size, and of like size.
bool IsNear(const PixelBox& a, const PixelBox& b, float sizes) {
  const float size = std::max(1.0F, (a.width() + a.height() + b.width() + b.height()) / 4);
  const float ratio = a.height() / std::max(1.0F, b.height());
  const auto [ax, ay] = a.centre();
  const auto [bx, by] = b.centre();
  return std::hypot(ax - bx, ay - by) <= sizes * size && ratio > 0.5F && ratio < 2.0F;
}

Embedding Normalised(const std::vector<float>& sum) {
  double square = 0;
  for (const float x : sum) square += static_cast<double>(x) * x;
  const auto norm = static_cast<float>(std::sqrt(square));
  Embedding mean(sum);
  for (float& x : mean) x /= std::max(norm, 1e-12F);
  return mean;
}

}  // namespace

void Track::Add(const TrackPoint& point) {
  if (count == 0) start = point.pts;
  end = point.pts;
  until = point.until;
  score_sum += point.score;
  landmark_score_sum += point.landmark_score;
  // An embedded face was cropped for certain, so that its still can be taken from the pack.
  const bool is_better =
      count == 0 || (point.has_embedding && !best.has_embedding) ||
      (point.has_embedding == best.has_embedding && point.quality > best.quality);
  if (is_better) best = point;
  ++count;
}

float Tracker::Cost(const Live& live, const Detection& detection, const Sample& sample) const {
  const MediaTime now = sample.pts;
  // A picture that stays shows no motion, however long.
  // A small face is looked for once a second only.
  const bool is_next_look = sample.with_tiles && live.was_in_tiles && live.seen >= last_tiles_ &&
                            domain::Iou(live.box, detection.box) >= options_.iou_of_weak;
  const bool is_motion_valid = now - live.until <= options_.motion_valid || is_next_look;
  const auto seconds =
      static_cast<float>(Seconds(std::min(now - live.seen, options_.motion_valid)));
  const PixelBox predicted =
      is_motion_valid ? Moved(live.box, live.velocity_x * seconds, live.velocity_y * seconds)
                      : live.box;
  const float iou =
      std::max(domain::Iou(predicted, detection.box), domain::Iou(live.box, detection.box));
  const bool has_appearance = !live.mean.empty() && !detection.embedding.empty();
  const float cosine = has_appearance ? domain::Cosine(live.mean, detection.embedding) : 0;
  const float quality = std::min(live.track.best.quality, detection.quality);
  const float cosine_min =
      quality >= options_.quality_sure ? options_.cosine_min_sure : options_.cosine_min;
  if (has_appearance && cosine < cosine_min) {
    const bool is_weak = quality < options_.quality_good;
    const bool is_same_place = is_motion_valid && iou >= options_.iou_of_weak;
    return is_weak && is_same_place ? 1 - iou : CostMatrix::kForbidden;
  }
  const bool fits =
      is_motion_valid && (iou >= options_.iou_min || IsNear(predicted, detection.box, 0.5F));
  const bool is_same_face = has_appearance && cosine >= options_.relink_cosine_min;
  if (!is_same_face && (!fits || live.is_displaced)) return CostMatrix::kForbidden;
  const float motion_cost = 1 - iou;
  if (!has_appearance) return motion_cost;
  return options_.motion_weight * motion_cost + (1 - options_.motion_weight) * (1 - cosine);
}

void Tracker::TakeEmbedding(Live& live, const Detection& detection) const {
  ++live.track.embedding_count;
  const bool is_sure =
      std::min(live.track.best.quality, detection.quality) >= options_.quality_sure;
  const bool is_unlike = !live.mean.empty() &&
                         domain::Cosine(live.mean, detection.embedding) < options_.cosine_of_mean;
  if (is_sure && is_unlike) return;
  live.embedding_sum.resize(detection.embedding.size(), 0.0F);
  const float weight = std::max(0.01F, detection.quality);
  for (std::size_t i = 0; i < detection.embedding.size(); ++i) {
    live.embedding_sum[i] += weight * detection.embedding[i];
  }
  live.mean = Normalised(live.embedding_sum);
}

base::Result<void> Tracker::Extend(Live& live, const Detection& detection, const Sample& sample,
                                   std::int64_t row) {
  const auto seconds = static_cast<float>(Seconds(detection.pts - live.seen));
  if (live.track.count > 0 && seconds > 0) {
    // Half old, half new: samples are a tenth of a second apart and boxes jitter.
    const auto [x, y] = detection.box.centre();
    const auto [last_x, last_y] = live.box.centre();
    live.velocity_x = 0.5F * live.velocity_x + 0.5F * (x - last_x) / seconds;
    live.velocity_y = 0.5F * live.velocity_y + 0.5F * (y - last_y) / seconds;
  }
  live.box = detection.box;
  live.seen = detection.pts;
  live.was_in_tiles = sample.with_tiles;
  live.is_displaced = false;
  live.until = std::max(sample.until, detection.pts);
  if (!detection.embedding.empty()) TakeEmbedding(live, detection);
  const TrackPoint point{.frame_id = detection.frame_id,
                         .pts = detection.pts,
                         .until = live.until,
                         .index = detection.index,
                         .row = row,
                         .box = detection.box,
                         .score = detection.score,
                         .quality = detection.quality,
                         .landmark_score = detection.landmark_score,
                         .has_embedding = !detection.embedding.empty()};
  if (live.track.count == 0) {
    live.samples_before = samples_ - 1;
    live.plain_before = plain_samples_ - (sample.with_tiles ? 0 : 1);
  }
  live.track.samples = samples_ - live.samples_before;
  if (!sample.with_tiles) ++live.track.plain_points;
  live.track.plain_samples = plain_samples_ - live.plain_before;
  live.track.Add(point);
  return sink_.TakePoint(live.track.id, point);
}

base::Result<void> Tracker::Link(const std::vector<Detection>& detections, const Sample& sample,
                                 bool is_strong, std::vector<bool>& is_taken) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (!is_taken[i] && (detections[i].score >= options_.score_start) == is_strong) {
      open.push_back(i);
    }
  }
  CostMatrix costs(static_cast<int>(open.size()), static_cast<int>(live_.size()));
  for (std::size_t i = 0; i < open.size(); ++i) {
    for (std::size_t j = 0; j < live_.size(); ++j) {
      const bool is_free = live_[j].seen < sample.pts || live_[j].track.count == 0;
      if (is_free) {
        costs.At(static_cast<int>(i), static_cast<int>(j)) =
            Cost(live_[j], detections[open[i]], sample);
      }
    }
  }
  const std::vector<int> chosen = SolveAssignment(costs);
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (chosen[i] < 0) continue;
    is_taken[open[i]] = true;
    ROLLCALL_TRY(Extend(live_[static_cast<std::size_t>(chosen[i])], detections[open[i]], sample,
                        next_row_ + static_cast<std::int64_t>(open[i])));
  }
  return {};
}

base::Result<void> Tracker::Next(const Sample& sample, const std::vector<Detection>& detections) {
  if (sample.is_cut) {
    ROLLCALL_TRY(Flush());
    ++shot_;
  }
  ROLLCALL_TRY(Retire(sample.pts));
  ++samples_;
  if (!sample.with_tiles) ++plain_samples_;
  std::vector<bool> is_taken(detections.size(), false);
  ROLLCALL_TRY(Link(detections, sample, true, is_taken));
  ROLLCALL_TRY(Link(detections, sample, false, is_taken));
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (is_taken[i] || detections[i].score < options_.score_start) continue;
    Live& live = live_.emplace_back();
    live.track.id = next_id_++;
    live.track.shot = shot_;
    ROLLCALL_TRY(Extend(live, detections[i], sample, next_row_ + static_cast<std::int64_t>(i)));
  }
  NoteDisplaced(sample.pts);
  if (sample.with_tiles) last_tiles_ = sample.pts;
  next_row_ += static_cast<std::int64_t>(detections.size());
  return {};
}

// One that is not there while another is where it was: what follows there without a vector is the
// other's, however well the boxes of both fit.
void Tracker::NoteDisplaced(MediaTime now) {
  for (Live& live : live_) {
    if (live.seen >= now) continue;
    for (const Live& other : live_) {
      const bool is_there = other.seen >= now;
      if (is_there && domain::Iou(other.box, live.box) >= options_.iou_of_weak) {
        live.is_displaced = true;
      }
    }
  }
}

base::Result<void> Tracker::Retire(MediaTime now) {
  std::vector<Live> staying;
  for (Live& live : live_) {
    if (now - live.until <= options_.lost) {
      staying.push_back(std::move(live));
      continue;
    }
    live.track.embedding = std::move(live.mean);
    ROLLCALL_TRY(sink_.TakeTrack(std::move(live.track)));
  }
  live_ = std::move(staying);
  return {};
}

base::Result<void> Tracker::Flush() {
  for (Live& live : live_) {
    live.track.embedding = std::move(live.mean);
    ROLLCALL_TRY(sink_.TakeTrack(std::move(live.track)));
  }
  live_.clear();
  return {};
}

}  // namespace rollcall::pipeline
