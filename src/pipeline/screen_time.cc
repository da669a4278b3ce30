#include "pipeline/screen_time.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace rollcall::pipeline {
namespace {

// A track of somebody, and its first and last sample.
struct PersonTrack {
  std::int64_t id = 0;
  std::size_t cluster = 0;       // Index among the clusters.
  std::optional<float> quality;  // Nothing: the track is not known.
  bool needs_tiles = false;
  std::int64_t first_frame = -1;
  std::int64_t last_frame = -1;
};

// In order of id, so that they are found.
class PersonTracks {
 public:
  PersonTracks(const ClusterFile& clusters, std::span<const TrackQuality> qualities) {
    for (std::size_t i = 0; i < clusters.clusters.size(); ++i) {
      for (const std::int64_t id : clusters.clusters[i].track_ids) {
        tracks_.push_back({.id = id, .cluster = i, .quality = {}});
      }
    }
    std::ranges::sort(tracks_, {}, &PersonTrack::id);
    for (const TrackQuality& track : qualities) {
      PersonTrack* known = Find(track.track_id);
      if (known == nullptr) continue;
      known->quality = track.quality;
      known->needs_tiles = track.needs_tiles;
    }
  }

  // Null for a track of nobody.
  PersonTrack* Find(std::int64_t id) {
    const auto found = std::ranges::lower_bound(tracks_, id, {}, &PersonTrack::id);
    return found == tracks_.end() || found->id != id ? nullptr : &*found;
  }

 private:
  std::vector<PersonTrack> tracks_;
};

// Adds the sightings of one person up, per interval and all together.
class Tally {
 public:
  explicit Tally(PersonTime& person)
      : person_(person), last_frame_(person.intervals.size(), kNoFrame) {
    person_.sighted.resize(person_.intervals.size());
  }

  void Add(const Sighting& sighting) {
    // Intervals are in time order and apart.
    const auto behind =
        std::ranges::upper_bound(person_.intervals, sighting.pts, {}, &PresenceInterval::start);
    if (behind == person_.intervals.begin()) return;
    const auto within = std::prev(behind);
    if (sighting.pts >= within->end) return;
    const auto i = static_cast<std::size_t>(within - person_.intervals.begin());
    IntervalSightings& sighted = person_.sighted[i];
    if (last_frame_[i] != sighting.frame_id) ++sighted.frames;
    last_frame_[i] = sighting.frame_id;
    ++sighted.faces;
    sighted.score_sum += sighting.score;
  }

 private:
  static constexpr std::int64_t kNoFrame = -1;

  PersonTime& person_;
  std::vector<std::int64_t> last_frame_;  // Of each interval.
};

// What the first look gives of one cluster: all its sightings together.
struct Scores {
  double sum = 0;
  std::int64_t count = 0;
};

base::Result<std::vector<Scores>> FindExtents(SightingSource& sightings, PersonTracks& tracks,
                                              std::size_t clusters) {
  std::vector<Scores> scores(clusters);
  ROLLCALL_TRY(sightings.ForEach([&](const Sighting& sighting) -> base::Result<void> {
    PersonTrack* track = tracks.Find(sighting.track_id);
    if (track == nullptr) return {};
    if (track->first_frame < 0) track->first_frame = sighting.frame_id;
    track->last_frame = sighting.frame_id;
    scores[track->cluster].sum += sighting.score;
    ++scores[track->cluster].count;
    return {};
  }));
  return scores;
}

base::Result<PersonTime> Measure(const Cluster& cluster, const Scores& scores, PersonTracks& tracks,
                                 const SampleGrid& grid, const ScreenTimeOptions& options) {
  PersonTime person{.cluster_id = cluster.id,
                    .name = {},
                    .seen = {},
                    .intervals = {},
                    .sighted = {},
                    .is_low_confidence = cluster.is_low_confidence};
  std::vector<PresenceInterval> presences;
  const PersonTrack* best = nullptr;
  for (const std::int64_t id : cluster.track_ids) {
    const PersonTrack* track = tracks.Find(id);
    if (!track->quality || track->first_frame < 0) continue;
    ROLLCALL_TRY_ASSIGN(const std::size_t first, grid.IndexOf(track->first_frame));
    ROLLCALL_TRY_ASSIGN(const std::size_t last, grid.IndexOf(track->last_frame));
    ROLLCALL_TRY_ASSIGN(
        presences.emplace_back(),
        grid.Presence(first, last, {.snap = options.snap, .needs_tiles = track->needs_tiles}));
    if (best == nullptr || *track->quality > *best->quality) best = track;
  }
  person.best_track_id = best == nullptr ? 0 : best->id;
  ROLLCALL_TRY_ASSIGN(person.seen, UnitePresence(std::move(presences), grid, options.bridge));
  person.intervals =
      MergeIntervals(person.seen, grid, {.merge_gap = options.merge_gap, .blip = options.blip});
  if (scores.count > 0) person.mean_confidence = scores.sum / static_cast<double>(scores.count);
  return person;
}

// Longest on screen first, and named so.
void Order(std::vector<PersonTime>& people) {
  std::ranges::sort(people, {}, [](const PersonTime& person) {
    return std::tuple(-person.total_length().count(), -person.seen_length().count(),
                      person.intervals.front().start, person.cluster_id);
  });
  for (std::size_t i = 0; i < people.size(); ++i) {
    people[i].name = "Person " + std::to_string(i + 1);
  }
}

}  // namespace

base::Result<std::vector<PersonTime>> MeasureScreenTime(const ClusterFile& clusters,
                                                        std::span<const TrackQuality> tracks,
                                                        const SampleGrid& grid,
                                                        SightingSource& sightings,
                                                        const ScreenTimeOptions& options) {
  PersonTracks person_tracks(clusters, tracks);
  const std::size_t count = clusters.clusters.size();
  ROLLCALL_TRY_ASSIGN(const std::vector<Scores> scores,
                      FindExtents(sightings, person_tracks, count));
  std::vector<PersonTime> of_cluster;
  std::vector<Tally> tallies;
  of_cluster.reserve(count);  // Tallies borrow them.
  for (std::size_t i = 0; i < count; ++i) {
    ROLLCALL_TRY_ASSIGN(PersonTime person,
                        Measure(clusters.clusters[i], scores[i], person_tracks, grid, options));
    tallies.emplace_back(of_cluster.emplace_back(std::move(person)));
  }
  ROLLCALL_TRY(sightings.ForEach([&](const Sighting& sighting) -> base::Result<void> {
    if (const PersonTrack* track = person_tracks.Find(sighting.track_id)) {
      tallies[track->cluster].Add(sighting);
    }
    return {};
  }));
  std::erase_if(of_cluster, [](const PersonTime& person) { return person.intervals.empty(); });
  Order(of_cluster);
  return of_cluster;
}

}  // namespace rollcall::pipeline
