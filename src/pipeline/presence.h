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

// An edge lies anywhere where nobody looked: ± half the gap, 0 where every frame was looked at.
struct PresenceInterval : Interval {
  domain::MediaTime start_gap{};  // Around the edge.
  domain::MediaTime end_gap{};
};

// The frames that were looked at, in order, read at random.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual std::size_t size() const = 0;
  virtual base::Result<Sample> At(std::size_t index) = 0;
};

// How far a face's presence goes beyond the samples in which it was seen.
struct EdgeRule {
  domain::MediaTime snap{};  // An edge as near to a cut as this is moved to it.
  // The face is so small that only samples with tiles show it: others say nothing of its absence.
  bool needs_tiles = false;
};

// The frames that were looked at, as a ruler: what each stands for, and where shots begin and end.
// A picture is on screen until the next one is, however long that is. Nothing stands for what was
// skipped: a gap's edges are like the ends of the video. Holds none of the samples; whatever fails
// is an error of the source.
class SampleGrid {
 public:
  // `pictures`: from the first frame to the end of the last.
  static base::Result<SampleGrid> Create(std::unique_ptr<SampleSource> samples, Interval pictures,
                                         std::vector<Interval> gaps = {});

  // Index of the sample with this frame_id; kDataLoss / ERR_ARTIFACT_CORRUPT if it is none.
  base::Result<std::size_t> IndexOf(std::int64_t frame_id) const;

  // How long a face was there that was seen first and last in these samples: to the middle of what
  // was not looked at on either side, or, when its shot begins or ends near by, to the cut. A gap
  // that is much longer than usual (frames that did not decode) is not filled, but counts as
  // uncertain.
  base::Result<PresenceInterval> Presence(std::size_t first, std::size_t last, EdgeRule rule) const;

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
  // Where an edge may lie, between the last picture on one side and the first on the other.
  struct Border {
    Interval where;
    domain::MediaTime unseen{};  // From the border's far side to where the face was seen.
    bool is_of_video = false;    // There is no picture on the other side.
  };
  SampleGrid(std::unique_ptr<SampleSource> samples, Interval pictures, std::vector<Interval> gaps)
      : samples_(std::move(samples)), pictures_(pictures), gaps_(std::move(gaps)) {}

  // The first sample of which `is_behind` holds; it holds of all after it. size() if of none.
  template <typename IsBehind>
  base::Result<std::size_t> FirstBehind(IsBehind is_behind) const;
  base::Result<domain::MediaTime> MedianStep() const;
  base::Result<Border> StartOf(std::size_t first, EdgeRule rule) const;
  base::Result<Border> EndOf(std::size_t last, EdgeRule rule) const;
  // Null if nothing between two times was skipped.
  const Interval* SkippedIn(domain::MediaTime from, domain::MediaTime to) const;
  // How much of a border is filled.
  domain::MediaTime FilledOf(const Border& border, EdgeRule rule) const;

  std::unique_ptr<SampleSource> samples_;
  Interval pictures_;
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

// What is left without the excluded times; edges there are exact.
std::vector<PresenceInterval> WithoutIntervals(std::vector<PresenceInterval> intervals,
                                               std::span<const Interval> excluded);

domain::MediaTime TotalLength(std::span<const PresenceInterval> intervals);

// Half-width of the 95 % interval of the total length, edges independent and uniform in their gaps:
// 2·√(Σ gap²/12).
domain::MediaTime TotalError(std::span<const PresenceInterval> intervals);

}  // namespace rollcall::pipeline
