#include "app/episode_projection.h"

#include <algorithm>

#include "base/file.h"
#include "domain/stage.h"
#include "jobs/file_check.h"

namespace rollcall::app {

using base::Result;

namespace {

Result<jobs::StageFacts> StageFactsOf(store::JobStore& store, const std::filesystem::path& data_dir,
                                      const store::Subject& subject, domain::Stage stage) {
  jobs::StageFacts facts;
  facts.stage = stage;
  const std::string_view name = domain::StageName(stage);
  ROLLCALL_TRY_ASSIGN(const auto history, store.RunHistory(subject, name));
  facts.shown = jobs::ShownGeneration(history);
  ROLLCALL_TRY_ASSIGN(facts.last_good, store.RunLastGood(subject, name));
  if (facts.last_good) {
    ROLLCALL_TRY_ASSIGN(facts.artifacts, store.ArtifactList(facts.last_good->id));
    facts.has_artifacts = jobs::HasArtifacts(data_dir, facts.artifacts);
  }
  return facts;
}

}  // namespace

Result<jobs::SubjectFacts> FactsOf(store::JobStore& store, const std::filesystem::path& data_dir,
                                   const store::Episode& episode) {
  jobs::SubjectFacts facts{
      .subject = {"episode", episode.key}, .episode = episode, .epoch = {}, .stages = {}};
  ROLLCALL_TRY_ASSIGN(facts.epoch, store.StreamEpoch());
  for (const domain::Stage stage : domain::kStages) {
    ROLLCALL_TRY_ASSIGN(facts.stages.emplace_back(),
                        StageFactsOf(store, data_dir, facts.subject, stage));
  }
  return facts;
}

Result<bool> WriteFirstState(store::JobStore& store, const DataDirectory& data,
                             const store::Episode& episode) {
  ROLLCALL_TRY_ASSIGN(const jobs::SubjectFacts facts, FactsOf(store, data.root(), episode));
  const bool has_runs = std::ranges::any_of(
      facts.stages, [](const jobs::StageFacts& stage) { return stage.shown.has_value(); });
  if (has_runs) return false;
  const std::filesystem::path folder = data.episode(episode.key);
  ROLLCALL_TRY(base::MakeFolders(folder));
  ROLLCALL_TRY(base::WriteFileAtomic(folder / "state.json", jobs::StateJson(facts)));
  ROLLCALL_TRY(
      base::WriteFileAtomic(folder / "runtime.json", jobs::RuntimeJson(facts, episode.created_at)));
  return true;
}

}  // namespace rollcall::app
