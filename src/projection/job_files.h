#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "projection/live_board.h"
#include "store/job_store.h"
#include "subject/subject_projection.h"

namespace rollcall::projection {

// The files of jobs/<stage>_<id>/ (docs/job-lifecycle.md, "What people see"), the same for every
// kind of subject, as pure functions of what the store and the live board say.

// One generation of one stage.
struct RunFacts {
  store::RunView view;
  std::optional<LiveAttempt> live;
  subject::Labels labels;
  std::string epoch;
  base::WallTime now{};  // When this is told: `updated_at` of a running stage.
};

// The generation that stands in jobs/<stage>_<id>/: the newest that has started, or, before any
// has, the newest. nullopt for an empty history.
std::optional<store::RunView> ShownGeneration(const std::vector<store::RunView>& history);

std::string MetaJson(const RunFacts& facts);       // …/meta.json
std::string LockJson(const store::RunView& view);  // …/.lock

}  // namespace rollcall::projection
