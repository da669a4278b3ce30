#include "pipeline/track_stage.h"

#include <map>
#include <utility>

#include "artifacts/artifact_folder.h"
#include "artifacts/json_stream.h"
#include "artifacts/output_file.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "pipeline/detection_table.h"
#include "pipeline/episode_params.h"
#include "pipeline/track_spool.h"
#include "pipeline/track_table.h"
#include "pipeline/tracker.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {
namespace {

struct Inputs {
  std::filesystem::path detections;
  std::filesystem::path samples;
};

base::Result<Inputs> FindInputs(const domain::StageAssignment& assignment,
                                const EpisodeParams& params) {
  ROLLCALL_TRY_ASSIGN(const domain::Artifact detections,
                      artifacts::FindInput(assignment, params.HarvestName("embeddings.parquet")));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact samples,
                      artifacts::FindInput(assignment, params.HarvestName("samples.parquet")));
  return Inputs{.detections = detections.file, .samples = samples.file};
}

// The second look at what a detector took for a face: it must last, or be a good picture of one
// where there are few pictures, and have points or a vector that say so.
class Belief {
 public:
  Belief(Effort effort, const base::Json& settings)
      : is_draft_(effort == Effort::kDraft),
        count_min_(settings.value("track_count_min", 3)),
        length_min_(std::chrono::milliseconds{settings.value("track_length_min_ms", 120)}),
        quality_min_(settings.value("track_quality_min", 0.4F)),
        plausibility_min_(settings.value("track_plausibility_min", 0.5F)) {}

  // Null when the track is believed; else why not.
  const char* WhyNot(const Track& track) const {
    const bool is_lasting = track.count >= count_min_ && track.length() >= length_min_;
    // One that is missed in most of the pictures that could show it is no face, however good it is.
    const bool is_all_there_is = 2 * track.count >= track.samples;
    const bool is_good = track.embedding_count > 0 && track.best.quality >= quality_min_;
    if (!is_draft_ && !is_lasting && !(is_good && is_all_there_is)) return "too_short";
    if (track.landmark_score_sum / static_cast<float>(track.count) < plausibility_min_) {
      return "implausible_landmarks";
    }
    if (track.embedding_count == 0) return "no_good_crop";
    return nullptr;
  }

 private:
  bool is_draft_;
  int count_min_;
  domain::MediaTime length_min_;
  float quality_min_;
  float plausibility_min_;
};

// What was found and is not believed.
struct DroppedTracks {
  std::int64_t tracks = 0;
  std::int64_t faces = 0;
};

// Puts what the tracker finds aside, and counts which tracks are not believed, and why.
class TrackCollector final : public TrackSink {
 public:
  TrackCollector(Belief belief, TrackSpool& spool) : belief_(belief), spool_(spool) {}

  base::Result<void> TakePoint(std::int64_t track_id, const TrackPoint& point) override {
    return spool_.AddPoint(track_id, point);
  }
  base::Result<void> TakeTrack(Track track) override {
    const char* why = belief_.WhyNot(track);
    faces_ += track.count;
    if (why == nullptr) return spool_.Keep(Summarise(track));
    ++dropped_[why].tracks;
    dropped_[why].faces += track.count;
    return spool_.Drop(track.id);
  }

  // By reason.
  const std::map<std::string, DroppedTracks>& dropped() const { return dropped_; }
  // Of all tracks, believed or not.
  std::int64_t faces() const { return faces_; }

 private:
  Belief belief_;
  TrackSpool& spool_;
  std::map<std::string, DroppedTracks> dropped_;
  std::int64_t faces_ = 0;
};

// Everything of one attempt. Rows are counted: the samples, those of tracks.json, the detections.
class TrackRun {
 public:
  TrackRun(domain::JobContext& context, const EpisodeParams& params)
      : context_(context),
        params_(params),
        rows_(context, "rows", kRowsPerLook),
        bytes_(context, "bytes"),
        folder_(context.assignment().staging_dir, context.assignment().token, bytes_.OnBytes()) {}
  TrackRun(const TrackRun&) = delete;
  TrackRun& operator=(const TrackRun&) = delete;

