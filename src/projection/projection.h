#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/stage.h"
#include "projection/live_board.h"
#include "store/job_store.h"

namespace rollcall::projection {

// The JSON files that people and scripts read (docs/job-lifecycle.md, "What a person sees"), as
// pure functions of what the store and the live board say. Nothing in Rollcall reads them back to
// learn a state. Every text ends with a line feed.

inline constexpr int kProjectionSchema = 1;

// One stage of a subject.
struct StageFacts {
  domain::Stage stage{};
  std::optional<store::RunView> shown;       // The generation that people are shown.
  std::optional<store::StageRun> last_good;  // Newest that succeeded.
  std::vector<domain::Artifact> artifacts;   // Of last_good.
  bool has_artifacts = false;                // They are there.

  // The flag of state.json: false from the start of the stage to its success.
  bool is_true() const;
};

struct SubjectFacts {
  store::Subject subject;
  std::optional<store::Episode> episode;  // nullopt if it is not registered, or is no episode.
  std::string epoch;
  std::vector<StageFacts> stages;  // In domain::kStages' order.
};

// One generation of one stage.
struct RunFacts {
  store::RunView view;
  std::optional<LiveAttempt> live;
  std::optional<store::Episode> episode;
  std::string epoch;
  base::WallTime now{};  // When this is told: `updated_at` of a running stage.
};

// The generation that stands in jobs/<stage>_<key>/: the newest that has started, or, before any
// has, the newest. nullopt for an empty history.
std::optional<store::RunView> ShownGeneration(const std::vector<store::RunView>& history);

// Has begun and has not ended: stands in runtime.json.
bool IsActive(const store::StageRun& run);

std::string MetaJson(const RunFacts& facts);       // jobs/…/meta.json
std::string LockJson(const store::RunView& view);  // jobs/…/.lock
std::string StateJson(const SubjectFacts& facts);  // episodes/<key>/state.json
std::string RuntimeJson(const SubjectFacts& facts, base::WallTime now);  // …/runtime.json

}  // namespace rollcall::projection
