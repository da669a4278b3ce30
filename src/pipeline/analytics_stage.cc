#include "pipeline/analytics_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "artifacts/artifact_folder.h"
#include "artifacts/report_files.h"
#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"
#include "pipeline/episode_params.h"
#include "pipeline/screen_time.h"
#include "pipeline/skip_plan.h"
#include "pipeline/stills_stage.h"

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;
using domain::ToMillis;

ScreenTimeOptions OptionsFrom(const base::Json& settings) {
  ScreenTimeOptions options;
  const auto millis = [&](const char* name, MediaTime& value) {
    if (settings.contains(name)) value = std::chrono::milliseconds{settings.at(name)};
  };
  millis("merge_gap_ms", options.merge_gap);
  millis("blip_ms", options.blip);
  millis("bridge_ms", options.bridge);
  millis("snap_ms", options.snap);
  return options;
}

// What the stages before left.
struct Episode {
  base::Json probe;
  base::Json extract;
  base::Json det_stats;
  std::vector<Sample> samples;
  std::vector<TrackSummary> tracks;
  ClusterFile clusters;
  std::filesystem::path detections;
  bool has_stills = false;

  // Within the video.
  std::vector<Gap> gaps() const {
    const auto listed = det_stats.find("gaps");  // Older results do not name them.
    if (listed == det_stats.end()) return {};
    std::vector<Gap> gaps = GapsFromJson(*listed);
    for (Gap& gap : gaps) gap.end = std::min(gap.end, length());
    return gaps;
  }

  MediaTime length() const { return MediaTime{extract.at("duration_us").get<std::int64_t>()}; }
};

class EpisodeReader {
 public:
  EpisodeReader(const domain::StageAssignment& assignment, const EpisodeParams& params)
      : assignment_(assignment), params_(params) {}

  base::Result<Episode> Read() const {
    Episode episode;
    ROLLCALL_TRY_ASSIGN(episode.probe, ReadJson("probe.json"));
    ROLLCALL_TRY_ASSIGN(episode.extract, ReadJson("extract.json"));
    ROLLCALL_TRY_ASSIGN(episode.det_stats, ReadJson("det_stats.json"));
    ROLLCALL_TRY_ASSIGN(const auto samples, PathOf("samples.parquet"));
    ROLLCALL_TRY_ASSIGN(episode.samples, ReadSamples(samples));
    ROLLCALL_TRY_ASSIGN(const auto tracks, PathOf("tracks.parquet"));
    ROLLCALL_TRY_ASSIGN(episode.tracks, ReadTracks(tracks));
    ROLLCALL_TRY_ASSIGN(const auto clusters, PathOf("clusters.json"));
    ROLLCALL_TRY_ASSIGN(episode.clusters, ReadClusters(clusters));
    ROLLCALL_TRY_ASSIGN(episode.detections, PathOf("embeddings.parquet"));
    episode.has_stills = PathOf("stills").ok();
    return episode;
  }

 private:
  base::Result<std::filesystem::path> PathOf(std::string_view file) const {
    ROLLCALL_TRY_ASSIGN(const domain::Artifact input,
                        artifacts::FindInput(assignment_, params_.HarvestName(file)));
    return assignment_.data_dir / input.path;
  }
  base::Result<base::Json> ReadJson(std::string_view file) const {
    ROLLCALL_TRY_ASSIGN(const auto path, PathOf(file));
    ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
    return base::ParseJson(text, path.string());
  }

  const domain::StageAssignment& assignment_;
  const EpisodeParams& params_;
};

base::Json IntervalsJson(const std::vector<PresenceInterval>& intervals) {
  base::Json json = base::Json::array();
  for (const PresenceInterval& interval : intervals) {
    json.push_back({{"start_ms", ToMillis(interval.start)}, {"end_ms", ToMillis(interval.end)}});
  }
  return json;
}

double Share(MediaTime part, MediaTime whole) {
  if (whole.count() <= 0) return 0;
  // Six digits: enough for a millisecond of a day, and stable in text.
  return std::round(1e6 * static_cast<double>(part.count()) / static_cast<double>(whole.count())) /
         1e6;
}

double Rounded(double value) { return std::round(value * 1e4) / 1e4; }

base::Json PersonJson(const PersonTime& person, const EpisodeParams& params,
                      const Episode& episode) {
  return {{"id", person.cluster_id},
          {"name", person.name},
          {"is_named", false},
          {"seen_ms", ToMillis(person.seen_length())},
          {"total_ms", ToMillis(person.total_length())},
          {"error_ms", ToMillis(person.error())},
          {"share", Share(person.total_length(), episode.length())},
          {"appearances", person.intervals.size()},
          {"first_ms", ToMillis(person.intervals.front().start)},
          {"last_ms", ToMillis(person.intervals.back().end)},
          {"mean_confidence", Rounded(person.mean_confidence)},
          {"is_low_confidence", person.is_low_confidence},
          {"still", episode.has_stills ? base::Json(params.HarvestName(
                                             "stills/" + StillFileName(person.best_track_id)))
                                       : base::Json(nullptr)},
          {"seen", IntervalsJson(person.seen)},
          {"intervals", IntervalsJson(person.intervals)}};
}

