#include "pipeline/detect_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "artifacts/artifact_folder.h"
#include "artifacts/faces_pack.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "pipeline/change_watch.h"
#include "pipeline/close_look.h"
#include "pipeline/detect_results.h"
#include "pipeline/frame_examination.h"
#include "pipeline/manifest.h"
#include "pipeline/segment_plan.h"
#include "pipeline/skip_plan.h"
#include "pipeline/work_meter.h"
#include "vision/model_pack.h"

namespace rollcall::pipeline {
namespace {

// While one is taken the pictures of the other reader are in memory too.
constexpr int kFramesOfLook = 2;
// What seemed to be a cut may be a fade, in which a face becomes another's.
constexpr domain::MediaTime kEmbedEveryInLook{100'000};

using Examiners = std::vector<std::unique_ptr<FaceExaminer>>;

// The networks of one attempt and what is known of them.
struct LoadedModels {
  DetectModels names;
  Examiners examiners;
  bool with_tiles = false;
};

// Loads one model after the other and says so, so that the one that hangs is known.
class ModelLoading {
 public:
  ModelLoading(domain::JobContext& context, const vision::ModelPack& pack,
               vision::ModelPack::RuntimeOptions runtime, WorkMeter& bytes)
      : context_(context), pack_(pack), runtime_(std::move(runtime)), bytes_(bytes) {}

  // One of make(runtime) for each thread.
  template <typename Model, typename Make>
  base::Result<std::vector<std::unique_ptr<Model>>> Load(std::string_view role_name, int threads,
                                                         Make make) {
    std::vector<std::unique_ptr<Model>> models;
    const vision::PackRole* role = pack_.Find(role_name);
    const std::string name = role == nullptr ? pack_.name() : pack_.ModelName(*role);
    context_.Log(fmt::format("model={} loading...", name));
    const auto began = std::chrono::steady_clock::now();
    if (role != nullptr) ROLLCALL_TRY(pack_.Verify(*role, bytes_.OnBytes()));
    for (int i = 0; i < threads; ++i) {
      ROLLCALL_TRY(GoOn(context_));
      ROLLCALL_TRY_ASSIGN(auto model, make(runtime_));
      models.push_back(std::move(model));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    context_.Log(fmt::format("model={} loaded in {:.1f}s provider={}", name, took.count(),
                             runtime_.provider));
    return models;
  }

 private:
  domain::JobContext& context_;
  const vision::ModelPack& pack_;
  const vision::ModelPack::RuntimeOptions runtime_;
  WorkMeter& bytes_;
};

// Those that detect does not use must be right as well: the results name the whole pack.
base::Result<void> VerifyOthers(const vision::ModelPack& pack, WorkMeter& bytes) {
  constexpr std::array<std::string_view, 3> kUsed{"detector", "landmarks", "embedder"};
  for (const vision::PackRole& role : pack.roles()) {
    if (std::ranges::find(kUsed, role.role) != kUsed.end()) continue;
    ROLLCALL_TRY(pack.Verify(role, bytes.OnBytes()));
  }
  return {};
}

base::Result<LoadedModels> LoadModels(domain::JobContext& context, const EpisodeParams& params,
                                      const DetectStage::Options& options, WorkMeter& bytes) {
  context.SetPhase(domain::Phase::kModelLoad);
  bytes.Begin();
  const auto folder = params.model_pack.empty() ? options.model_pack : params.model_pack;
  ROLLCALL_TRY_ASSIGN(const vision::ModelPack pack, vision::ModelPack::Load(folder));
  ROLLCALL_TRY(VerifyOthers(pack, bytes));
  ModelLoading loading(context, pack, {.provider = params.provider, .threads = 1}, bytes);
  ROLLCALL_TRY_ASSIGN(auto detectors, loading.Load<vision::FaceDetector>(
                                          "detector", options.threads, [&](const auto& runtime) {
                                            return pack.MakeDetector(runtime);
                                          }));
  ROLLCALL_TRY_ASSIGN(auto embedders, loading.Load<vision::FaceEmbedder>(
                                          "embedder", options.threads, [&](const auto& runtime) {
                                            return pack.MakeEmbedder(runtime);
                                          }));
  std::vector<std::unique_ptr<vision::FaceLandmarker>> landmarkers(detectors.size());
  if (pack.Find("landmarks") != nullptr) {
    ROLLCALL_TRY_ASSIGN(landmarkers, loading.Load<vision::FaceLandmarker>(
                                         "landmarks", options.threads, [&](const auto& runtime) {
                                           return pack.MakeLandmarker(runtime);
                                         }));
  }
  LoadedModels loaded;
  loaded.names = {.pack = pack.name(),
                  .detector = detectors.front()->name(),
                  .landmarker = landmarkers.front() ? landmarkers.front()->name() : "",
                  .embedder = embedders.front()->name(),
                  .provider = params.provider};
  loaded.with_tiles = pack.wants_tiles();
  const ExaminerOptions examiner{.score_whole = pack.thresholds().score_whole,
                                 .score_tiles = pack.thresholds().score_tiles,
                                 .raw_norm_min = pack.thresholds().raw_norm_min,
                                 .raw_norm_typical = pack.thresholds().raw_norm_typical,
                                 .second_look = pack.thresholds().second_look};
  for (std::size_t i = 0; i < detectors.size(); ++i) {
    loaded.examiners.push_back(std::make_unique<FaceExaminer>(
        std::move(detectors[i]), std::move(landmarkers[i]), std::move(embedders[i]), examiner));
  }
  return loaded;
}

bool IsOf(const domain::FaceCrop& crop, const domain::Detection& detection) {
  return detection.frame_id == crop.frame_id && detection.index == crop.index;
}

// How often a wait for the next frame is interrupted to look whether to go on.
constexpr std::chrono::milliseconds kLookUp{50};
// Without a frame for so long, while the file goes by, people are told how much of it instead.
constexpr std::chrono::seconds kQuiet{5};

// Everything of one attempt between the models and the merge.
class DetectRun {
 public:
  DetectRun(domain::JobContext& context, const EpisodeParams& params, const Manifest& manifest,
            DetectStage::Options options, WorkMeter& bytes)
      : context_(context),
        bytes_(bytes),
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
      ROLLCALL_TRY(RecallLastFrame());
    }
    Report();
    bool is_alone = context_.assignment().crashes > 0;
    while (committed_.size() < plan_.size()) {
      if (skips_.IsSkipped(committed_.size())) {
        CountReads();
        ROLLCALL_TRY(CommitOrStop());
        continue;
      }
      ROLLCALL_TRY(LookAt(StretchEnd(is_alone), models));
      is_alone = false;
    }
    return committed_;
  }

  // Once more, after something else was counted.
  void Report() {
    context_.ReportProgress({.done = FramesDone(),
                             .total = static_cast<std::int64_t>(manifest_.plan.size()),
                             .unit = "frames",
                             .counters = {{"faces_detected", counters_.faces_detected},
                                          {"embeddings_computed", counters_.embeddings_computed}},
                             .position = position_});
  }

  // While something else is counted.
  base::Json CountersBeside() const {
    return {{"faces_detected", counters_.faces_detected},
            {"embeddings_computed", counters_.embeddings_computed},
            {"frames_done", FramesDone()},
            {"frames_total", manifest_.plan.size()}};
  }

 private:
  std::int64_t FramesDone() const {
    return counters_.frames_processed + counters_.failed_reads + counters_.frames_skipped;
  }

  // The last frame that was looked at before this attempt: where damage lies before a border, that
  // is not the last that was planned. Segments without a frame are small.
  base::Result<void> RecallLastFrame() {
    for (std::size_t i = committed_.size(); i-- > 0 && !last_frame_;) {
      ROLLCALL_TRY_ASSIGN(const std::string bytes,
                          base::ReadFile(committed_[i].file, bytes_.OnBytes()));
      ROLLCALL_TRY_ASSIGN(const auto segment, artifacts::DecodeDetectSegment(bytes));
      for (const auto& frame : segment.frames) {
        // Those between were looked at in a second pass.
        if (std::ranges::binary_search(manifest_.plan, frame.frame_id)) {
          last_frame_ = frame.frame_id;
        }
      }
      if (skips_.SamplesLost(i) > 0) break;  // What lies before a gap does not matter behind it.
    }
    return {};
  }

  // What a reader's thread has to know.
  struct ReaderState {
    bool is_opening = true;  // It then reads on the stage's thread.
    std::atomic<bool> is_over{false};
  };
  struct Reading {
    std::shared_ptr<ReaderState> reader;
    std::unique_ptr<FrameExamination> examination;
  };

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
      while (committed_.size() < end) {
        CountReads();
        ROLLCALL_TRY(CommitOrStop());
      }
      return {};
    }
    ROLLCALL_TRY_ASSIGN(const Reading reading, Start(samples, models));
    const auto consumed = Consume(*reading.examination, end, models);
    End(reading, models);
    return consumed;
  }

