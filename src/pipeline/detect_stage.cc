#include "pipeline/detect_stage.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "artifacts/artifact_folder.h"
#include "artifacts/faces_pack.h"
#include "base/failpoint.h"
#include "domain/reasons.h"
#include "pipeline/detect_results.h"
#include "pipeline/frame_examination.h"
#include "pipeline/manifest.h"
#include "pipeline/segment_plan.h"
#include "pipeline/skip_plan.h"
#include "vision/model_pack.h"

namespace rollcall::pipeline {
namespace {

using Examiners = std::vector<std::unique_ptr<FaceExaminer>>;

// The networks of one attempt and what is known of them.
struct LoadedModels {
  DetectModels names;
  Examiners examiners;
  bool with_tiles = false;
};

base::Result<std::unique_ptr<FaceExaminer>> MakeExaminer(
    const vision::ModelPack& pack, const vision::ModelPack::RuntimeOptions& runtime,
    DetectModels& names) {
  ROLLCALL_TRY_ASSIGN(auto detector, pack.MakeDetector(runtime));
  ROLLCALL_TRY_ASSIGN(auto embedder, pack.MakeEmbedder(runtime));
  std::unique_ptr<vision::FaceLandmarker> landmarker;
  if (pack.Find("landmarks") != nullptr) {
    ROLLCALL_TRY_ASSIGN(landmarker, pack.MakeLandmarker(runtime));
    names.landmarker = landmarker->name();
  }
  names.detector = detector->name();
  names.embedder = embedder->name();
  const ExaminerOptions options{.score_whole = pack.thresholds().score_whole,
                                .score_tiles = pack.thresholds().score_tiles,
                                .raw_norm_min = pack.thresholds().raw_norm_min,
                                .raw_norm_typical = pack.thresholds().raw_norm_typical,
                                .second_look = pack.thresholds().second_look};
  return std::make_unique<FaceExaminer>(std::move(detector), std::move(landmarker),
                                        std::move(embedder), options);
}

// Not only loaded: every file has its pinned hash.
base::Result<vision::ModelPack> OpenPack(const std::filesystem::path& folder) {
  ROLLCALL_TRY_ASSIGN(vision::ModelPack pack, vision::ModelPack::Load(folder));
  for (const std::string_view role : {"detector", "embedder"}) {
    if (pack.Find(role) != nullptr) continue;
    return domain::MakeError(domain::reason::kModelMissing,
                             fmt::format("model pack {} has no {}", pack.name(), role),
                             "choose a pack that has one: `rollcall models list`");
  }
  ROLLCALL_TRY(pack.Verify());
  return pack;
}

base::Result<LoadedModels> LoadModels(domain::JobContext& context, const EpisodeParams& params,
                                      const DetectStage::Options& options) {
  context.SetPhase(domain::Phase::kModelLoad);
  const auto folder = params.model_pack.empty() ? options.model_pack : params.model_pack;
  const auto began = std::chrono::steady_clock::now();
  ROLLCALL_TRY_ASSIGN(const vision::ModelPack pack, OpenPack(folder));
  context.Log(fmt::format("model={} loading...", pack.name()));
  LoadedModels loaded;
  loaded.names.pack = pack.name();
  loaded.names.provider = params.provider;
  loaded.with_tiles = pack.wants_tiles();
  for (int i = 0; i < options.threads; ++i) {
    ROLLCALL_TRY_ASSIGN(
        auto examiner,
        MakeExaminer(pack, {.provider = params.provider, .threads = 1}, loaded.names));
    loaded.examiners.push_back(std::move(examiner));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  context.Log(fmt::format("model={} loaded in {:.1f}s provider={}", pack.name(), took.count(),
                          params.provider));
  return loaded;
}

// Everything of one attempt between the models and the merge.
class DetectRun {
 public:
  DetectRun(domain::JobContext& context, const EpisodeParams& params, const Manifest& manifest,
            DetectStage::Options options)
      : context_(context),
        params_(params),
        manifest_(manifest),
        options_(std::move(options)),
        plan_(PlanSegments(manifest.index, manifest.plan, options_.segment)),
        skips_(manifest.index, manifest.plan, plan_, context.assignment().skips),
        committed_(context.assignment().segments) {}

  base::Result<std::vector<domain::Segment>> Run(LoadedModels models) {
    if (!committed_.empty()) {
      position_ = committed_.back().pts_to;  // The rate is that of what is still to do.
      ROLLCALL_TRY_ASSIGN(counters_, DetectCounters::FromJson(committed_.back().counters_json));
    }
    Report();
    bool is_alone = context_.assignment().crashes > 0;
    while (committed_.size() < plan_.size()) {
      if (skips_.IsSkipped(committed_.size())) {
        ROLLCALL_TRY(CommitOrStop());
        continue;
      }
      ROLLCALL_TRY(LookAt(StretchEnd(is_alone), models));
      is_alone = false;
    }
    return committed_;
  }

 private:
  // How far one reader goes: to the next segment that is skipped.
  std::size_t StretchEnd(bool is_alone) const {
    std::size_t end = committed_.size() + 1;
    while (!is_alone && end < plan_.size() && !skips_.IsSkipped(end)) ++end;
    return end;
  }

  // Commits the segments before `end`.
  base::Result<void> LookAt(std::size_t end, LoadedModels& models) {
    ROLLCALL_TRY(Begin());
    const std::vector<std::size_t> samples = SamplesBefore(end);
    if (samples.empty()) {  // All too near behind a skipped segment.
      while (committed_.size() < end) ROLLCALL_TRY(CommitOrStop());
      return {};
    }
    context_.SetPhase(domain::Phase::kSeek);
    ROLLCALL_TRY_ASSIGN(const auto examination, Start(samples, models));
    context_.SetPhase(domain::Phase::kWork);
    ROLLCALL_TRY(Consume(*examination, end));
    models.examiners = examination->Release();
    return {};
  }

  // Indexes into the sampling plan: what is to be looked at of the segments before `end`.
  std::vector<std::size_t> SamplesBefore(std::size_t end) const {
    std::vector<std::size_t> samples;
    const auto past =
        static_cast<std::size_t>(plan_[end - 1].first_sample + plan_[end - 1].samples);
    for (auto i = static_cast<std::size_t>(plan_[committed_.size()].first_sample); i < past; ++i) {
      if (!skips_.IsLost(i)) samples.push_back(i);
    }
    return samples;
  }

  base::Result<std::unique_ptr<FrameExamination>> Start(const std::vector<std::size_t>& samples,
                                                        LoadedModels& models) {
    const std::size_t first = samples.front();
    const bool is_after_gap = first > 0 && skips_.IsLost(first - 1);
    const bool has_context = first > 0 && !is_after_gap;
    std::vector<std::int64_t> frames;
    if (has_context) frames.push_back(manifest_.plan[first - 1]);
    for (const std::size_t sample : samples) frames.push_back(manifest_.plan[sample]);
    ROLLCALL_TRY_ASSIGN(auto reader, media::FrameReader::Open(
                                         params_.video_path, manifest_.index, std::move(frames),
                                         {.threads = options_.threads,
                                          .keyframes_only = params_.effort == Effort::kDraft,
                                          .first_frame = skips_.FirstFrame(committed_.size())}));
    return std::make_unique<FrameExamination>(
        std::move(reader), std::move(models.examiners),
        FrameExamination::Options{.effort = params_.effort,
                                  .segment = options_.segment,
                                  .with_tiles = models.with_tiles,
                                  .with_context = has_context,
                                  .begins_after_gap = is_after_gap,
                                  .policy = {}});
  }

  base::Result<void> Consume(FrameExamination& examination, std::size_t end) {
    while (committed_.size() < end) {
      if (context_.stop_reason() == domain::StopReason::kCancel) return domain::StoppedError();
      ROLLCALL_TRY_ASSIGN(std::optional<ExaminedFrame> frame, examination.Next());
      // Planned frames that did not decode are missing: a later frame closes their segments.
      while (committed_.size() < end && (!frame || frame->pts >= plan_[committed_.size()].pts_to)) {
        ROLLCALL_TRY(CommitOrStop());
        if (committed_.size() < end) ROLLCALL_TRY(Begin());
      }
      if (frame) Take(*std::move(frame));
    }
    return {};
  }

  // Says which segment is next, to be blamed if the process ends in it.
  base::Result<void> Begin() {
    const PlannedSegment& planned = plan_[committed_.size()];
    context_.BeginSegment(
        {.number = planned.number, .pts_from = planned.pts_from, .pts_to = planned.pts_to});
    return base::Failpoint(fmt::format("detect.segment.{}", planned.number));
  }

  base::Result<void> CommitOrStop() {
    ROLLCALL_TRY(Commit());
    if (context_.stop_reason() != domain::StopReason::kNone) return domain::StoppedError();
    return {};
  }

  void Take(ExaminedFrame frame) {
    ++counters_.frames_processed;
    if (frame.is_damaged) ++counters_.frames_damaged;
    counters_.faces_detected += static_cast<std::int64_t>(frame.detections.size());
    for (domain::Detection& detection : frame.detections) {
      if (!detection.embedding.empty()) ++counters_.embeddings_computed;
      open_.detections.push_back(std::move(detection));
    }
    for (domain::FaceCrop& crop : frame.crops) open_.crops.push_back(std::move(crop));
    open_.frames.push_back({.frame_id = frame.frame_id,
                            .pts = frame.pts,
                            .cut_score = frame.shot.score,
                            .is_cut = frame.shot.is_cut});
    position_ = frame.pts;
    Report();
  }

  base::Result<void> Commit() {
    const std::size_t segment = committed_.size();
    const PlannedSegment& planned = plan_[segment];
    const std::int64_t lost = skips_.SamplesLost(segment);
    open_.failed_reads = planned.samples - lost - static_cast<std::int64_t>(open_.frames.size());
    counters_.failed_reads += open_.failed_reads;
    counters_.frames_skipped += lost;
    if (skips_.IsSkipped(segment)) AddGap(skips_.GapOf(segment), counters_.gaps);
    ROLLCALL_TRY_ASSIGN(domain::Segment committed,
                        context_.CommitSegment({.number = planned.number,
                                                .pts_from = planned.pts_from,
                                                .pts_to = planned.pts_to,
                                                .path = {},
                                                .size_bytes = 0,
                                                .sha256 = {},
                                                .counters_json = counters_.ToJson().dump(),
                                                .resume_blob = {}},
                                               artifacts::EncodeDetectSegment(open_)));
    committed_.push_back(std::move(committed));
    open_ = {};
    if (lost > 0) Report();
    return {};
  }

  void Report() {
    context_.ReportProgress(
        {.done = counters_.frames_processed + counters_.failed_reads + counters_.frames_skipped,
         .total = static_cast<std::int64_t>(manifest_.plan.size()),
         .unit = "frames",
         .counters = {{"faces_detected", counters_.faces_detected},
                      {"embeddings_computed", counters_.embeddings_computed}},
         .position = position_});
  }

  domain::JobContext& context_;
  const EpisodeParams& params_;
  const Manifest& manifest_;
  const DetectStage::Options options_;
  const std::vector<PlannedSegment> plan_;
  const SkipPlan skips_;
  std::vector<domain::Segment> committed_;
  artifacts::DetectSegment open_;
  DetectCounters counters_;
  domain::MediaTime position_{};
};

}  // namespace

base::Result<void> CheckModels(const std::filesystem::path& folder) {
  ROLLCALL_TRY(OpenPack(folder));
  return {};
}

base::Result<domain::StageOutput> DetectStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact manifest_file,
                      artifacts::FindInput(assignment, params.HarvestName("manifest.parquet")));
  ROLLCALL_TRY_ASSIGN(const Manifest manifest,
                      ReadManifest(assignment.data_dir / manifest_file.path));
  ROLLCALL_TRY_ASSIGN(LoadedModels models, LoadModels(context, params, options_));
  const DetectModels names = models.names;
  DetectRun run(context, params, manifest, options_);
  ROLLCALL_TRY_ASSIGN(const std::vector<domain::Segment> segments, run.Run(std::move(models)));
  context.SetPhase(domain::Phase::kFinalise);
  return MergeDetectSegments(assignment, params, segments, names);
}

}  // namespace rollcall::pipeline
