#pragma once

#include <optional>
#include <vector>

#include "api/job_view.h"
#include "base/clock.h"
#include "projection/live_board.h"
#include "store/job_store.h"

namespace rollcall::projection {

// Whether somebody works on the store's tasks.
enum class Working { kNo, kYes };

// How much of its past a view tells.
enum class Detail {
  // Attempts of stages that have been started again: why is what a watcher wants to know. Cheap
  // enough for twice a second.
  kNow,
  kHistory,  // All attempts, and how many segments each unfinished stage has.
};

// What the engine knows beside the store.
struct EngineFacts {
  Working working = Working::kYes;
  std::vector<base::Error> troubles = {};  // See JobView.
};

// A job as a person asks for it: what each stage is at, since when, how long it will take and,
// where it waits or has failed, why. Errors of the store.
base::Result<api::JobView> ViewOf(store::JobStore& store, const LiveBoard& board, store::JobId id,
                                  const EngineFacts& engine, Detail detail, base::Instant now);

// One stage of it, without its past.
api::StageView StageViewOf(const store::RunView& view, const std::optional<LiveAttempt>& live,
                           Working working, base::Instant now);

std::vector<api::AttemptView> AttemptViewsOf(const std::vector<store::Attempt>& attempts);

}  // namespace rollcall::projection
