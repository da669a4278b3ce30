#include "app/stages.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "pipeline/analytics_stage.h"
#include "pipeline/cluster_stage.h"
#include "pipeline/detect_stage.h"
#include "pipeline/episode_params.h"
#include "pipeline/prepare_stages.h"
#include "pipeline/stills_stage.h"
#include "pipeline/track_stage.h"

namespace rollcall::app {

namespace fs = std::filesystem;
using domain::Stage;

const std::vector<WiredStage>& WiredStages() {
  static const std::vector<WiredStage> stages{
      {Stage::kValidate, {}, 2},
      {Stage::kExtract, {Stage::kValidate}, 3},
      {Stage::kDetect, {Stage::kExtract}, 3},
      {Stage::kTrack, {Stage::kDetect}, 2},
      {Stage::kStills, {Stage::kTrack}, 2},
      {Stage::kCluster, {Stage::kTrack}, 3},
      {Stage::kAnalytics, {Stage::kCluster, Stage::kStills}, 2},
  };
  return stages;
}

base::Json StageRevisions() {
  base::Json revisions = base::Json::object();
  for (const WiredStage& stage : WiredStages()) {
    revisions[std::string(stage.name())] = stage.revision;
  }
  return revisions;
}

bool IsOfOlderRevision(const std::string& json_text) {
  const base::Json json = base::Json::parse(json_text, nullptr, /*allow_exceptions=*/false);
  const bool is_said = json.is_object() && json.contains("revisions");
  return !is_said || json["revisions"] != StageRevisions();
}

std::vector<jobs::Engine::StageSpec> EngineStages() {
  std::vector<jobs::Engine::StageSpec> specs;
  for (const WiredStage& stage : WiredStages()) {
    specs.push_back({.name = std::string(stage.name()), .needs = EverythingBefore(stage)});
  }
  return specs;
}

const WiredStage* FindWiredStage(std::string_view name) {
  const auto& stages = WiredStages();
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const WiredStage& stage) { return stage.name() == name; });
  return found == stages.end() ? nullptr : &*found;
}

bool DependsOn(const WiredStage& stage, Stage from) {
  if (stage.stage == from) return true;
  return std::any_of(stage.needs.begin(), stage.needs.end(), [&](Stage need) {
    return DependsOn(*FindWiredStage(domain::StageName(need)), from);
  });
}

std::vector<const WiredStage*> StagesUpTo(std::string_view name) {
  std::vector<const WiredStage*> wanted;
  const WiredStage* last = FindWiredStage(name);
  if (last == nullptr) return wanted;
  for (const WiredStage& stage : WiredStages()) {
    if (DependsOn(*last, stage.stage)) wanted.push_back(&stage);
  }
  return wanted;
}

std::vector<std::string> EverythingBefore(const WiredStage& stage) {
  std::vector<std::string> names;
  for (const WiredStage* before : StagesUpTo(stage.name())) {
    if (before != &stage) names.emplace_back(before->name());
  }
  std::reverse(names.begin(), names.end());
  return names;
}

worker::HandlerFactory EpisodeHandlers(int threads) {
  return [threads](std::string_view name) -> std::unique_ptr<domain::StageHandler> {
    const auto stage = domain::StageFromName(name);
    if (!stage) return nullptr;
    switch (*stage) {
      case Stage::kValidate:
        return std::make_unique<pipeline::ValidateStage>();
      case Stage::kExtract:
        return std::make_unique<pipeline::ExtractStage>();
      case Stage::kDetect: {
        pipeline::DetectStage::Options options;
        options.threads = threads;
        return std::make_unique<pipeline::DetectStage>(std::move(options));
      }
      case Stage::kTrack:
        return std::make_unique<pipeline::TrackStage>();
      case Stage::kStills:
        return std::make_unique<pipeline::StillsStage>();
      case Stage::kCluster:
        return std::make_unique<pipeline::ClusterStage>();
      case Stage::kAnalytics:
        return std::make_unique<pipeline::AnalyticsStage>();
      case Stage::kMood:
        return nullptr;
    }
    return nullptr;
  };
}

worker::OutsideFiles EpisodeFiles(const domain::StageAssignment& assignment) {
  worker::OutsideFiles files;
  const auto params = pipeline::EpisodeParams::Parse(assignment);
  if (!params.ok()) return files;  // The stage says so.
  const bool has_models = domain::StageFromName(assignment.stage) == Stage::kDetect;
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

}  // namespace rollcall::app
