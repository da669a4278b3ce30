#include "jobs/running_work.h"

#include <algorithm>
#include <set>
#include <utility>

namespace rollcall::jobs {

using base::Result;
using domain::JobState;

Result<std::optional<store::JobId>> RunningWork::TwinOf(const store::JobRequest& request) const {
  const store::StageRequest& last = request.stages.back();
  ROLLCALL_TRY_ASSIGN(const auto history, store_.RunHistory(request.subject, last.name));
  for (const store::RunView& view : history) {
    const bool is_live =
        view.run.state == JobState::kLeased || view.run.state == JobState::kRunning;
    const bool gets_on = is_live && view.lease && !view.lease->liveness.is_stalled;
    if (!gets_on || view.run.work_key != last.work_key) continue;
    ROLLCALL_TRY_ASSIGN(const auto jobs, store_.RunJobs(view.run.id));
    const auto open = std::ranges::find_if(
        jobs, [](const store::Job& job) { return !domain::IsTerminal(job.state); });
    if (open != jobs.end()) return std::optional(open->id);
  }
  return std::optional<store::JobId>{};
}

Result<bool> RunningWork::IsStalledAt(const store::JobRequest& request) const {
  for (const store::StageRequest& stage : request.stages) {
    ROLLCALL_TRY_ASSIGN(const auto history, store_.RunHistory(request.subject, stage.name));
    for (const store::RunView& view : history) {
      if (view.run.work_key != stage.work_key || !view.lease) continue;
      if (view.lease->liveness.is_stalled) return true;
    }
  }
  return false;
}

Result<std::vector<api::JobView>> RunningWork::OpenBeside(const store::Job& job) const {
  ROLLCALL_TRY_ASSIGN(const auto own, store_.JobRuns(job.id));
  std::set<store::JobId> found;
  for (const store::RunView& ours : own) {
    ROLLCALL_TRY_ASSIGN(const auto history, store_.RunHistory(job.subject, ours.run.name));
    for (const store::RunView& theirs : history) {
      const bool is_same_work = theirs.run.work_key == ours.run.work_key;
      if (is_same_work || domain::IsTerminal(theirs.run.state)) continue;
      ROLLCALL_TRY_ASSIGN(const auto jobs, store_.RunJobs(theirs.run.id));
      for (const store::Job& other : jobs) {
        if (other.id != job.id && !domain::IsTerminal(other.state)) found.insert(other.id);
      }
    }
  }
  std::vector<api::JobView> beside;
  for (const store::JobId id : found) {
    ROLLCALL_TRY_ASSIGN(api::JobView view, view_(id));
    if (view.is_open()) beside.push_back(std::move(view));
  }
  return beside;
}

}  // namespace rollcall::jobs
