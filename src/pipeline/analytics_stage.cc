#include "pipeline/analytics_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "artifacts/artifact_folder.h"
#include "artifacts/json_stream.h"
#include "artifacts/output_file.h"
#include "artifacts/parquet.h"
#include "artifacts/report_files.h"
#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"
#include "people/sight_matcher.h"
#include "pipeline/cluster_file.h"
#include "pipeline/episode_params.h"
#include "pipeline/peoples_times.h"
#include "pipeline/presence_pack.h"
#include "pipeline/screen_time.h"
#include "pipeline/skip_plan.h"
#include "pipeline/stills_stage.h"
#include "pipeline/stored_sources.h"
#include "pipeline/track_table.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;
using domain::ToMillis;

// What the stages before left.
struct Episode {
  base::Json probe;
  base::Json extract;
  base::Json det_stats;
  base::Json track_stats;
  std::filesystem::path samples;
  std::filesystem::path detections;
  std::filesystem::path tracks_file;
  std::string tracks_sha256;
  std::vector<TrackQuality> tracks;
  std::vector<people::TrackSpan> spans;  // Of them.
  ClusterFile clusters;
  bool has_stills = false;

  // Within the video.
  std::vector<Gap> gaps() const {
    const auto listed = det_stats.find("gaps");  // Older results do not name them.
    if (listed == det_stats.end()) return {};
    std::vector<Gap> gaps = GapsFromJson(*listed);
    for (Gap& gap : gaps) gap.end = std::min(gap.end, pictures().end);
    return gaps;
  }

  // From the first to the end of the last, on the file's timeline.
  Interval pictures() const {
    return {.start = MediaTime{extract.at("first_picture_us").get<std::int64_t>()},
            .end = MediaTime{extract.at("end_us").get<std::int64_t>()}};
  }
  MediaTime length() const { return pictures().length(); }
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
    ROLLCALL_TRY_ASSIGN(episode.track_stats, ReadJson("diagnostics/track_stats.json"));
    ROLLCALL_TRY_ASSIGN(episode.samples, PathOf("samples.parquet"));
    ROLLCALL_TRY_ASSIGN(const domain::Artifact tracks, InputOf("tracks.parquet"));
    episode.tracks_file = tracks.file;
    episode.tracks_sha256 = tracks.sha256;
    ROLLCALL_TRY(ForEachTrack(tracks.file, WithEmbeddings::kNo, [&](const TrackSummary& track) {
      episode.tracks.push_back(QualityOf(track));
      episode.spans.push_back(SpanOf(track));
      return base::Result<void>();
    }));
    ROLLCALL_TRY_ASSIGN(const auto clusters, PathOf("clusters.json"));
    ROLLCALL_TRY_ASSIGN(episode.clusters, ReadClusters(clusters));
    ROLLCALL_TRY_ASSIGN(episode.detections, PathOf("embeddings.parquet"));
    episode.has_stills = PathOf("stills").ok();
    return episode;
  }

 private:
  base::Result<domain::Artifact> InputOf(std::string_view file) const {
    return artifacts::FindInput(assignment_, params_.HarvestName(file));
  }
  base::Result<std::filesystem::path> PathOf(std::string_view file) const {
    ROLLCALL_TRY_ASSIGN(const domain::Artifact input, InputOf(file));
    return input.file;
  }
  base::Result<base::Json> ReadJson(std::string_view file) const {
    ROLLCALL_TRY_ASSIGN(const auto path, PathOf(file));
    ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
    return base::ParseJson(text, path.string());
  }

  const domain::StageAssignment& assignment_;
  const EpisodeParams& params_;
};

double Share(MediaTime part, MediaTime whole) {
  if (whole.count() <= 0) return 0;
  // Six digits: enough for a millisecond of a day, and stable in text.
  return std::round(1e6 * static_cast<double>(part.count()) / static_cast<double>(whole.count())) /
         1e6;
}

