#include "pipeline/screen_time.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "domain/reasons.h"
#include "pipeline/detection_table.h"

namespace rollcall::pipeline {
namespace {

// First and last sample of a track.
struct Extent {
  std::int64_t first_frame = -1;
  std::int64_t last_frame = -1;
};

struct Reading {
  std::map<std::int64_t, Extent> extent_of_track;
  std::map<std::int64_t, std::vector<Sighting>> sightings_of_cluster;
};

base::Result<Reading> ReadSightings(const std::filesystem::path& detections,
                                    const std::map<std::int64_t, std::int64_t>& cluster_of_track) {
  Reading reading;
  ROLLCALL_TRY(ReadDetections(
      detections, WithEmbeddings::kNo, [&](const DetectionRow& row) -> base::Result<void> {
        if (!row.track_id) return {};
        const auto cluster = cluster_of_track.find(*row.track_id);
        if (cluster == cluster_of_track.end()) return {};
        Extent& extent = reading.extent_of_track[*row.track_id];
        if (extent.first_frame < 0) extent.first_frame = row.detection.frame_id;
        extent.last_frame = row.detection.frame_id;
        reading.sightings_of_cluster[cluster->second].push_back(
            {row.detection.frame_id, row.detection.pts, row.detection.score});
        return {};
      }));
  return reading;
}

PersonTime Measure(const Cluster& cluster,
                   const std::map<std::int64_t, const TrackSummary*>& track_of_id, Reading& reading,
                   const SampleGrid& grid, const ScreenTimeOptions& options) {
  PersonTime person{.cluster_id = cluster.id,
                    .name = {},
                    .seen = {},
                    .intervals = {},
                    .sightings = std::move(reading.sightings_of_cluster[cluster.id]),
                    .is_low_confidence = cluster.is_low_confidence};
  std::vector<PresenceInterval> presences;
  const TrackSummary* best = nullptr;
  for (const std::int64_t id : cluster.track_ids) {
    const auto track = track_of_id.find(id);
    const auto extent = reading.extent_of_track.find(id);
    if (track == track_of_id.end() || extent == reading.extent_of_track.end()) continue;
    presences.push_back(grid.Presence(grid.IndexOf(extent->second.first_frame),
                                      grid.IndexOf(extent->second.last_frame), options.snap));
    if (best == nullptr || track->second->quality > best->quality) best = track->second;
  }
  person.best_track_id = best == nullptr ? 0 : best->id;
  person.seen = UnitePresence(std::move(presences), grid, options.bridge);
  person.intervals =
      MergeIntervals(person.seen, grid, {.merge_gap = options.merge_gap, .blip = options.blip});
  double score_sum = 0;
  for (const Sighting& sighting : person.sightings) score_sum += sighting.score;
  if (!person.sightings.empty()) {
    person.mean_confidence = score_sum / static_cast<double>(person.sightings.size());
  }
  return person;
}

}  // namespace

base::Result<std::vector<PersonTime>> MeasureScreenTime(const ClusterFile& clusters,
                                                        const std::vector<TrackSummary>& tracks,
                                                        const SampleGrid& grid,
                                                        const std::filesystem::path& detections,
                                                        const ScreenTimeOptions& options) {
  std::map<std::int64_t, std::int64_t> cluster_of_track;
  for (const Cluster& cluster : clusters.clusters) {
    for (const std::int64_t track : cluster.track_ids) cluster_of_track[track] = cluster.id;
  }
  std::map<std::int64_t, const TrackSummary*> track_of_id;
  for (const TrackSummary& track : tracks) track_of_id[track.id] = &track;
  ROLLCALL_TRY_ASSIGN(Reading reading, ReadSightings(detections, cluster_of_track));
  std::vector<PersonTime> people;
  for (const Cluster& cluster : clusters.clusters) {
    PersonTime person = Measure(cluster, track_of_id, reading, grid, options);
    if (!person.intervals.empty()) people.push_back(std::move(person));
  }
  std::sort(people.begin(), people.end(), [](const PersonTime& a, const PersonTime& b) {
    const auto rank = [](const PersonTime& person) {
      return std::tuple(-person.total_length().count(), -person.seen_length().count(),
                        person.intervals.front().start, person.cluster_id);
    };
    return rank(a) < rank(b);
  });
  for (std::size_t i = 0; i < people.size(); ++i) {
    people[i].name = "Person " + std::to_string(i + 1);
  }
  return people;
}

}  // namespace rollcall::pipeline