  // What the samples of a segment leave open. Their reader waits meanwhile: it need not seek again.
  base::Result<void> LookAgain(FrameExamination& samples, LoadedModels& models) {
    std::vector<SpareFace> unsure = changes_.Take();
    if (params_.effort != Effort::kNormal) return {};
    const auto looks = FindFastCuts(open_, plan_[committed_.size()].pts_to);
    if (unsure.empty() && looks.empty()) return {};
    const FoundFaces before = CountFaces(open_.detections);
    models.examiners = samples.Lend();
    auto looked = EmbedSpares(std::move(unsure), *models.examiners.front());
    for (std::size_t i = 0; i < looks.size() && looked.ok(); ++i) {
      looked = LookCloser(looks[i], models);
    }
    samples.TakeBack(std::move(models.examiners));
    Count(before, CountFaces(open_.detections));
    Report();
    return looked;
  }

  base::Result<void> EmbedSpares(std::vector<SpareFace> spares, FaceExaminer& examiner) {
    for (SpareFace& spare : spares) {
      if (context_.stop_reason() == domain::StopReason::kCancel) return domain::StoppedError();
      domain::Detection& detection = *std::ranges::find_if(
          open_.detections, [&](const domain::Detection& each) { return IsOf(spare.crop, each); });
      ROLLCALL_TRY(examiner.EmbedAligned(spare.aligned, detection));
      if (spare.cropped.pixels.empty()) continue;
      ROLLCALL_TRY_ASSIGN(open_.crops.emplace_back(),
                          EncodeCrop(std::move(spare.crop), spare.cropped));
    }
    std::ranges::sort(open_.crops, {}, [](const domain::FaceCrop& crop) {
      return std::pair(crop.frame_id, crop.index);
    });
    return {};
  }

