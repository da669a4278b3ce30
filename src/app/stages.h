#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "domain/stage.h"
#include "jobs/engine.h"
#include "worker/worker.h"

namespace rollcall::app {

// The pipeline as it is wired: which stage needs which, and who runs it. `mood` has its place in
// domain::kStages; no request names it until it has a handler.
struct WiredStage {
  domain::Stage stage;
  std::vector<domain::Stage> needs;
  // Raised whenever the stage's output for the same input changes, so that older results are not
  // taken for new ones.
  int revision = 1;

  std::string_view name() const { return domain::StageName(stage); }
};

// {"validate": 2, …}: stands in everything that is planned, so that what was planned or made by an
// older program is known.
base::Json StageRevisions();
// Whether parameters or a request were written when the revisions were not those of now.
bool IsOfOlderRevision(const std::string& json_text);

// In the order in which an episode travels: each stage after those that it needs.
const std::vector<WiredStage>& WiredStages();
// The same as the runtime has to know it.
std::vector<jobs::Engine::StageSpec> EngineStages();
// Null for a name that is no wired stage.
const WiredStage* FindWiredStage(std::string_view name);
// `name` and everything that it needs, in travelling order.
std::vector<const WiredStage*> StagesUpTo(std::string_view name);
// Whether `stage` is `from`, or needs it, however far away.
bool DependsOn(const WiredStage& stage, domain::Stage from);

// Names of everything that `stage` needs, however far away, the nearest first. A handler is given
// the files of all runs that its run names, and takes the first of a name: detect and track both
// leave embeddings.parquet.
std::vector<std::string> EverythingBefore(const WiredStage& stage);

// The handlers, for a worker process with this many threads for inference.
worker::HandlerFactory EpisodeHandlers(int threads);

// What a stage reads beside the data directory: its video and its model pack, behind links too. A
// provider other than the processor needs devices and drivers that nobody can list, so that its
// stage is not limited.
worker::OutsideFiles EpisodeFiles(const domain::StageAssignment& assignment);

}  // namespace rollcall::app
