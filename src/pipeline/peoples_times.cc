#include "pipeline/peoples_times.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace rollcall::pipeline {
namespace {

// What a pack holds as sources. Both borrow it.
class PackedSamples final : public SampleSource {
 public:
  explicit PackedSamples(const PresencePack& pack) : pack_(pack) {}
  std::size_t size() const override { return pack_.samples.size(); }
  base::Result<Sample> At(std::size_t index) override { return pack_.samples[index]; }

 private:
  const PresencePack& pack_;
};

class PackedSightings final : public SightingSource {
 public:
  explicit PackedSightings(const PresencePack& pack) : pack_(pack) {}
  base::Result<void> ForEach(
      const std::function<base::Result<void>(const Sighting&)>& sighting) override {
    for (const PresencePack::Seen& seen : pack_.sightings) {
      const Sample& sample = pack_.samples[seen.sample];
      ROLLCALL_TRY(sighting({.track_id = seen.track_id,
                             .frame_id = sample.frame_id,
                             .pts = sample.pts,
                             .score = seen.score}));
    }
    return {};
  }

 private:
  const PresencePack& pack_;
};

}  // namespace

TrackQuality QualityOf(const TrackSummary& track) {
  return {.track_id = track.id,
          .quality = track.quality,
          .best_frame_id = track.best_frame_id,
          .needs_tiles = track.needs_tiles};
}

// What is shown for no time at all has been seen nevertheless.
people::TrackSpan SpanOf(const TrackSummary& track) {
  return {.id = track.id,
          .from = track.start,
          .to = std::max(track.until, track.end + domain::MediaTime{1})};
}

std::vector<people::Group> GroupsOf(const ClusterFile& clusters) {
  std::vector<people::Group> groups;
  for (const Cluster& cluster : clusters.clusters) {
    groups.push_back({.id = cluster.id,
                      .track_ids = cluster.track_ids,
                      .is_low_confidence = cluster.is_low_confidence});
  }
  return groups;
}

people::Folded FoldPack(const PresencePack& pack, std::span<const people::Edit> edits) {
  std::vector<people::TrackSpan> spans;
  for (const TrackSummary& track : pack.tracks) spans.push_back(SpanOf(track));
  auto matcher = people::SightMatcher::For(edits, pack.facts.tracks_sha256);
  if (matcher.is_needed()) {
    for (const Sample& sample : pack.samples) {
      if (sample.is_cut) matcher.TakeCut(sample.pts);
    }
    for (const PresencePack::Seen& seen : pack.sightings) {
      matcher.Take(seen.track_id, pack.AtOf(seen), seen.box);
    }
  }
  return people::Fold(
      {.tracks = pack.facts.tracks_sha256,
       .spans = spans,
       .groups = pack.facts.groups,
       .edits = edits,
       .find_track = [&matcher](const people::Sight& sight) { return matcher.Find(sight); }});
}

base::Result<PeoplesTimes> MeasurePeople(const PresencePack& pack,
                                         std::span<const people::Edit> edits, int last_label,
                                         const ScreenTimeOptions& options) {
  std::vector<TrackQuality> qualities;
  for (const TrackSummary& track : pack.tracks) qualities.push_back(QualityOf(track));
  PeoplesTimes people{.folded = FoldPack(pack, edits), .times = {}};
  ROLLCALL_TRY_ASSIGN(const SampleGrid grid,
                      SampleGrid::Create(std::make_unique<PackedSamples>(pack), pack.facts.pictures,
                                         pack.facts.gaps));
  PackedSightings sightings(pack);
  ROLLCALL_TRY_ASSIGN(people.times, MeasureScreenTime(people.folded, last_label, qualities, grid,
                                                      sightings, options));
  return people;
}

}  // namespace rollcall::pipeline
