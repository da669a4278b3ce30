#include "pipeline/detect_results.h"

#include <algorithm>
#include <array>
#include <map>

#include "artifacts/artifact_folder.h"
#include "artifacts/faces_pack.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "pipeline/detection_table.h"

namespace rollcall::pipeline {
namespace {

constexpr int kHistogramBins = 10;
// What is in the segments is read, and then, for the most part, written out and hashed.
constexpr std::int64_t kTimesHandled = 3;

// Sums over all detections, for det_stats.json and diagnostics.
struct Statistics {
  std::int64_t frames_without_faces = 0;
  std::array<std::int64_t, kHistogramBins> confidence{};
  std::map<std::string, std::int64_t> without_embedding;  // Reason → faces.
  std::int64_t with_landmarks = 0;
  double side_px_sum = 0;
  std::int64_t faces = 0;
  std::int64_t embeddings = 0;

  void Add(const domain::Detection& detection) {
    ++faces;
    const int bin =
        std::clamp(static_cast<int>(detection.score * kHistogramBins), 0, kHistogramBins - 1);
    ++confidence[static_cast<std::size_t>(bin)];
    if (detection.embedding.empty()) {
      ++without_embedding[domain::NoEmbeddingName(detection.no_embedding)];
    } else {
      ++embeddings;
    }
    if (detection.landmarks) ++with_landmarks;
    side_px_sum += std::max(detection.box.width(), detection.box.height());
  }
};

// Why nothing was found, or too little, for people to read.
base::Json Warning(const DetectCounters& counters, const Statistics& statistics) {
  if (counters.frames_processed == 0) return "no frame could be decoded";
  if (!counters.gaps.empty()) return GapsWarning(counters.gaps);
  if (counters.failed_reads > 0) {
    return std::to_string(counters.failed_reads) + " sampled frames could not be decoded";
  }
  if (statistics.frames_without_faces * 5 > counters.frames_processed) {
    return "more than 20 % of the sampled frames show no face";
  }
  return nullptr;
}

base::Json DetStats(const DetectCounters& counters, const Statistics& statistics,
                    const DetectModels& models) {
  base::Json bins = base::Json::array();
  for (int i = 0; i <= kHistogramBins; ++i) bins.push_back(i / static_cast<double>(kHistogramBins));
  return {{"frames_processed", counters.frames_processed},
          {"faces_detected", counters.faces_detected},
          {"faces_turned", counters.faces_turned},
          {"frames_no_faces", statistics.frames_without_faces},
          {"failed_reads", counters.failed_reads},
          {"frames_damaged", counters.frames_damaged},
          {"frames_skipped", counters.frames_skipped},
          {"frames_closer", counters.frames_closer},
          {"gaps", GapsToJson(counters.gaps)},
          {"embeddings_computed", counters.embeddings_computed},
          {"faces_without_embedding", statistics.without_embedding},
          {"confidence_histogram", {{"bins", bins}, {"counts", statistics.confidence}}},
          {"warning", Warning(counters, statistics)},
          {"model_pack", models.pack},
          {"detector", models.detector},
          {"landmarker", models.landmarker},
          {"embedder", models.embedder},
          {"provider", models.provider},
          {"detector_provider", models.provider},
          {"embedder_provider", models.provider}};
}

base::Json EmbeddingStats(const Statistics& statistics) {
  const double faces = std::max<double>(1, static_cast<double>(statistics.faces));
  return {{"faces_seen", statistics.faces},
          {"embedded_ok", statistics.embeddings},
          {"embedded_pct", 100.0 * static_cast<double>(statistics.embeddings) / faces},
          {"with_landmarks_pct", 100.0 * static_cast<double>(statistics.with_landmarks) / faces},
          {"face_side_px_mean", statistics.side_px_sum / faces},
          {"faces_without_embedding", statistics.without_embedding}};
}

// Streams the segments into the three large files.
class Merge {
 public:
  static base::Result<Merge> Create(const artifacts::ArtifactFolder& folder,
                                    const EpisodeParams& params,
                                    const domain::JobContext& context) {
    Merge merge(context);
    ROLLCALL_TRY_ASSIGN(const auto table, folder.PathFor(params.HarvestName("embeddings.parquet")));
    ROLLCALL_TRY_ASSIGN(merge.table_, DetectionTableWriter::Create(table, params.episode_key));
    ROLLCALL_TRY_ASSIGN(const auto pack, folder.PathFor(params.HarvestName("faces.pack")));
    ROLLCALL_TRY_ASSIGN(merge.pack_, artifacts::FacesPackWriter::Create(pack));
    ROLLCALL_TRY_ASSIGN(const auto samples, folder.PathFor(params.HarvestName("samples.parquet")));
    ROLLCALL_TRY_ASSIGN(merge.samples_, SampleTableWriter::Create(samples));
    return merge;
  }

  base::Result<void> Add(const artifacts::DetectSegment& segment) {
    for (const domain::Detection& detection : segment.detections) {
      ROLLCALL_TRY(GoOn(context_));
      ROLLCALL_TRY(table_->Add(detection, std::nullopt));
      statistics_.Add(detection);
    }
    for (const domain::FaceCrop& crop : segment.crops) {
      ROLLCALL_TRY(GoOn(context_));
      ROLLCALL_TRY(pack_->Add(crop));
      ++crops_;
    }
    auto detection = segment.detections.begin();
    for (const auto& frame : segment.frames) {
      ROLLCALL_TRY(samples_->Add({.frame_id = frame.frame_id,
                                  .pts = frame.pts,
                                  .until = frame.until,
                                  .cut_score = frame.cut_score,
                                  .is_cut = frame.is_cut,
                                  .with_tiles = frame.with_tiles}));
      const auto before = detection;
      while (detection != segment.detections.end() && detection->frame_id == frame.frame_id) {
        ++detection;
      }
      if (before == detection) ++statistics_.frames_without_faces;
    }
    return {};
  }

