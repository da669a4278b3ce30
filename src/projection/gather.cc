#include "projection/gather.h"

#include <algorithm>
#include <string>

#include "projection/job_files.h"

namespace rollcall::projection {
namespace {

using base::Result;

Result<subject::StageFacts> GatherStage(store::JobStore& store, vault::Vault& vault,
                                        const store::Subject& subject,
                                        const subject::StageRow& row) {
  subject::StageFacts facts{.row = &row};
  ROLLCALL_TRY_ASSIGN(const auto history, store.RunHistory(subject, row.name));
  facts.shown = ShownGeneration(history);
  ROLLCALL_TRY_ASSIGN(facts.last_good, store.RunLastGood(subject, row.name));
  if (facts.last_good) {
    ROLLCALL_TRY_ASSIGN(facts.artifacts, store.ArtifactList(facts.last_good->id));
    facts.has_artifacts = std::ranges::all_of(facts.artifacts, [&](const auto& artifact) {
      return vault.Verify(vault::FileOf(artifact), vault::Depth::kPresence).ok();
    });
  }
  return facts;
}

}  // namespace

Result<subject::SubjectFacts> GatherSubject(store::JobStore& store, vault::Vault& vault,
                                            const subject::SubjectKind& kind, std::string_view id) {
  subject::SubjectFacts facts{
      .subject = {.kind = kind.name, .id = std::string(id)}, .epoch = {}, .stages = {}};
  ROLLCALL_TRY_ASSIGN(facts.epoch, store.StreamEpoch());
  for (const subject::StageRow& row : kind.stages.rows()) {
    ROLLCALL_TRY_ASSIGN(facts.stages.emplace_back(), GatherStage(store, vault, facts.subject, row));
  }
  return facts;
}

}  // namespace rollcall::projection