base::Json Coverage(const Episode& episode, const std::vector<PersonTime>& people,
                    const SampleGrid& grid) {
  std::vector<PresenceInterval> anybody;
  std::size_t tracks_of_people = 0;
  for (const PersonTime& person : people) {
    anybody.insert(anybody.end(), person.seen.begin(), person.seen.end());
  }
  for (const Cluster& cluster : episode.clusters.clusters) {
    tracks_of_people += cluster.track_ids.size();
  }
  const auto united = UnitePresence(std::move(anybody), grid, MediaTime{0});
  return {{"video_ms", ToMillis(episode.length())},
          {"frames_sampled", grid.size()},
          {"frames_failed", episode.det_stats.value("failed_reads", 0)},
          {"sample_step_ms", ToMillis(grid.median_step())},
          {"faces_detected", episode.det_stats.value("faces_detected", 0)},
          {"embeddings_computed", episode.det_stats.value("embeddings_computed", 0)},
          {"tracks", episode.tracks.size()},
          {"tracks_of_people", tracks_of_people},
          {"tracks_unidentified", episode.clusters.noise_tracks.size()},
          {"people_ms", ToMillis(TotalLength(united))},
          {"gaps", GapsToJson(episode.gaps())}};
}

base::Json Warnings(const Episode& episode) {
  base::Json warnings = episode.extract.at("warnings");
  if (const auto gaps = episode.gaps(); !gaps.empty()) warnings.push_back(GapsWarning(gaps));
  if (const auto failed = episode.det_stats.value("failed_reads", std::int64_t{0}); failed > 0) {
    warnings.push_back(fmt::format("{} of {} sampled frames could not be decoded", failed,
                                   episode.extract.value("samples", std::int64_t{0})));
  }
  if (const auto damaged = episode.det_stats.value("frames_damaged", std::int64_t{0});
      damaged > 0) {
    warnings.push_back(fmt::format("{} of {} sampled frames are damaged in the file", damaged,
                                   episode.extract.value("samples", std::int64_t{0})));
  }
  for (const std::string& warning : episode.clusters.warnings) warnings.push_back(warning);
  return warnings;
}

base::Json Report(const domain::StageAssignment& assignment, const EpisodeParams& params,
                  const Episode& episode, const std::vector<PersonTime>& people,
                  const SampleGrid& grid) {
  base::Json video = episode.probe;
  video.erase("episode_id");
  video["duration_ms"] = ToMillis(episode.length());
  video["frames"] = episode.extract.at("frames");
  base::Json list = base::Json::array();
  for (const PersonTime& person : people) list.push_back(PersonJson(person, params, episode));
  return {{"schema", 1},
          {"episode", params.episode_key},
          {"work_key", assignment.work_key},
          {"video", std::move(video)},
          {"effort", EffortName(params.effort)},
          {"model_pack", episode.det_stats.value("model_pack", "")},
          {"provider", episode.det_stats.value("provider", "")},
          {"models", params.models},
          {"warnings", Warnings(episode)},
          {"people", std::move(list)},
          {"coverage", Coverage(episode, people, grid)}};
}

artifacts::TimelineRow TimelineRowOf(const PersonTime& person, const PresenceInterval& interval,
                                     const SampleGrid& grid) {
  artifacts::TimelineRow row{
      .person_name = person.name, .start = interval.start, .end = interval.end};
  std::int64_t last_frame = -1;
  double score_sum = 0;
  std::int64_t faces = 0;
  for (const Sighting& sighting : person.sightings) {
    if (sighting.pts < interval.start || sighting.pts >= interval.end) continue;
    if (sighting.frame_id != last_frame) ++row.frame_count;
    last_frame = sighting.frame_id;
    score_sum += sighting.score;
    ++faces;
  }
  const auto samples = std::max<std::int64_t>(1, grid.CountIn(interval));
  row.confidence = faces == 0 ? 0 : Rounded(score_sum / static_cast<double>(faces));
  row.visible_fraction =
      Rounded(static_cast<double>(row.frame_count) / static_cast<double>(samples));
  return row;
}

std::vector<artifacts::TimelineRow> TimelineOf(const std::vector<PersonTime>& people,
                                               const SampleGrid& grid) {
  std::vector<artifacts::TimelineRow> rows;
  for (const PersonTime& person : people) {
    for (const PresenceInterval& interval : person.intervals) {
      rows.push_back(TimelineRowOf(person, interval, grid));
    }
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.start < b.start; });
  return rows;
}

