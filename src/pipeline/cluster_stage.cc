#include "pipeline/cluster_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "artifacts/artifact_folder.h"
#include "pipeline/clusterer.h"
#include "pipeline/detection_table.h"
#include "pipeline/episode_params.h"
#include "pipeline/track_table.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {
namespace {

constexpr float kLowConfidence = 0.6F;  // origin.md §6.6

struct Settings {
  ClusterOptions options;
  domain::MediaTime presence_min{};  // A group seen for less is no person.
  float quality_min = 0.25F;         // A track of none better says too little of who it is.

  static Settings From(const EpisodeParams& params) {
    Settings settings;
    const base::Json& json = params.settings;
    settings.options.cosine_min = json.value("cluster_cosine_min", settings.options.cosine_min);
    settings.options.join_cosine_min =
        json.value("cluster_join_cosine_min", settings.options.join_cosine_min);
    settings.options.tracks_max = json.value("cluster_tracks_max", settings.options.tracks_max);
    settings.quality_min = json.value("cluster_quality_min", settings.quality_min);
    settings.presence_min = std::chrono::milliseconds{json.value("person_presence_min_ms", 400)};
    if (params.effort == Effort::kDraft) {
      settings.presence_min = domain::MediaTime{0};
    }
    return settings;
  }
};

// A vector says the more, the more and the better the faces it is made of.
float Weight(const TrackSummary& track) {
  return track.quality *
         std::sqrt(static_cast<float>(std::min<std::int64_t>(track.embedding_count, 16)));
}

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;  // Of track ids, lower first.

// Whether two boxes may be of one face: one lies mostly within the other.
bool IsSamePlace(const domain::PixelBox& a, const domain::PixelBox& b) {
  constexpr float kWithin = 0.3F;
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return false;
  const float smaller = std::min(a.width() * a.height(), b.width() * b.height());
  return width * height > kWithin * smaller;
}

// The tracks that both have a face in one frame, in different places: never one person. That two
// tracks last at the same time proves nothing: a detection may jump between them.
base::Result<Pairs> FindApart(const std::filesystem::path& path, WorkMeter& rows) {
  ROLLCALL_TRY_ASSIGN(DetectionReader reader, DetectionReader::Open(path, WithEmbeddings::kNo));
  rows.Begin(reader.row_count());
  std::set<std::pair<std::int64_t, std::int64_t>> apart;
  std::vector<DetectionRow> frame;
  while (true) {
    ROLLCALL_TRY_ASSIGN(std::optional<DetectionRow> row, reader.Next());
    if (!row) break;
    ROLLCALL_TRY(rows.Advance());
    if (!row->track_id) continue;
    if (!frame.empty() && frame.front().detection.frame_id != row->detection.frame_id) {
      frame.clear();
    }
    for (const DetectionRow& other : frame) {
      if (IsSamePlace(other.detection.box, row->detection.box)) continue;
      apart.insert(std::minmax(*other.track_id, *row->track_id));
    }
    frame.push_back(*std::move(row));
  }
  return Pairs(apart.begin(), apart.end());
}

// How the tracks of one group agree with each other and differ from the nearest other group.
struct Agreement {
  float variance = 0;    // Mean of 1 − cosine to the group's mean.
  float silhouette = 0;  // Rousseeuw 1987, on cosine distance to group means.
  std::vector<float> cosines;

