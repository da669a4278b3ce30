#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/cluster_file.h"
#include "pipeline/presence.h"
#include "pipeline/track_table.h"

namespace rollcall::pipeline {

struct ScreenTimeOptions {
  domain::MediaTime merge_gap{2'000'000};  // Detections closer than this are one interval.
  domain::MediaTime blip{500'000};         // Shorter intervals are dropped.
  domain::MediaTime bridge{1'000'000};     // Gaps inside one shot that `seen` closes.
  domain::MediaTime snap{300'000};         // How near a cut an edge is moved to it.
};

// One frame in which a person was seen.
struct Sighting {
  std::int64_t frame_id = 0;
  domain::MediaTime pts{};
  float score = 0;
};

// One person's presence in the episode.
struct PersonTime {
  std::int64_t cluster_id = 0;
  std::string name;                         // "Person 1", in order of screen time.
  std::vector<PresenceInterval> seen;       // Gaps bridged only inside a track or a shot.
  std::vector<PresenceInterval> intervals;  // By the merge rule.
  std::vector<Sighting> sightings;          // In time order.
  std::int64_t best_track_id = 0;           // Whose still shows the person best.
  double mean_confidence = 0;
  bool is_low_confidence = false;

  domain::MediaTime seen_length() const { return TotalLength(seen); }
  domain::MediaTime total_length() const { return TotalLength(intervals); }
  domain::MediaTime error() const { return TotalError(intervals); }
};

// What the clusters, tracks and detections of an episode say, longest on screen first. People
// without any interval are left out. `detections` is embeddings.parquet with track ids.
base::Result<std::vector<PersonTime>> MeasureScreenTime(const ClusterFile& clusters,
                                                        const std::vector<TrackSummary>& tracks,
                                                        const SampleGrid& grid,
                                                        const std::filesystem::path& detections,
                                                        const ScreenTimeOptions& options);

}  // namespace rollcall::pipeline