  base::Result<void> Finish() {
    ROLLCALL_TRY(table_->Finish());
    ROLLCALL_TRY(samples_->Finish());
    return pack_->Finish();
  }

  const Statistics& statistics() const { return statistics_; }
  std::int64_t samples() const { return samples_->rows(); }
  std::int64_t rows() const { return table_->rows(); }
  std::int64_t crops() const { return crops_; }

 private:
  explicit Merge(const domain::JobContext& context) : context_(context) {}

  const domain::JobContext& context_;
  std::unique_ptr<DetectionTableWriter> table_;
  std::unique_ptr<artifacts::FacesPackWriter> pack_;
  std::unique_ptr<SampleTableWriter> samples_;
  Statistics statistics_;
  std::int64_t crops_ = 0;
};

}  // namespace

base::Json DetectCounters::ToJson() const {
  return {{"frames_processed", frames_processed},
          {"faces_detected", faces_detected},
          {"faces_turned", faces_turned},
          {"embeddings_computed", embeddings_computed},
          {"failed_reads", failed_reads},
          {"frames_damaged", frames_damaged},
          {"frames_skipped", frames_skipped},
          {"frames_closer", frames_closer},
          {"gaps", GapsToJson(gaps)}};
}

base::Result<DetectCounters> DetectCounters::FromJson(std::string_view text) {
  ROLLCALL_TRY_ASSIGN(const base::Json json, base::ParseJson(text, "segment counters"));
  DetectCounters counters;
  counters.frames_processed = json.value("frames_processed", std::int64_t{0});
  counters.faces_detected = json.value("faces_detected", std::int64_t{0});
  counters.faces_turned = json.value("faces_turned", std::int64_t{0});
  counters.embeddings_computed = json.value("embeddings_computed", std::int64_t{0});
  counters.failed_reads = json.value("failed_reads", std::int64_t{0});
  counters.frames_damaged = json.value("frames_damaged", std::int64_t{0});
  counters.frames_skipped = json.value("frames_skipped", std::int64_t{0});
  counters.frames_closer = json.value("frames_closer", std::int64_t{0});
  if (json.contains("gaps")) counters.gaps = GapsFromJson(json.at("gaps"));
  return counters;
}

base::Result<domain::StageOutput> MergeDetectSegments(domain::JobContext& context,
                                                      const EpisodeParams& params,
                                                      const std::vector<domain::Segment>& segments,
                                                      const DetectModels& models,
                                                      WorkMeter& bytes) {
  const domain::StageAssignment& assignment = context.assignment();
  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token, bytes.OnBytes());
  DetectCounters counters;
  if (!segments.empty()) {
    ROLLCALL_TRY_ASSIGN(counters, DetectCounters::FromJson(segments.back().counters_json));
  }
  ROLLCALL_TRY_ASSIGN(Merge merge, Merge::Create(folder, params, context));
  std::int64_t to_read = 0;
  for (const domain::Segment& segment : segments) to_read += segment.size_bytes;
  bytes.Begin(kTimesHandled * to_read);
  for (const domain::Segment& segment : segments) {
    ROLLCALL_TRY_ASSIGN(const std::string encoded, base::ReadFile(segment.file, bytes.OnBytes()));
    ROLLCALL_TRY_ASSIGN(const auto decoded, artifacts::DecodeDetectSegment(encoded));
    ROLLCALL_TRY(merge.Add(decoded));
  }
  ROLLCALL_TRY(merge.Finish());

  domain::StageOutput output;
  const auto keep = [&](base::Result<domain::Artifact> artifact) -> base::Result<void> {
    ROLLCALL_TRY_ASSIGN(domain::Artifact kept, std::move(artifact));
    output.artifacts.push_back(std::move(kept));
    return {};
  };
  ROLLCALL_TRY(keep(folder.Seal(params.HarvestName("embeddings.parquet"), merge.rows())));
  ROLLCALL_TRY(keep(folder.Seal(params.HarvestName("faces.pack"), merge.crops())));
  ROLLCALL_TRY(keep(folder.Seal(params.HarvestName("samples.parquet"), merge.samples())));
  ROLLCALL_TRY(keep(folder.Write(params.HarvestName("det_stats.json"),
                                 DetStats(counters, merge.statistics(), models).dump(1) + "\n",
                                 counters.faces_detected)));
  ROLLCALL_TRY(keep(folder.Write(params.HarvestName("diagnostics/embedding_stats.json"),
                                 EmbeddingStats(merge.statistics()).dump(1) + "\n",
                                 counters.embeddings_computed)));
  output.result = {{"faces_detected", counters.faces_detected},
                   {"embeddings_computed", counters.embeddings_computed},
                   {"frames_processed", counters.frames_processed},
                   {"failed_reads", counters.failed_reads},
                   {"model_pack", models.pack},
                   {"provider", models.provider}};
  if (!counters.gaps.empty()) output.result["gaps"] = GapsToJson(counters.gaps);
  return output;
}

}  // namespace rollcall::pipeline