  // Every frame of it, instead of ten a second.
  base::Result<void> LookCloser(const CloseLook& look, LoadedModels& models) {
    std::vector<std::int64_t> frames = FramesOf(look, manifest_.index);
    if (frames.empty()) return {};
    const std::int64_t first_frame_id = frames.front();
    frames.insert(frames.begin(), look.frame_before);
    ROLLCALL_TRY_ASSIGN(const Reading reading,
                        Examine(std::move(frames), first_frame_id,
                                /*is_after_gap=*/false, /*is_close=*/true, models));
    const auto looked = TakeInstead(*reading.examination, look);
    End(reading, models);
    return looked;
  }

  base::Result<void> TakeInstead(FrameExamination& examination, const CloseLook& look) {
    artifacts::DetectSegment closer;
    while (true) {
      if (context_.stop_reason() == domain::StopReason::kCancel) return domain::StoppedError();
      ROLLCALL_TRY(Await(examination));
      ROLLCALL_TRY_ASSIGN(std::optional<ExaminedFrame> frame, examination.Next());
      if (!frame) break;
      AddTo(closer, *std::move(frame));
    }
    counters_.frames_closer += std::ssize(closer.frames);
    ReplaceFrames(look, std::move(closer), open_);
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

  // What the first sample of a reader is compared with.
  struct Before {
    std::vector<std::int64_t> frames;  // From the last that was looked at, if there is one.
    bool is_gap = false;               // Something was left out since.
  };
  Before BeforeSample(std::size_t first) const {
    Before before;
    for (std::size_t i = first; i-- > 0;) {
      if (skips_.IsLost(i)) return {.frames = {}, .is_gap = true};
      // Those between did not decode, and are planned again only so that everything is as it was.
      before.frames.push_back(manifest_.plan[i]);
      if (manifest_.plan[i] != last_frame_) continue;
      std::ranges::reverse(before.frames);
      return before;
    }
    return {};
  }

  base::Result<Reading> Start(const std::vector<std::size_t>& samples, LoadedModels& models) {
    Before before = BeforeSample(samples.front());
    std::vector<std::int64_t> frames = std::move(before.frames);
    for (const std::size_t sample : samples) frames.push_back(manifest_.plan[sample]);
    return Examine(std::move(frames), manifest_.plan[samples.front()], before.is_gap,
                   /*is_close=*/false, models);
  }

  // Frames before the first one only prime the shot detector. A close look ends with vectors, to be
  // compared with what follows.
  base::Result<Reading> Examine(std::vector<std::int64_t> frames, std::int64_t first_frame_id,
                                bool is_after_gap, bool is_close, LoadedModels& models) {
    FrameExamination::Options options{.effort = params_.effort,
                                      .segment = options_.segment,
                                      .with_tiles = models.with_tiles,
                                      .first_frame_id = first_frame_id,
                                      .begins_after_gap = is_after_gap,
                                      .policy = {}};
    if (is_close) {
      const auto last = static_cast<std::size_t>(frames.back());
      options.frames_in_flight = kFramesOfLook;
      options.policy.embed_every = kEmbedEveryInLook;
      options.policy.all_from = manifest_.index.packets[last].pts;
    }
    BeginSeeking();
    Reading reading{.reader = std::make_shared<ReaderState>(), .examination = nullptr};
    ROLLCALL_TRY_ASSIGN(
        auto reader,
        media::FrameReader::Open(params_.video_path, manifest_.index, std::move(frames),
                                 {.threads = options_.threads,
                                  .keyframes_only = params_.effort == Effort::kDraft,
                                  .is_short = is_close,
                                  .first_frame = skips_.FirstFrame(committed_.size()),
                                  .on_bytes = [this, state = reading.reader](std::int64_t more) {
                                    return OnBytes(more, *state);
                                  }}));
    reading.reader->is_opening = false;
    reading.examination =
        std::make_unique<FrameExamination>(std::move(reader), std::move(models.examiners), options);
    return reading;
  }

  static void End(const Reading& reading, LoadedModels& models) {
    reading.reader->is_over = true;
    models.examiners = reading.examination->Release();
  }

  // For a frame; from where the reader stands the file may be long.
  void BeginSeeking() {
    is_seeking_ = true;
    context_.SetPhase(domain::Phase::kSeek);
    std::error_code ignored;  // What is wrong with the file is said by who reads it.
    bytes_.Begin(
        static_cast<std::int64_t>(std::filesystem::file_size(params_.video_path, ignored)));
    bytes_.SetCounters(CountersBeside());
  }

  // On the thread that reads. Nobody may have to wait for it for long, whatever it is reading.
  base::Result<void> OnBytes(std::int64_t more, const ReaderState& reader) {
    if (reader.is_opening) return bytes_.Advance(more);
    bytes_gone_by_ += more;
    if (reader.is_over || context_.stop_reason() == domain::StopReason::kCancel) {
      return domain::StoppedError();
    }
    return {};
  }

  // Until a frame is there, or the end.
  base::Result<void> Await(FrameExamination& examination) {
    const auto began = std::chrono::steady_clock::now();
    if (!is_seeking_) bytes_gone_by_ = 0;
    while (!examination.WaitForNext(kLookUp)) {
      if (context_.stop_reason() == domain::StopReason::kCancel) return domain::StoppedError();
      const bool is_quiet = std::chrono::steady_clock::now() - began >= kQuiet;
      if (!is_seeking_ && !(is_quiet && bytes_gone_by_ > 0)) continue;
      if (!is_seeking_) BeginSeeking();
      ROLLCALL_TRY(bytes_.Advance(bytes_gone_by_.exchange(0)));
    }
    if (std::exchange(is_seeking_, false)) context_.SetPhase(domain::Phase::kWork);
    return {};
  }

  // Commits the segments before `end`.
  base::Result<void> Consume(FrameExamination& examination, std::size_t end, LoadedModels& models) {
    while (committed_.size() < end) {
      if (context_.stop_reason() == domain::StopReason::kCancel) return domain::StoppedError();
      ROLLCALL_TRY(Await(examination));
      ROLLCALL_TRY_ASSIGN(std::optional<ExaminedFrame> frame, examination.Next());
      // Planned frames that did not decode are missing: a later frame closes their segments.
      while (committed_.size() < end && (!frame || frame->pts >= plan_[committed_.size()].pts_to)) {
        CountReads();
        ROLLCALL_TRY(LookAgain(examination, models));
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

  void Count(const FoundFaces& before, const FoundFaces& after) {
    counters_.faces_detected += after.detected - before.detected;
    counters_.embeddings_computed += after.embedded - before.embedded;
    counters_.faces_turned += after.turned - before.turned;
  }

  void Take(ExaminedFrame frame) {
    ++counters_.frames_processed;
    if (frame.is_damaged) ++counters_.frames_damaged;
    Count({}, CountFaces(frame.detections));
    last_frame_ = frame.frame_id;
    position_ = frame.pts;
    changes_.Next(frame.pts, frame.shot.is_cut, frame.detections, std::move(frame.spares));
    AddTo(open_, std::move(frame));
    Report();
  }

  void AddTo(artifacts::DetectSegment& segment, ExaminedFrame frame) const {
    std::ranges::move(frame.detections, std::back_inserter(segment.detections));
    std::ranges::move(frame.crops, std::back_inserter(segment.crops));
    segment.frames.push_back({.frame_id = frame.frame_id,
                              .pts = frame.pts,
                              .until = manifest_.index.ShownUntil(frame.frame_id),
                              .cut_score = frame.shot.score,
                              .is_cut = frame.shot.is_cut,
                              .with_tiles = frame.with_tiles});
  }

  // Of a segment whose samples are all there, before anything takes their place.
  void CountReads() {
    const std::size_t segment = committed_.size();
    const std::int64_t lost = skips_.SamplesLost(segment);
    open_.failed_reads = plan_[segment].samples - lost - std::ssize(open_.frames);
    counters_.failed_reads += open_.failed_reads;
    counters_.frames_skipped += lost;
  }

  base::Result<void> Commit() {
    const std::size_t segment = committed_.size();
    const PlannedSegment& planned = plan_[segment];
    const std::int64_t lost = skips_.SamplesLost(segment);
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

  domain::JobContext& context_;
  WorkMeter& bytes_;
  const EpisodeParams& params_;
  const Manifest& manifest_;
  const DetectStage::Options options_;
  const std::vector<PlannedSegment> plan_;
  const SkipPlan skips_;
  std::vector<domain::Segment> committed_;
  artifacts::DetectSegment open_;
  ChangeWatch changes_;  // Of the open segment.
  DetectCounters counters_;
  domain::MediaTime position_{};
  std::optional<std::int64_t> last_frame_;  // That was looked at, of this work ever.

  bool is_seeking_ = false;
  std::atomic<std::int64_t> bytes_gone_by_{0};
};

}  // namespace

base::Result<domain::StageOutput> DetectStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact manifest_file,
                      artifacts::FindInput(assignment, params.HarvestName("manifest.parquet")));
  WorkMeter rows(context, "rows", kRowsPerLook);
  ROLLCALL_TRY_ASSIGN(const Manifest manifest,
                      ReadManifest(manifest_file.file, [&] { return rows.Advance(); }));
  WorkMeter bytes(context, "bytes");
  ROLLCALL_TRY_ASSIGN(LoadedModels models, LoadModels(context, params, options_, bytes));
  const DetectModels names = models.names;
  DetectRun run(context, params, manifest, options_, bytes);
  ROLLCALL_TRY_ASSIGN(const std::vector<domain::Segment> segments, run.Run(std::move(models)));
  context.SetPhase(domain::Phase::kFinalise);
  bytes.SetCounters(run.CountersBeside());
  ROLLCALL_TRY_ASSIGN(domain::StageOutput output,
                      MergeDetectSegments(context, params, segments, names, bytes));
  run.Report();  // The last word is in the stage's own unit.
  return output;
}

}  // namespace rollcall::pipeline