  float quality() const { return std::clamp((1 - variance) * silhouette, 0.0F, 1.0F); }
};

domain::Embedding MeanOf(const std::vector<const TrackSummary*>& tracks) {
  domain::Embedding mean(tracks.front()->embedding.size(), 0.0F);
  for (const TrackSummary* track : tracks) {
    for (std::size_t i = 0; i < mean.size(); ++i) {
      mean[i] += Weight(*track) * track->embedding[i];
    }
  }
  const float norm = std::sqrt(domain::Cosine(mean, mean));
  for (float& x : mean) x /= std::max(norm, 1e-12F);
  return mean;
}

using Groups = std::vector<std::vector<const TrackSummary*>>;

base::Result<std::vector<Agreement>> Agree(const Groups& groups, WorkMeter& steps) {
  std::vector<domain::Embedding> means;
  for (const auto& group : groups) means.push_back(MeanOf(group));
  std::vector<Agreement> agreements;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Agreement agreement;
    for (const TrackSummary* track : groups[g]) {
      ROLLCALL_TRY(steps.Advance());
      const float own = 1 - domain::Cosine(track->embedding, means[g]);
      float other = 1;
      for (std::size_t h = 0; h < groups.size(); ++h) {
        if (h != g) other = std::min(other, 1 - domain::Cosine(track->embedding, means[h]));
      }
      agreement.variance += own;
      agreement.silhouette += (other - own) / std::max({own, other, 1e-6F});
      agreement.cosines.push_back(1 - own);
    }
    const auto size = static_cast<float>(groups[g].size());
    agreement.variance /= size;
    agreement.silhouette /= size;
    agreements.push_back(std::move(agreement));
  }
  return agreements;
}

bool IsPerson(const std::vector<const TrackSummary*>& group, const Settings& settings) {
  domain::MediaTime presence{0};
  for (const TrackSummary* track : group) presence += track->until - track->start;
  return presence >= settings.presence_min;
}

base::Json ClusterJson(std::size_t number, const std::vector<const TrackSummary*>& group,
                       const Agreement& agreement) {
  base::Json ids = base::Json::array();
  base::Json metrics = base::Json::array();
  for (std::size_t i = 0; i < group.size(); ++i) {
    ids.push_back(group[i]->id);
    metrics.push_back({{"track_id", group[i]->id},
                       {"cosine", agreement.cosines[i]},
                       {"quality", group[i]->quality},
                       {"count", group[i]->count}});
  }
  return {{"cluster_id", number + 1},
          {"size", group.size()},
          {"track_ids", std::move(ids)},
          {"variance", agreement.variance},
          {"silhouette_score", agreement.silhouette},
          {"quality_score", agreement.quality()},
          {"is_lowconf", agreement.quality() < kLowConfidence},
          {"name", nullptr},
          {"assignment_confidence", nullptr},
          {"assignment_margin", nullptr},
          {"track_metrics", std::move(metrics)}};
}

struct Grouped {
  Groups people;
  std::vector<std::int64_t> noise;  // Track ids.
  std::int64_t too_poor = 0;        // Of those: nobody could be told by them.
  std::vector<std::string> warnings;
};

base::Result<Grouped> Group(const std::vector<TrackSummary>& tracks, Settings settings,
                            const Pairs& apart, WorkMeter& steps) {
  std::vector<ClusterInput> inputs;
  std::vector<const TrackSummary*> with_vector;
  Grouped grouped;
  for (const TrackSummary& track : tracks) {
    // Small or blurred, it is like anybody.
    if (track.embedding.empty() || track.quality < settings.quality_min) {
      grouped.noise.push_back(track.id);
      ++grouped.too_poor;
      continue;
    }
    with_vector.push_back(&track);
    inputs.push_back({.track_id = track.id,
                      .start = track.start,
                      .weight = Weight(track),
                      .embedding = track.embedding});
  }
  settings.options.cannot_link = apart;
  // Afterwards each track is compared with all people.
  steps.Begin(ClusterSteps(inputs, settings.options) + std::ssize(inputs));
  ROLLCALL_TRY_ASSIGN(const Clustering clustering,
                      ClusterTracks(inputs, settings.options, [&] { return steps.Advance(); }));
  Groups groups(static_cast<std::size_t>(clustering.groups));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (clustering.group_of[i] < 0) {
      grouped.noise.push_back(inputs[i].track_id);
    } else {
      groups[static_cast<std::size_t>(clustering.group_of[i])].push_back(with_vector[i]);
    }
  }
  for (auto& group : groups) {
    if (IsPerson(group, settings)) {
      grouped.people.push_back(std::move(group));
    } else {
      for (const TrackSummary* track : group) grouped.noise.push_back(track->id);
    }
  }
  std::sort(grouped.noise.begin(), grouped.noise.end());
  if (clustering.left_over > 0) {
    grouped.warnings.push_back(std::to_string(clustering.left_over) +
                               " tracks above the limit were not grouped among themselves");
  }
  return grouped;
}