  base::Result<domain::StageOutput> Run() {
    ROLLCALL_TRY_ASSIGN(inputs_, FindInputs(context_.assignment(), params_));
    ROLLCALL_TRY_ASSIGN(const std::int64_t samples, artifacts::CountParquetRows(inputs_.samples));
    ROLLCALL_TRY_ASSIGN(detections_, artifacts::CountParquetRows(inputs_.detections));
    ROLLCALL_TRY_ASSIGN(const auto aside, PathFor("tracks.tmp"));
    ROLLCALL_TRY_ASSIGN(spool_, TrackSpool::Create(aside));
    rows_.Begin(samples + 2 * detections_);
    TrackCollector collector(Belief(params_.effort, params_.settings), *spool_);
    ROLLCALL_TRY(TrackAll(collector));
    ROLLCALL_TRY(WriteTracks());
    rows_.Begin(detections_);
    ROLLCALL_TRY(WriteDetections());
    context_.SetPhase(domain::Phase::kFinalise);
    bytes_.Begin();
    ROLLCALL_TRY_ASSIGN(domain::StageOutput output, Seal(collector));
    rows_.Report();  // The last word is in the stage's own unit.
    return output;
  }

 private:
  // Feeds the detections to the tracker frame by frame; frames without a face count too.
  base::Result<void> TrackAll(TrackCollector& collector) {
    Tracker tracker(Tracker::Options{}, collector);
    ROLLCALL_TRY_ASSIGN(SampleReader samples, SampleReader::Open(inputs_.samples));
    ROLLCALL_TRY_ASSIGN(DetectionReader detections,
                        DetectionReader::Open(inputs_.detections, WithEmbeddings::kYes));
    ROLLCALL_TRY_ASSIGN(std::optional<DetectionRow> next, detections.Next());
    std::vector<domain::Detection> faces;  // Of one sample.
    while (true) {
      ROLLCALL_TRY_ASSIGN(const std::optional<Sample> sample, samples.Next());
      if (!sample) break;
      faces.clear();
      while (next && next->detection.frame_id <= sample->frame_id) {
        faces.push_back(std::move(next->detection));
        ROLLCALL_TRY_ASSIGN(next, detections.Next());
      }
      spool_->BeginFrame(faces.size());
      ROLLCALL_TRY(tracker.Next(*sample, faces));
      ROLLCALL_TRY(spool_->EndFrame());
      rows_.SetPosition(sample->pts);
      ROLLCALL_TRY(rows_.Advance());
    }
    return tracker.Flush();
  }

  base::Result<void> WriteTracks() {
    ROLLCALL_TRY_ASSIGN(const auto table_path, PathFor("tracks.parquet"));
    ROLLCALL_TRY_ASSIGN(const auto table, TrackTableWriter::Create(table_path));
    ROLLCALL_TRY_ASSIGN(const auto json_path, PathFor("tracks.json"));
    ROLLCALL_TRY_ASSIGN(artifacts::OutputFile json, artifacts::OutputFile::Create(json_path));
    ROLLCALL_TRY(json.Append("{\"episode_id\": " + base::Json(params_.episode_key).dump() +
                             ",\n \"total_tracks\": " + std::to_string(spool_->kept()) +
                             ",\n \"tracks\": ["));
    const char* separator = "\n";
    ROLLCALL_TRY(spool_->ForEachKept([&](const TrackSummary& track) -> base::Result<void> {
      ROLLCALL_TRY(table->Add(track));
      ROLLCALL_TRY(json.Append(std::exchange(separator, ",\n")));
      return WriteTrackJson(track, json);
    }));
    ROLLCALL_TRY(json.Append("\n]}\n"));
    ROLLCALL_TRY(json.Close());
    return table->Finish();
  }

