#include "subject/subject_projection.h"

#include <algorithm>

#include "store/transitions.h"

namespace rollcall::subject {

bool StageFacts::is_active() const {
  if (!shown || domain::IsTerminal(shown->run.state)) return false;
  return shown->run.started_at || store::HasAttempt(shown->run.state);
}

std::int64_t SubjectFacts::seq() const {
  std::int64_t newest = 0;
  for (const StageFacts& stage : stages) {
    if (stage.shown) newest = std::max(newest, stage.shown->run.change);
  }
  return newest;
}

base::WallTime SubjectFacts::LastTransition(base::WallTime created_at) const {
  base::WallTime last = created_at;
  for (const StageFacts& stage : stages) {
    if (!stage.shown) continue;
    const store::StageRun& run = stage.shown->run;
    last = std::max(
        {last, run.created_at, run.started_at.value_or(last), run.finished_at.value_or(last)});
  }
  return last;
}

}  // namespace rollcall::subject