// A person in a mirror, or on a photograph on the wall: two in one frame, and as like as one.
void WarnOfDoubles(const Pairs& apart, Grouped& grouped) {
  // Blurred faces are all rather alike.
  constexpr float kOnePerson = 0.70F;
  constexpr float kQualityMin = 0.5F;
  const auto is_good = [&](std::size_t person) {
    return std::ranges::any_of(grouped.people[person], [&](const TrackSummary* track) {
      return track->quality >= kQualityMin;
    });
  };
  std::map<std::int64_t, std::size_t> person_of;
  for (std::size_t g = 0; g < grouped.people.size(); ++g) {
    for (const TrackSummary* track : grouped.people[g]) person_of.emplace(track->id, g);
  }
  std::vector<domain::Embedding> means;
  for (const auto& person : grouped.people) means.push_back(MeanOf(person));
  std::set<std::pair<std::size_t, std::size_t>> doubles;
  for (const auto& [a, b] : apart) {
    const auto first = person_of.find(a);
    const auto second = person_of.find(b);
    if (first == person_of.end() || second == person_of.end()) continue;
    const auto [low, high] = std::minmax(first->second, second->second);
    if (low != high && is_good(low) && is_good(high) &&
        domain::Cosine(means[low], means[high]) >= kOnePerson) {
      doubles.emplace(low, high);
    }
  }
  if (doubles.empty()) return;
  grouped.warnings.push_back(fmt::format(
      "{} of people look alike and are seen in one picture: a mirror, or a photograph of somebody, "
      "counts as a person of its own",
      doubles.size() == 1 ? "a pair" : fmt::format("{} pairs", doubles.size())));
}

}  // namespace

base::Result<domain::StageOutput> ClusterStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact input,
                      artifacts::FindInput(assignment, params.HarvestName("tracks.parquet")));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact detections,
                      artifacts::FindInput(assignment, params.HarvestName("embeddings.parquet")));
  context.SetPhase(domain::Phase::kWork);
  WorkMeter rows(context, "rows");
  std::vector<TrackSummary> tracks;
  const auto keep = [&](TrackSummary track) {
    tracks.push_back(std::move(track));
    return rows.Advance();
  };
  ROLLCALL_TRY(ForEachTrack(input.file, WithEmbeddings::kYes, keep));
  WorkMeter looks(context, "rows", kRowsPerLook);
  ROLLCALL_TRY_ASSIGN(const Pairs apart, FindApart(detections.file, looks));
  WorkMeter steps(context, "steps");
  ROLLCALL_TRY_ASSIGN(Grouped grouped, Group(tracks, Settings::From(params), apart, steps));
  ROLLCALL_TRY_ASSIGN(const std::vector<Agreement> agreements, Agree(grouped.people, steps));
  WarnOfDoubles(apart, grouped);
  base::Json clusters = base::Json::array();
  for (std::size_t g = 0; g < grouped.people.size(); ++g) {
    clusters.push_back(ClusterJson(g, grouped.people[g], agreements[g]));
  }
  const auto people = static_cast<std::int64_t>(grouped.people.size());
  const base::Json document{
      {"episode_id", params.episode_key},     {"total_clusters", people},
      {"noise_tracks", grouped.noise.size()}, {"noise_track_ids", grouped.noise},
      {"clusters", std::move(clusters)},      {"tracks_too_poor", grouped.too_poor},
      {"warnings", grouped.warnings}};
  context.SetPhase(domain::Phase::kFinalise);
  const base::Json counters{{"people", people}};
  WorkMeter bytes(context, "bytes");
  bytes.SetCounters(counters);
  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token, bytes.OnBytes());
  domain::StageOutput output;
  ROLLCALL_TRY_ASSIGN(
      output.artifacts.emplace_back(),
      folder.Write(params.HarvestName("clusters.json"), document.dump(1) + "\n", people));
  // The last word is in the stage's own unit.
  const auto total = static_cast<std::int64_t>(tracks.size());
  context.ReportProgress(
      {.done = total, .total = total, .unit = "tracks", .counters = counters, .position = {}});
  output.result = {{"people", people}, {"noise_tracks", grouped.noise.size()}};
  return output;
}

}  // namespace rollcall::pipeline
