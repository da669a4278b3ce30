#include "episode/stages/episode_stages.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "pipeline/analytics_stage.h"
#include "pipeline/cluster_stage.h"
#include "pipeline/detect_stage.h"
#include "pipeline/episode_params.h"
#include "pipeline/prepare_stages.h"
#include "pipeline/stills_stage.h"
#include "pipeline/track_stage.h"

namespace rollcall::episode {
namespace {

namespace fs = std::filesystem;
using subject::HandlerOptions;
using Handler = std::unique_ptr<domain::StageHandler>;

template <typename Stage>
Handler Make(const HandlerOptions& /*options*/) {
  return std::make_unique<Stage>();
}

Handler MakeDetect(const HandlerOptions& options) {
  pipeline::DetectStage::Options detect;
  detect.threads = options.threads;
  return std::make_unique<pipeline::DetectStage>(std::move(detect));
}

}  // namespace

const subject::StageTable& EpisodeStages() {
  static const subject::StageTable stages{{
      {.name = "validate",
       .title = "Check the video",
       .needs = {},
       .handler = &Make<pipeline::ValidateStage>,
       .flag = "validated",
       .revision = 2,
       .reads_source = true},
      {.name = "extract",
       .title = "Plan the samples",
       .needs = {"validate"},
       .handler = &Make<pipeline::ExtractStage>,
       .parameters = {"effort"},
       .flag = "extracted_frames",
       .revision = 3,
       .reads_source = true},
      {.name = "detect",
       .title = "Find faces",
       .needs = {"extract"},
       .handler = &MakeDetect,
       .parameters = {"effort", "provider"},
       .models = {"detector", "landmarks", "embedder"},
       .flag = "detected",
       .revision = 3,
       .reads_source = true},
      {.name = "track",
       .title = "Follow faces",
       .needs = {"detect"},
       .handler = &Make<pipeline::TrackStage>,
       .flag = "tracked",
       .revision = 2},
      {.name = "stills",
       .title = "Choose stills",
       .needs = {"track"},
       .handler = &Make<pipeline::StillsStage>,
       .flag = "stills_generated",
       .revision = 2},
      {.name = "cluster",
       .title = "Group faces into people",
       .needs = {"track"},
       .handler = &Make<pipeline::ClusterStage>,
       .flag = "clustered",
       .revision = 3},
      // Comes later; its place in the registry is known.
      {.name = "mood",
       .title = "Measure expression",
       .needs = {"cluster"},
       .handler = nullptr,
       .flag = "mood_measured"},
      {.name = "analytics",
       .title = "Add up screen time",
       .needs = {"cluster", "stills"},
       .handler = &Make<pipeline::AnalyticsStage>,
       .parameters = {"edits_digest"},
       .flag = "analytics_computed",
       .revision = 3},
  }};
  return stages;
}

worker::OutsideFiles FilesOutside(const domain::StageAssignment& assignment) {
  worker::OutsideFiles files;
  const auto params = pipeline::EpisodeParams::Parse(assignment);
  if (!params.ok()) return files;  // The stage says so.
  const subject::StageRow* row = EpisodeStages().Find(assignment.stage);
  const bool has_models = row != nullptr && !row->models.empty();
  if (has_models && params->provider != "cpu") {
    files.why_unlimited = "the provider " + params->provider + " needs its devices and drivers";
  }
  files.reads.push_back(params->video_path);
  if (params->model_pack.empty()) return files;
  files.reads.push_back(params->model_pack);
  // The pack's folder may hold links to files elsewhere.
  std::error_code unreadable;
  for (fs::directory_iterator at(params->model_pack, unreadable), end; !unreadable && at != end;
       at.increment(unreadable)) {
    if (at->is_symlink(unreadable)) files.reads.push_back(at->path());
  }
  return files;
}

}  // namespace rollcall::episode