// What was found and is not counted, by reason.
struct DroppedFaces {
  std::string why;  // In words.
  std::int64_t tracks = 0;
  std::int64_t faces = 0;
};

std::string InWords(const std::string& why) {
  if (why == "too_short") return "too short";
  if (why == "implausible_landmarks") return "without the features of a face";
  if (why == "no_good_crop") return "without one picture good enough";
  return why;
}

std::vector<DroppedFaces> DroppedOf(const base::Json& track_stats) {
  std::vector<DroppedFaces> dropped;
  const base::Json faces = track_stats.value("faces_dropped", base::Json::object());
  for (const auto& [why, tracks] : track_stats.at("dropped").items()) {
    dropped.push_back({.why = InWords(why),
                       .tracks = tracks.get<std::int64_t>(),
                       .faces = faces.value(why, std::int64_t{0})});
  }
  const auto alone = track_stats.value("faces_without_track", std::int64_t{0});
  if (alone > 0)
    dropped.push_back({.why = "too unsure to be followed", .tracks = 0, .faces = alone});
  return dropped;
}

std::int64_t FacesIn(const std::vector<DroppedFaces>& dropped) {
  std::int64_t faces = 0;
  for (const DroppedFaces& each : dropped) faces += each.faces;
  return faces;
}

std::string Counted(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// "90 faces were found and not counted: 82 without the features of a face (11 tracks), …".
std::string DroppedSentence(const std::vector<DroppedFaces>& dropped) {
  std::string reasons;
  for (const DroppedFaces& each : dropped) {
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", each.faces, each.why);
    if (each.tracks > 0) reasons += fmt::format(" ({})", Counted(each.tracks, "track"));
  }
  const std::int64_t faces = FacesIn(dropped);
  return fmt::format("{} {} found and not counted: {}", Counted(faces, "face"),
                     faces == 1 ? "was" : "were", reasons);
}

// Of a video that is turned much is missed, even of those who are found.
bool MayBeTurned(const base::Json& det_stats, const base::Json& track_stats, std::size_t people) {
  constexpr std::int64_t kTurnedShare = 4;  // Of all faces.
  if (people == 0 && track_stats.at("dropped").contains("implausible_landmarks")) return true;
  const auto turned = det_stats.value("faces_turned", std::int64_t{0});
  return turned > 0 && kTurnedShare * turned >= det_stats.value("faces_detected", std::int64_t{0});
}

double Rounded(double value) { return std::round(value * 1e4) / 1e4; }

// So many tracks have a piece among these.
std::size_t CountTracks(const std::vector<people::Piece>& pieces) {
  std::set<std::int64_t> ids;
  for (const people::Piece& piece : pieces) ids.insert(piece.track_id);
  return ids.size();
}

base::Result<base::Json> Coverage(const Episode& episode, const people::Folded& folded,
                                  const std::vector<PersonTime>& people, const SampleGrid& grid) {
  std::vector<PresenceInterval> anybody;
  std::vector<people::Piece> somebodys;
  for (const PersonTime& person : people) {
    anybody.insert(anybody.end(), person.seen.begin(), person.seen.end());
  }
  for (const people::Person& person : folded.people) {
    somebodys.insert(somebodys.end(), person.pieces.begin(), person.pieces.end());
  }
  ROLLCALL_TRY_ASSIGN(const auto united, UnitePresence(std::move(anybody), grid, MediaTime{0}));
  base::Json dropped = base::Json::array();
  for (const DroppedFaces& each : DroppedOf(episode.track_stats)) {
    dropped.push_back({{"why", each.why}, {"tracks", each.tracks}, {"faces", each.faces}});
  }
  const auto found = episode.det_stats.value("faces_detected", std::int64_t{0});
  const auto embedded = episode.det_stats.value("embeddings_computed", std::int64_t{0});
  const auto chosen =
      found - episode.det_stats.value("faces_without_embedding", base::Json::object())
                  .value("not_sampled", std::int64_t{0});
  return base::Json{{"video_ms", ToMillis(episode.length())},
                    {"frames_sampled", grid.size()},
                    {"frames_failed", episode.det_stats.value("failed_reads", 0)},
                    {"sample_step_ms", ToMillis(grid.median_step())},
                    {"frames_closer", episode.det_stats.value("frames_closer", 0)},
                    {"faces_detected", found},
                    {"faces_chosen", chosen},
                    {"embeddings_computed", embedded},
                    {"embeddings_failed", chosen - embedded},
                    {"faces_without_track", episode.track_stats.value("faces_without_track", 0)},
                    {"not_counted", std::move(dropped)},
                    {"tracks", episode.tracks.size()},
                    {"tracks_of_people", CountTracks(somebodys)},
                    {"tracks_unidentified", CountTracks(folded.nobodys)},
                    {"tracks_ignored", CountTracks(folded.ignored)},
                    {"people_ms", ToMillis(TotalLength(united))},
                    {"gaps", GapsToJson(episode.gaps())}};
}

std::string UnattachedWarning(const std::vector<people::Unattached>& unattached) {
  const bool is_one = unattached.size() == 1;
  std::string each;
  for (const people::Unattached& edit : unattached) {
    each += fmt::format("{}{} ({})", each.empty() ? "" : ", ", edit.sequence, edit.why);
  }
  return fmt::format("{} {} nothing here to hold on to, or not all that {}: {}",
                     Counted(std::ssize(unattached), "edit"), is_one ? "finds" : "find",
                     is_one ? "it names" : "they name", each);
}

base::Json Warnings(const Episode& episode, const people::Folded& folded, std::size_t people) {
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
  const auto dropped = DroppedOf(episode.track_stats);
  const auto found = episode.det_stats.value("faces_detected", std::int64_t{0});
  // A few false ones are in every video; the coverage has them.
  if (!dropped.empty() && (people == 0 || 5 * FacesIn(dropped) > found)) {
    warnings.push_back(DroppedSentence(dropped));
  }
  if (MayBeTurned(episode.det_stats, episode.track_stats, people)) {
    warnings.push_back(
        "faces seem to lie on their side or upside down: is the video turned? Then more is found "
        "in a "
        "copy that is not (ffmpeg -i VIDEO -vf transpose=1, transpose=2 or hflip,vflip COPY)");
  }
  if (!folded.unattached.empty()) warnings.push_back(UnattachedWarning(folded.unattached));
  return warnings;
}

base::Json EditsJson(const EpisodeParams& params, const people::Folded& folded) {
  base::Json unattached = base::Json::array();
  for (const people::Unattached& edit : folded.unattached) {
    unattached.push_back(
        {{"sequence", edit.sequence}, {"is_partly", edit.is_partly}, {"why", edit.why}});
  }
  const auto made = std::ranges::count_if(
      params.edits, [](const people::Edit& edit) { return edit.kind != people::EditKind::kLabel; });
  return {{"count", made}, {"unattached", std::move(unattached)}};
}

// What all times of the report are counted from, and where that is on the container's own clock.
base::Json TimeJson(const Episode& episode) {
  return {{"zero", "file"},
          {"file_zero_us", episode.probe.value("zero_us", std::int64_t{0})},
          {"first_picture_us", episode.probe.value("start_us", std::int64_t{0})},
          {"first_picture_ms", ToMillis(episode.pictures().start)}};
}

// report.json, part by part: its intervals are as many as the results.
class ReportWriter {
 public:
  ReportWriter(artifacts::OutputFile& file, const EpisodeParams& params, const Episode& episode,
               const people::Folded& folded, WorkMeter& meter)
      : file_(file),
        json_(file, artifacts::JsonStream::Layout::kIndented),
        params_(params),
        episode_(episode),
        folded_(folded),
        meter_(meter) {}

  base::Result<void> Write(const std::string& work_key, const base::Json& video,
                           const base::Json& coverage, const std::vector<PersonTime>& people) {
    json_.BeginObject();
    json_.Entries({{"schema", 1},
                   {"episode", params_.episode_key},
                   {"work_key", work_key},
                   {"video", video},
                   {"effort", EffortName(params_.effort)},
                   {"model_pack", episode_.det_stats.value("model_pack", "")},
                   {"provider", episode_.det_stats.value("provider", "")},
                   {"models", params_.models},
                   {"warnings", Warnings(episode_, folded_, people.size())},
                   {"time", TimeJson(episode_)},
                   {"edits", EditsJson(params_, folded_)}});
    json_.Key("people");
    json_.BeginArray();
    for (const PersonTime& person : people) ROLLCALL_TRY(Person(person));
    json_.EndArray();
    json_.Key("coverage");
    json_.Value(coverage);
    json_.EndObject();
    ROLLCALL_TRY(json_.Finish());
    return file_.Append("\n");
  }

 private:
  base::Result<void> Person(const PersonTime& person) {
    json_.BeginObject();
    json_.Entries(
        {{"id", person.label},
         {"group", folded_.people[person.person].group_id},
         {"name", person.name},
         {"is_named", person.is_named},
         {"seen_ms", ToMillis(person.seen_length())},
         {"total_ms", ToMillis(person.total_length())},
         {"error_ms", ToMillis(person.error())},
         {"share", Share(person.total_length(), episode_.length())},
         {"appearances", person.intervals.size()},
         {"first_ms", ToMillis(person.intervals.front().start)},
         {"last_ms", ToMillis(person.intervals.back().end)},
         {"mean_confidence", Rounded(person.mean_confidence)},
         {"is_low_confidence", person.is_low_confidence},
         {"still", episode_.has_stills ? base::Json(params_.HarvestName(
                                             "stills/" + StillFileName(person.best_track_id)))
                                       : base::Json(nullptr)}});
    ROLLCALL_TRY(Intervals("seen", person.seen));
    ROLLCALL_TRY(Intervals("intervals", person.intervals));
    json_.EndObject();
    return {};
  }

  base::Result<void> Intervals(const char* key, const std::vector<PresenceInterval>& intervals) {
    json_.Key(key);
    json_.BeginArray();
    for (const PresenceInterval& interval : intervals) {
      json_.Value({{"start_ms", ToMillis(interval.start)}, {"end_ms", ToMillis(interval.end)}});
      ROLLCALL_TRY(meter_.Advance());
    }
    json_.EndArray();
    return {};
  }

  artifacts::OutputFile& file_;
  artifacts::JsonStream json_;
  const EpisodeParams& params_;
  const Episode& episode_;
  const people::Folded& folded_;
  WorkMeter& meter_;
};

base::Json VideoJson(const Episode& episode) {
  base::Json video = episode.probe;
  video.erase("episode_id");
  video["duration_ms"] = ToMillis(episode.length());
  video["frames"] = episode.extract.at("frames");
  return video;
}

base::Result<artifacts::TimelineRow> TimelineRowOf(const PersonTime& person, std::size_t interval,
                                                   const SampleGrid& grid) {
  const PresenceInterval& presence = person.intervals[interval];
  const IntervalSightings& sighted = person.sighted[interval];
  artifacts::TimelineRow row{.person_name = person.name,
                             .start = presence.start,
                             .end = presence.end,
                             .frame_count = sighted.frames};
  ROLLCALL_TRY_ASSIGN(const std::int64_t counted, grid.CountIn(presence));
  const auto samples = std::max<std::int64_t>(1, counted);
  row.confidence =
      sighted.faces == 0 ? 0 : Rounded(sighted.score_sum / static_cast<double>(sighted.faces));
  row.visible_fraction =
      Rounded(static_cast<double>(row.frame_count) / static_cast<double>(samples));
  return row;
}

base::Result<std::vector<artifacts::TimelineRow>> TimelineOf(const std::vector<PersonTime>& people,
                                                             const SampleGrid& grid,
                                                             WorkMeter& meter) {
  std::vector<artifacts::TimelineRow> rows;
  for (const PersonTime& person : people) {
    for (std::size_t i = 0; i < person.intervals.size(); ++i) {
      ROLLCALL_TRY_ASSIGN(rows.emplace_back(), TimelineRowOf(person, i, grid));
      ROLLCALL_TRY(meter.Advance());
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

// What is written, in the order in which it is handed back.
struct Results {
  base::Json video;
  base::Json coverage;
  std::vector<artifacts::TotalsRow> totals;
  std::vector<artifacts::TimelineRow> timeline;
};

artifacts::ReportMetadata MetadataOf(const EpisodeParams& params, const Episode& episode,
                                     const Results& results) {
  const auto text = [](const base::Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  artifacts::ReportMetadata metadata{
      .entries = {{"Episode", params.episode_key},
                  {"Video", text(results.video.at("file"))},
                  {"Video SHA-256", text(results.video.at("sha256"))},
                  {"Duration ms", text(results.video.at("duration_ms"))},
                  {"Effort", std::string(EffortName(params.effort))},
                  {"Model pack", episode.det_stats.value("model_pack", "")},
                  {"People", std::to_string(results.totals.size())},
                  {"Intervals", std::to_string(results.timeline.size())},
                  {"Tracks", text(results.coverage.at("tracks"))}}};
  const std::vector<Gap> gaps = GapsFromJson(results.coverage.at("gaps"));
  if (!gaps.empty()) metadata.entries.emplace_back("Not looked at", GapsWarning(gaps));
  return metadata;
}

base::Result<void> WritePresence(const std::filesystem::path& path, const Episode& episode,
                                 WorkMeter& meter) {
  ROLLCALL_TRY_ASSIGN(PresencePackWriter pack, PresencePackWriter::Create(path));
  ROLLCALL_TRY_ASSIGN(SampleReader samples, SampleReader::Open(episode.samples));
  while (true) {
    ROLLCALL_TRY_ASSIGN(const std::optional<Sample> sample, samples.Next());
    if (!sample) break;
    ROLLCALL_TRY(pack.Add(*sample));
    ROLLCALL_TRY(meter.Advance());
  }
  ROLLCALL_TRY(ForEachTrack(episode.tracks_file, WithEmbeddings::kYes,
                            [&](const TrackSummary& track) -> base::Result<void> {
                              ROLLCALL_TRY(meter.Advance());
                              return pack.Add(track);
                            }));
  ROLLCALL_TRY(ForEachPlacedSighting(
      episode.detections, meter, [&](const PlacedSighting& sighting) -> base::Result<void> {
        return pack.Add(PresenceSighting{.track_id = sighting.track_id,
                                         .frame_id = sighting.frame_id,
                                         .score = sighting.score,
                                         .box = sighting.box});
      }));
  std::vector<Interval> gaps;
  for (const Gap& gap : episode.gaps()) gaps.push_back({.start = gap.start, .end = gap.end});
  return pack.Finish({.tracks_sha256 = episode.tracks_sha256,
                      .pictures = episode.pictures(),
                      .gaps = std::move(gaps),
                      .groups = GroupsOf(episode.clusters)});
}

// Groups and edits → people. Looks at the sightings only where edits are of other tracks.
base::Result<people::Folded> FoldEpisode(const Episode& episode, const EpisodeParams& params,
                                         WorkMeter& meter) {
  auto matcher = people::SightMatcher::For(params.edits, episode.tracks_sha256);
  if (matcher.is_needed()) {
    meter.Begin(0);
    ROLLCALL_TRY_ASSIGN(SampleReader samples, SampleReader::Open(episode.samples));
    while (true) {
      ROLLCALL_TRY_ASSIGN(const std::optional<Sample> sample, samples.Next());
      if (!sample) break;
      if (sample->is_cut) matcher.TakeCut(sample->pts);
      ROLLCALL_TRY(meter.Advance());
    }
    ROLLCALL_TRY(ForEachPlacedSighting(
        episode.detections, meter, [&](const PlacedSighting& sighting) -> base::Result<void> {
          matcher.Take(sighting.track_id, sighting.pts, sighting.box);
          return {};
        }));
  }
  const std::vector<people::Group> groups = GroupsOf(episode.clusters);
  return people::Fold(
      {.tracks = episode.tracks_sha256,
       .spans = episode.spans,
       .groups = groups,
       .edits = params.edits,
       .find_track = [&matcher](const people::Sight& sight) { return matcher.Find(sight); }});
}

// Writes every output; each is described in the order it was written.
class OutputWriter {
 public:
  // `bytes`: of the files that are made durable.
  OutputWriter(const domain::JobContext& context, const EpisodeParams& params, WorkMeter& bytes)
      : context_(context),
        folder_(context.assignment().staging_dir, context.assignment().token, bytes.OnBytes()),
        params_(params) {}

  base::Result<void> Report(const std::string& work_key, const Episode& episode,
                            const people::Folded& folded, const Results& results,
                            const std::vector<PersonTime>& people, WorkMeter& meter) {
    ROLLCALL_TRY_ASSIGN(const auto path, PathFor("report.json"));
    ROLLCALL_TRY_ASSIGN(artifacts::OutputFile file, artifacts::OutputFile::Create(path));
    ROLLCALL_TRY(ReportWriter(file, params_, episode, folded, meter)
                     .Write(work_key, results.video, results.coverage, people));
    ROLLCALL_TRY(file.Close());
    return Seal("report.json", people.size());
  }

  base::Result<void> Tables(const Episode& episode, const Results& results) {
    const std::size_t people = results.totals.size();
    ROLLCALL_TRY(Text("totals.csv", artifacts::TotalsCsv(results.totals), people));
    const std::size_t rows = results.timeline.size();
    ROLLCALL_TRY(Text("timeline.csv", artifacts::TimelineCsv(results.timeline), rows));
    ROLLCALL_TRY(GoOn(context_));
    ROLLCALL_TRY(Text("timeline.vtt", artifacts::TimelineVtt(results.timeline), rows));
    ROLLCALL_TRY(GoOn(context_));
    ROLLCALL_TRY_ASSIGN(const auto parquet, PathFor("totals.parquet"));
    ROLLCALL_TRY(artifacts::WriteTotalsParquet(parquet, results.totals));
    ROLLCALL_TRY_ASSIGN(const auto xlsx, PathFor("totals.xlsx"));
    ROLLCALL_TRY(artifacts::WriteTotalsXlsx(xlsx, results.totals, results.timeline,
                                            MetadataOf(params_, episode, results)));
    ROLLCALL_TRY(Seal("totals.parquet", people));
    return Seal("totals.xlsx", people);
  }

  // presence.pack, from which people can be told again at once.
  base::Result<void> Presence(const Episode& episode, WorkMeter& meter) {
    const std::string name = params_.HarvestName("presence.pack");
    ROLLCALL_TRY_ASSIGN(const auto path, folder_.PathFor(name));
    ROLLCALL_TRY(WritePresence(path, episode, meter));
    ROLLCALL_TRY_ASSIGN(written_.emplace_back(),
                        folder_.Seal(name, static_cast<std::int64_t>(episode.tracks.size())));
    return {};
  }

  std::vector<domain::Artifact> TakeWritten() { return std::move(written_); }

 private:
  base::Result<std::filesystem::path> PathFor(std::string_view file) const {
    return folder_.PathFor(params_.OutputName(file));
  }
  base::Result<void> Text(std::string_view file, const std::string& bytes, std::size_t count) {
    ROLLCALL_TRY_ASSIGN(written_.emplace_back(), folder_.Write(params_.OutputName(file), bytes,
                                                               static_cast<std::int64_t>(count)));
    return {};
  }
  base::Result<void> Seal(std::string_view file, std::size_t count) {
    ROLLCALL_TRY_ASSIGN(written_.emplace_back(),
                        folder_.Seal(params_.OutputName(file), static_cast<std::int64_t>(count)));
    return {};
  }

  const domain::JobContext& context_;
  const artifacts::ArtifactFolder folder_;
  const EpisodeParams& params_;
  std::vector<domain::Artifact> written_;
};

base::Result<SampleGrid> GridOf(const Episode& episode, const std::filesystem::path& aside,
                                WorkMeter& meter) {
  ROLLCALL_TRY_ASSIGN(auto samples, StoredSamples::Create(episode.samples, aside, meter));
  std::vector<Interval> gaps;
  for (const Gap& gap : episode.gaps()) gaps.push_back({.start = gap.start, .end = gap.end});
  return SampleGrid::Create(std::move(samples), episode.pictures(), std::move(gaps));
}

}  // namespace

base::Result<domain::StageOutput> AnalyticsStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  context.SetPhase(domain::Phase::kWork);
  ROLLCALL_TRY_ASSIGN(const Episode episode, EpisodeReader(assignment, params).Read());
  ROLLCALL_TRY_ASSIGN(const std::int64_t samples, artifacts::CountParquetRows(episode.samples));
  ROLLCALL_TRY_ASSIGN(const std::int64_t rows, artifacts::CountParquetRows(episode.detections));
  WorkMeter meter(context, "rows", kRowsPerLook);
  // The sightings are asked for twice, and everything is put into the pack.
  const auto tracks = static_cast<std::int64_t>(episode.tracks.size());
  meter.Begin(samples + 2 * rows + samples + tracks + rows);

  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token);
  ROLLCALL_TRY_ASSIGN(const auto aside, folder.PathFor(params.OutputName("samples.tmp")));
  ROLLCALL_TRY_ASSIGN(const SampleGrid grid, GridOf(episode, aside, meter));
  StoredSightings sightings(episode.detections, meter);
  ROLLCALL_TRY_ASSIGN(const people::Folded folded, FoldEpisode(episode, params, meter));
  ROLLCALL_TRY_ASSIGN(const std::vector<PersonTime> people,
                      MeasureScreenTime(folded, params.last_label, episode.tracks, grid, sightings,
                                        ScreenTimeOptions::From(params.settings)));
  std::size_t intervals = 0;  // In the report as seen and merged, in the timeline.
  for (const PersonTime& person : people) {
    intervals += person.seen.size() + 2 * person.intervals.size();
  }
  meter.Begin(static_cast<std::int64_t>(intervals));
  Results results{.video = VideoJson(episode),
                  .coverage = {},
                  .totals = TotalsOf(people, episode.length()),
                  .timeline = {}};
  ROLLCALL_TRY_ASSIGN(results.coverage, Coverage(episode, folded, people, grid));
  ROLLCALL_TRY_ASSIGN(results.timeline, TimelineOf(people, grid, meter));
  WorkMeter bytes(context, "bytes");
  OutputWriter outputs(context, params, bytes);
  ROLLCALL_TRY(outputs.Report(assignment.work_key, episode, folded, results, people, meter));
  ROLLCALL_TRY(outputs.Presence(episode, meter));
  context.SetPhase(domain::Phase::kFinalise);
  ROLLCALL_TRY(outputs.Tables(episode, results));
  meter.Report();  // The last word is in the stage's own unit.
  domain::StageOutput output;
  output.artifacts = outputs.TakeWritten();
  output.result = {{"people", people.size()}, {"duration_ms", ToMillis(episode.length())}};
  return output;
}

}  // namespace rollcall::pipeline