  base::Result<void> WriteTrackJson(const TrackSummary& track, artifacts::OutputFile& file) {
    artifacts::JsonStream json(file, artifacts::JsonStream::Layout::kCompact);
    json.BeginObject();
    json.Entries({{"track_id", track.id},
                  {"shot_id", track.shot},
                  {"start_ms", domain::ToMillis(track.start)},
                  {"end_ms", domain::ToMillis(track.end)},
                  {"duration_ms", domain::ToMillis(track.end - track.start)},
                  {"count", track.count},
                  {"mean_confidence", track.mean_confidence},
                  {"quality", track.quality}});
    json.Key("frame_refs");
    json.BeginArray();
    ROLLCALL_TRY(spool_->ForEachPoint(track.id, [&](const TrackPoint& point) -> base::Result<void> {
      json.Value({{"frame_id", point.frame_id},
                  {"ts_ms", domain::ToMillis(point.pts)},
                  {"det_idx", point.index},
                  {"bbox", {point.box.x1, point.box.y1, point.box.x2, point.box.y2}},
                  {"confidence", point.score}});
      return rows_.Advance();
    }));
    json.EndArray();
    json.EndObject();
    return json.Finish();
  }

  // embeddings.parquet anew, with the column track_id filled.
  base::Result<void> WriteDetections() {
    ROLLCALL_TRY_ASSIGN(const auto path, PathFor("embeddings.parquet"));
    ROLLCALL_TRY_ASSIGN(const auto table, DetectionTableWriter::Create(path, params_.episode_key));
    ROLLCALL_TRY_ASSIGN(DetectionReader detections,
                        DetectionReader::Open(inputs_.detections, WithEmbeddings::kYes));
    while (true) {
      ROLLCALL_TRY_ASSIGN(const std::optional<DetectionRow> row, detections.Next());
      if (!row) break;
      ROLLCALL_TRY_ASSIGN(const auto track_id, spool_->TrackOf(table->rows()));
      ROLLCALL_TRY(table->Add(row->detection, track_id));
      ROLLCALL_TRY(rows_.Advance());
    }
    return table->Finish();
  }

  base::Result<domain::StageOutput> Seal(const TrackCollector& collector) {
    const std::int64_t count = spool_->kept();
    base::Json tracks_dropped = base::Json::object();
    base::Json faces_dropped = base::Json::object();
    for (const auto& [why, dropped] : collector.dropped()) {
      tracks_dropped[why] = dropped.tracks;
      faces_dropped[why] = dropped.faces;
    }
    domain::StageOutput output;
    for (const auto& [name, rows] :
         {std::pair("tracks.parquet", count), std::pair("tracks.json", count),
          std::pair("embeddings.parquet", detections_)}) {
      ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                          folder_.Seal(params_.HarvestName(name), rows));
    }
    const base::Json statistics{{"tracks", count},
                                {"dropped", tracks_dropped},
                                {"faces_dropped", faces_dropped},
                                {"faces_without_track", detections_ - collector.faces()}};
    ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                        folder_.Write(params_.HarvestName("diagnostics/track_stats.json"),
                                      statistics.dump(1) + "\n", count));
    output.result = {{"tracks", count}, {"tracks_dropped", std::move(tracks_dropped)}};
    return output;
  }

  base::Result<std::filesystem::path> PathFor(std::string_view name) const {
    return folder_.PathFor(params_.HarvestName(name));
  }

  domain::JobContext& context_;
  const EpisodeParams& params_;
  WorkMeter rows_;
  WorkMeter bytes_;  // Made durable at the end.
  const artifacts::ArtifactFolder folder_;
  Inputs inputs_;
  std::int64_t detections_ = 0;
  std::unique_ptr<TrackSpool> spool_;
};

}  // namespace

base::Result<domain::StageOutput> TrackStage::Run(domain::JobContext& context) {
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(context.assignment()));
  context.SetPhase(domain::Phase::kWork);
  return TrackRun(context, params).Run();
}

}  // namespace rollcall::pipeline
