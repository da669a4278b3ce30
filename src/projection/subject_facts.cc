#include "projection/subject_facts.h"

#include "vault/file_check.h"

namespace rollcall::projection {
namespace {

base::Result<StageFacts> GatherStage(store::JobStore& store, const std::filesystem::path& data_dir,
                                     const store::Subject& subject, domain::Stage stage) {
  StageFacts facts;
  facts.stage = stage;
  const std::string_view name = domain::StageName(stage);
  ROLLCALL_TRY_ASSIGN(const auto history, store.RunHistory(subject, name));
  facts.shown = ShownGeneration(history);
  ROLLCALL_TRY_ASSIGN(facts.last_good, store.RunLastGood(subject, name));
  if (facts.last_good) {
    ROLLCALL_TRY_ASSIGN(facts.artifacts, store.ArtifactList(facts.last_good->id));
    facts.has_artifacts = vault::HasArtifacts(data_dir, facts.artifacts);
  }
  return facts;
}

}  // namespace

base::Result<std::optional<store::Episode>> GatherEpisode(store::JobStore& store,
                                                          const store::Subject& subject) {
  if (subject.kind != "episode") return std::optional<store::Episode>{};
  auto episode = store.EpisodeGet(subject.id);
  if (episode.ok()) return std::optional<store::Episode>(std::move(episode).value());
  if (episode.error().code == base::ErrorCode::kNotFound) return std::optional<store::Episode>{};
  return std::move(episode).error();
}

base::Result<SubjectFacts> GatherSubject(store::JobStore& store,
                                         const std::filesystem::path& data_dir,
                                         const store::Subject& subject) {
  SubjectFacts facts{.subject = subject, .episode = {}, .epoch = {}, .stages = {}};
  ROLLCALL_TRY_ASSIGN(facts.epoch, store.StreamEpoch());
  ROLLCALL_TRY_ASSIGN(facts.episode, GatherEpisode(store, subject));
  for (const domain::Stage stage : domain::kStages) {
    ROLLCALL_TRY_ASSIGN(facts.stages.emplace_back(), GatherStage(store, data_dir, subject, stage));
  }
  return facts;
}

}  // namespace rollcall::projection
