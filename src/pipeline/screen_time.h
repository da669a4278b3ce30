#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "people/fold.h"
#include "pipeline/presence.h"

namespace rollcall::pipeline {

struct ScreenTimeOptions {
  domain::MediaTime merge_gap{2'000'000};  // Detections closer than this are one interval.
  domain::MediaTime blip{500'000};         // Shorter intervals are dropped.
  domain::MediaTime bridge{1'000'000};     // Gaps inside one shot that `seen` closes.
  domain::MediaTime snap{300'000};         // How near a cut an edge is moved to it.

  // merge_gap_ms, blip_ms, bridge_ms, snap_ms of a stage's settings.
  static ScreenTimeOptions From(const base::Json& settings);
};

// One detection of a track.
struct Sighting {
  std::int64_t track_id = 0;
  std::int64_t frame_id = 0;
  domain::MediaTime pts{};
  float score = 0;
};

// The sightings of an episode in time order, as often as they are asked for.
class SightingSource {
 public:
  virtual ~SightingSource() = default;
  // An error of `sighting` ends it and is returned.
  virtual base::Result<void> ForEach(
      const std::function<base::Result<void>(const Sighting&)>& sighting) = 0;
};

// What the sightings within one interval add up to.
struct IntervalSightings {
  std::int64_t frames = 0;
  std::int64_t faces = 0;
  double score_sum = 0;
};

// One person's presence in the episode.
struct PersonTime {
  std::size_t person = 0;              // Index among the people that were measured.
  int label = 0;                       // Theirs, or the next free ones in order of screen time.
  std::string name;                    // "Anna", or "Person 1".
  bool is_named = false;               // Somebody said so.
  std::vector<PresenceInterval> seen;  // Gaps bridged only inside a track or a shot.
  std::vector<PresenceInterval> intervals;  // By the merge rule.
  std::vector<IntervalSightings> sighted;   // Of each interval.
  std::int64_t best_track_id = 0;           // Whose still shows the person best.
  double mean_confidence = 0;
  bool is_low_confidence = false;

  domain::MediaTime seen_length() const { return TotalLength(seen); }
  domain::MediaTime total_length() const { return TotalLength(intervals); }
  domain::MediaTime error() const { return TotalError(intervals); }
};

struct TrackQuality {
  std::int64_t track_id = 0;
  float quality = 0;
  std::int64_t best_frame_id = 0;  // Whose face its still shows.
  bool needs_tiles = false;
};

// How long each of the people was on screen, longest first. People without any interval are left
// out, and tracks that no sighting or no quality is known of. Where a track was cut its pieces end
// exactly there; what is excluded is left out, exactly too. People without a label get the numbers
// above `last_label`. Asks for the sightings twice; holds what belongs to a track or an interval,
// nothing of a sighting.
base::Result<std::vector<PersonTime>> MeasureScreenTime(
    const people::Folded& folded, int last_label, std::span<const TrackQuality> tracks,
    const SampleGrid& grid, SightingSource& sightings, const ScreenTimeOptions& options);

}  // namespace rollcall::pipeline
