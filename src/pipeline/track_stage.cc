#include "pipeline/track_stage.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "artifacts/artifact_folder.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "pipeline/detection_table.h"
#include "pipeline/episode_params.h"
#include "pipeline/track_table.h"
#include "pipeline/tracker.h"

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;

struct Inputs {
  std::filesystem::path detections;
  std::vector<Sample> samples;
};

base::Result<Inputs> FindInputs(const domain::StageAssignment& assignment,
                                const EpisodeParams& params) {
  ROLLCALL_TRY_ASSIGN(const domain::Artifact detections,
                      artifacts::FindInput(assignment, params.HarvestName("embeddings.parquet")));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact samples,
                      artifacts::FindInput(assignment, params.HarvestName("samples.parquet")));
  Inputs inputs{.detections = assignment.data_dir / detections.path, .samples = {}};
  ROLLCALL_TRY_ASSIGN(inputs.samples, ReadSamples(assignment.data_dir / samples.path));
  return inputs;
}

// The second look at what a detector took for a face: it must last, and have points or a vector
// that say so.
class Belief {
 public:
  Belief(Effort effort, const base::Json& settings)
      : count_min_(effort == Effort::kDraft ? 1 : settings.value("track_count_min", 3)),
        plausibility_min_(settings.value("track_plausibility_min", 0.5F)) {}

  // Null when the track is believed; else why not.
  const char* WhyNot(const Track& track) const {
    if (static_cast<int>(track.points.size()) < count_min_) return "too_short";
    float plausibility = 0;
    for (const TrackPoint& point : track.points) plausibility += point.landmark_score;
    if (plausibility / static_cast<float>(track.points.size()) < plausibility_min_) {
      return "implausible_landmarks";
    }
    if (track.embedding_count == 0) return "no_good_crop";
    return nullptr;
  }

 private:
  int count_min_;
  float plausibility_min_;
};

base::Json TrackJson(const Track& track) {
  const TrackSummary summary = Summarise(track);
  base::Json refs = base::Json::array();
  for (const TrackPoint& point : track.points) {
    refs.push_back({{"frame_id", point.frame_id},
                    {"ts_ms", domain::ToMillis(point.pts)},
                    {"det_idx", point.index},
                    {"bbox", {point.box.x1, point.box.y1, point.box.x2, point.box.y2}},
                    {"confidence", point.score}});
  }
  return {{"track_id", track.id},
          {"shot_id", track.shot},
          {"start_ms", domain::ToMillis(summary.start)},
          {"end_ms", domain::ToMillis(summary.end)},
          {"duration_ms", domain::ToMillis(summary.end - summary.start)},
          {"count", summary.count},
          {"mean_confidence", summary.mean_confidence},
          {"quality", summary.quality},
          {"frame_refs", std::move(refs)}};
}

// Takes finished tracks: keeps their summaries, their JSON, and which detection belongs to which.
class TrackCollector {
 public:
  explicit TrackCollector(Belief belief) : belief_(belief) {}

  void Add(const Track& track) {
    if (const char* why = belief_.WhyNot(track)) {
      ++dropped_[why];
      return;
    }
    summaries_.push_back(Summarise(track));
    json_.emplace(track.id, TrackJson(track).dump());
    for (const TrackPoint& point : track.points) {
      if (point.row >= static_cast<std::int64_t>(track_of_row_.size())) {
        track_of_row_.resize(static_cast<std::size_t>(point.row) + 1, 0);
      }
      track_of_row_[static_cast<std::size_t>(point.row)] = static_cast<std::int32_t>(track.id);
    }
  }

  // In order of track id.
  std::vector<TrackSummary> TakeSummaries() {
    std::sort(summaries_.begin(), summaries_.end(),
              [](const TrackSummary& a, const TrackSummary& b) { return a.id < b.id; });
    return std::move(summaries_);
  }

  std::optional<std::int64_t> TrackOf(std::int64_t row) const {
    const auto at = static_cast<std::size_t>(row);
    if (at >= track_of_row_.size() || track_of_row_[at] == 0) return std::nullopt;
    return track_of_row_[at];
  }