std::vector<artifacts::TotalsRow> TotalsOf(const std::vector<PersonTime>& people,
                                           MediaTime video_length) {
  std::vector<artifacts::TotalsRow> rows;
  for (const PersonTime& person : people) {
    rows.push_back({.person_name = person.name,
                    .total = person.total_length(),
                    .appearances = static_cast<std::int64_t>(person.intervals.size()),
                    .first = person.intervals.front().start,
                    .last = person.intervals.back().end,
                    .mean_confidence = Rounded(person.mean_confidence),
                    .percent = 100 * Share(person.total_length(), video_length),
                    .error = person.error()});
  }
  return rows;
}

// Writes every output; each is described in the order it was written.
base::Result<std::vector<domain::Artifact>> WriteOutputs(
    const artifacts::ArtifactFolder& folder, const EpisodeParams& params, const base::Json& report,
    const std::vector<artifacts::TotalsRow>& totals,
    const std::vector<artifacts::TimelineRow>& timeline) {
  std::vector<domain::Artifact> written;
  const auto write = [&](const char* file, const std::string& bytes,
                         std::size_t count) -> base::Result<void> {
    ROLLCALL_TRY_ASSIGN(written.emplace_back(), folder.Write(params.OutputName(file), bytes,
                                                             static_cast<std::int64_t>(count)));
    return {};
  };
  ROLLCALL_TRY(write("report.json", report.dump(1) + "\n", totals.size()));
  ROLLCALL_TRY(write("totals.csv", artifacts::TotalsCsv(totals), totals.size()));
  ROLLCALL_TRY(write("timeline.csv", artifacts::TimelineCsv(timeline), timeline.size()));
  ROLLCALL_TRY(write("timeline.vtt", artifacts::TimelineVtt(timeline), timeline.size()));
  ROLLCALL_TRY_ASSIGN(const auto parquet, folder.PathFor(params.OutputName("totals.parquet")));
  ROLLCALL_TRY(artifacts::WriteTotalsParquet(parquet, totals));
  ROLLCALL_TRY_ASSIGN(const auto xlsx, folder.PathFor(params.OutputName("totals.xlsx")));
  const auto text = [](const base::Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  artifacts::ReportMetadata metadata{
      .entries = {{"Episode", params.episode_key},
                  {"Video", text(report.at("video").at("file"))},
                  {"Video SHA-256", text(report.at("video").at("sha256"))},
                  {"Duration ms", text(report.at("video").at("duration_ms"))},
                  {"Effort", text(report.at("effort"))},
                  {"Model pack", text(report.at("model_pack"))},
                  {"People", std::to_string(totals.size())},
                  {"Intervals", std::to_string(timeline.size())},
                  {"Tracks", text(report.at("coverage").at("tracks"))}}};
  const std::vector<Gap> gaps = GapsFromJson(report.at("coverage").at("gaps"));
  if (!gaps.empty()) metadata.entries.emplace_back("Not looked at", GapsWarning(gaps));
  ROLLCALL_TRY(artifacts::WriteTotalsXlsx(xlsx, totals, timeline, metadata));
  const auto count = static_cast<std::int64_t>(totals.size());
  ROLLCALL_TRY_ASSIGN(written.emplace_back(),
                      folder.Seal(params.OutputName("totals.parquet"), count));
  ROLLCALL_TRY_ASSIGN(written.emplace_back(), folder.Seal(params.OutputName("totals.xlsx"), count));
  return written;
}

}  // namespace

base::Result<domain::StageOutput> AnalyticsStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  context.SetPhase(domain::Phase::kWork);
  ROLLCALL_TRY_ASSIGN(Episode episode, EpisodeReader(assignment, params).Read());
  std::vector<Interval> gaps;
  for (const Gap& gap : episode.gaps()) gaps.push_back({.start = gap.start, .end = gap.end});
  const SampleGrid grid(std::move(episode.samples), episode.length(), std::move(gaps));
  ROLLCALL_TRY_ASSIGN(const std::vector<PersonTime> people,
                      MeasureScreenTime(episode.clusters, episode.tracks, grid, episode.detections,
                                        OptionsFrom(params.settings)));
  context.SetPhase(domain::Phase::kFinalise);
  context.ReportProgress({.done = static_cast<std::int64_t>(people.size()),
                          .total = static_cast<std::int64_t>(people.size()),
                          .unit = "people",
                          .counters = base::Json::object(),
                          .position = {}});
  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token);
  domain::StageOutput output;
  ROLLCALL_TRY_ASSIGN(
      output.artifacts,
      WriteOutputs(folder, params, Report(assignment, params, episode, people, grid),
                   TotalsOf(people, episode.length()), TimelineOf(people, grid)));
  output.result = {{"people", people.size()}, {"duration_ms", ToMillis(episode.length())}};
  return output;
}

}  // namespace rollcall::pipeline
