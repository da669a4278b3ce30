#include "app/episode_projection.h"

#include <algorithm>

#include "base/file.h"
#include "projection/subject_facts.h"

namespace rollcall::app {

using base::Result;

Result<bool> WriteFirstState(store::JobStore& store, const DataDirectory& data,
                             const store::Episode& episode) {
  ROLLCALL_TRY_ASSIGN(const projection::SubjectFacts facts,
                      projection::GatherSubject(store, data.root(), {"episode", episode.key}));
  const bool has_runs = std::ranges::any_of(
      facts.stages, [](const projection::StageFacts& stage) { return stage.shown.has_value(); });
  if (has_runs) return false;
  const std::filesystem::path folder = data.episode(episode.key);
  ROLLCALL_TRY(base::MakeFoldersIn(data.root(), folder));
  ROLLCALL_TRY(base::WriteFileAtomic(folder / "state.json", projection::StateJson(facts)));
  ROLLCALL_TRY(base::WriteFileAtomic(folder / "runtime.json",
                                     projection::RuntimeJson(facts, episode.created_at)));
  return true;
}

}  // namespace rollcall::app
