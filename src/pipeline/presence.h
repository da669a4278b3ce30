#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "domain/media_time.h"
#include "pipeline/detection_table.h"

namespace rollcall::pipeline {

struct Interval {
  domain::MediaTime start{};
  domain::MediaTime end{};

  domain::MediaTime length() const { return end - start; }
};

// An edge lies anywhere between two samples: ± half the gap, 0 at the ends of the video.
struct PresenceInterval : Interval {
  domain::MediaTime start_gap{};  // Between the samples around the edge.
  domain::MediaTime end_gap{};
};

// The frames that were looked at, in order, read at random.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual std::size_t size() const = 0;
  virtual base::Result<Sample> At(std::size_t index) = 0;
};

// The frames that were looked at, as a ruler: what each stands for, and where shots begin and end.
// Nothing stands for what was skipped: a gap's edges are like the ends of the video. Holds none of
// the samples; whatever fails is an error of the source.
class SampleGrid {
 public:
  static base::Result<SampleGrid> Create(std::unique_ptr<SampleSource> samples,
                                         domain::MediaTime video_length,
                                         std::vector<Interval> gaps = {});

  // Index of the sample with this frame_id; kDataLoss / ERR_ARTIFACT_CORRUPT if it is none.
  base::Result<std::size_t> IndexOf(std::int64_t frame_id) const;

  // How long a face was there that was seen first and last in these samples: to the middle of the
  // gap on either side, or, when its shot begins or ends within `snap` of it, to the cut. A gap
  // that is much longer than usual (frames that did not decode) is not filled.
  base::Result<PresenceInterval> Presence(std::size_t first, std::size_t last,
                                          domain::MediaTime snap) const;

  // Whether no cut lies between two times.
  base::Result<bool> IsOneShot(domain::MediaTime from, domain::MediaTime to) const;

  // Whether something between two times was skipped.
  bool HasGap(domain::MediaTime from, domain::MediaTime to) const;

  // Samples within [start, end).
  base::Result<std::int64_t> CountIn(const Interval& interval) const;

  domain::MediaTime median_step() const { return median_step_; }
  std::size_t size() const { return samples_->size(); }

 private:
  struct Edge {
    domain::MediaTime at{};
    domain::MediaTime gap{};
  };
  SampleGrid(std::unique_ptr<SampleSource> samples, domain::MediaTime video_length,
             std::vector<Interval> gaps)
      : samples_(std::move(samples)), video_length_(video_length), gaps_(std::move(gaps)) {}

  // The first sample of which `is_behind` holds; it holds of all after it. size() if of none.
  template <typename IsBehind>
  base::Result<std::size_t> FirstBehind(IsBehind is_behind) const;
  base::Result<domain::MediaTime> MedianStep() const;
  base::Result<Edge> Before(std::size_t sample) const;
  base::Result<Edge> After(std::size_t sample) const;

  std::unique_ptr<SampleSource> samples_;
  domain::MediaTime video_length_;
  std::vector<Interval> gaps_;
  domain::MediaTime median_step_{};
};

// Sorted, overlapping ones united; gaps up to `bridge` inside one shot closed.
base::Result<std::vector<PresenceInterval>> UnitePresence(std::vector<PresenceInterval> intervals,
                                                          const SampleGrid& grid,
                                                          domain::MediaTime bridge);

struct MergeRule {
  domain::MediaTime merge_gap{};  // Shorter pauses are closed, unless something there was skipped.
  domain::MediaTime blip{};       // What is then shorter is dropped.
};
std::vector<PresenceInterval> MergeIntervals(const std::vector<PresenceInterval>& seen,
                                             const SampleGrid& grid, MergeRule rule);

domain::MediaTime TotalLength(std::span<const PresenceInterval> intervals);

// Half-width of the 95 % interval of the total length, edges independent and uniform in their gaps:
// 2·√(Σ gap²/12).
domain::MediaTime TotalError(std::span<const PresenceInterval> intervals);

}  // namespace rollcall::pipeline