  std::string Document(const std::string& episode_id) const {
    std::string text = "{\"episode_id\": " + base::Json(episode_id).dump() +
                       ",\n \"total_tracks\": " + std::to_string(json_.size()) +
                       ",\n \"tracks\": [";
    const char* separator = "\n";
    for (const auto& [id, track] : json_) {
      text += separator + track;
      separator = ",\n";
    }
    return text + "\n]}\n";
  }

  const std::map<std::string, std::int64_t>& dropped() const { return dropped_; }

 private:
  Belief belief_;
  std::vector<TrackSummary> summaries_;
  std::map<std::int64_t, std::string> json_;
  std::vector<std::int32_t> track_of_row_;  // 0 = none.
  std::map<std::string, std::int64_t> dropped_;
};

// Feeds the detections to the tracker frame by frame; frames without a face count too.
base::Result<void> TrackAll(domain::JobContext& context, const Inputs& inputs, Tracker& tracker) {
  auto sample = inputs.samples.begin();
  std::vector<domain::Detection> faces;  // Of *sample.
  const auto total = static_cast<std::int64_t>(inputs.samples.size());
  const auto next_frame = [&]() -> base::Result<void> {
    if (context.stop_reason() != domain::StopReason::kNone) return domain::StoppedError();
    ROLLCALL_TRY(tracker.Next(*sample, faces));
    faces.clear();
    ++sample;
    context.ReportProgress({.done = sample - inputs.samples.begin(),
                            .total = total,
                            .unit = "frames",
                            .counters = base::Json::object(),
                            .position = std::prev(sample)->pts});
    return {};
  };
  ROLLCALL_TRY(ReadDetections(
      inputs.detections, WithEmbeddings::kYes, [&](DetectionRow row) -> base::Result<void> {
        while (sample != inputs.samples.end() && sample->frame_id < row.detection.frame_id) {
          ROLLCALL_TRY(next_frame());
        }
        faces.push_back(std::move(row.detection));
        return {};
      }));
  while (sample != inputs.samples.end()) ROLLCALL_TRY(next_frame());
  return tracker.Flush();
}

base::Result<domain::Artifact> WriteDetectionsWithTracks(const artifacts::ArtifactFolder& folder,
                                                         const EpisodeParams& params,
                                                         const Inputs& inputs,
                                                         const TrackCollector& tracks) {
  const std::string name = params.HarvestName("embeddings.parquet");
  ROLLCALL_TRY_ASSIGN(const auto path, folder.PathFor(name));
  ROLLCALL_TRY_ASSIGN(const auto table, DetectionTableWriter::Create(path, params.episode_key));
  ROLLCALL_TRY(ReadDetections(inputs.detections, WithEmbeddings::kYes, [&](DetectionRow row) {
    return table->Add(row.detection, tracks.TrackOf(table->rows()));
  }));
  ROLLCALL_TRY(table->Finish());
  return folder.Seal(name, table->rows());
}

}  // namespace

base::Result<domain::StageOutput> TrackStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  ROLLCALL_TRY_ASSIGN(const Inputs inputs, FindInputs(assignment, params));
  context.SetPhase(domain::Phase::kWork);
  TrackCollector collector(Belief(params.effort, params.settings));
  Tracker tracker(Tracker::Options{}, [&](Track track) -> base::Result<void> {
    collector.Add(track);
    return {};
  });
  ROLLCALL_TRY(TrackAll(context, inputs, tracker));

  context.SetPhase(domain::Phase::kFinalise);
  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token);
  const std::vector<TrackSummary> tracks = collector.TakeSummaries();
  const auto count = static_cast<std::int64_t>(tracks.size());
  ROLLCALL_TRY_ASSIGN(const auto table, folder.PathFor(params.HarvestName("tracks.parquet")));
  ROLLCALL_TRY(WriteTracks(table, tracks));
  domain::StageOutput output;
  ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                      folder.Seal(params.HarvestName("tracks.parquet"), count));
  ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                      folder.Write(params.HarvestName("tracks.json"),
                                   collector.Document(params.episode_key), count));
  ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                      WriteDetectionsWithTracks(folder, params, inputs, collector));
  const base::Json statistics{{"tracks", count}, {"dropped", collector.dropped()}};
  ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                      folder.Write(params.HarvestName("diagnostics/track_stats.json"),
                                   statistics.dump(1) + "\n", count));
  output.result = {{"tracks", count}, {"tracks_dropped", collector.dropped()}};
  return output;
}

}  // namespace rollcall::pipeline
