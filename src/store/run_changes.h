#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "store/ledger.h"
#include "store/store_clock.h"

namespace rollcall::store {

// Changes runs within one transaction, with all that follows: the events of each open job that
// joined the run, the runs that waited for it, the states of its jobs. Every change of a run's or
// a job's state goes through here.
//
// Borrows `ledger`. Lives as long as one transaction.
class RunChanges {
 public:
  RunChanges(Ledger& ledger, const Moment& now) : ledger_(ledger), now_(now) {}

  // Precondition: kTransitions has run.state → to. Other fields of `run` may have been changed
  // before and are written with it. `details` goes into the event.
  base::Result<void> Move(StageRun& run, domain::JobState to,
                          const base::Json& details = base::Json::object());
  // Writes `run` in its present state, so that the projector sees it.
  base::Result<void> Touch(StageRun& run);
  // One event in each open job that still wants the run.
  base::Result<void> Tell(const StageRun& run, std::string_view event,
                          const base::Json& details = base::Json::object());
  // The same in one job, of which the run's state is no news to the others.
  base::Result<void> TellOne(JobId id, const StageRun& run, std::string_view event,
                             const base::Json& details = base::Json::object());
  base::Result<void> TellJob(JobId id, std::string_view event, const base::Json& body);

  // Writes the state that follows from the job's runs, and its end if that is terminal.
  base::Result<void> Settle(JobId id);

  // Why a run cannot be queued yet, a sentence; empty if it can.
  base::Result<std::string> WhyBlocked(const StageRun& run, std::span<const StageRunId> needs);
  base::Result<std::string> WhyQueued(std::string_view stage, std::string_view otherwise);

  // The job lets go of a live run that goes on for other jobs. The caller settles the job.
  base::Result<void> Leave(JobId id, StageRun& run);

 private:
  base::Result<std::string> ResumeHint(StageRunId id);
  base::Result<void> EndDependents(const StageRun& run);
  base::Result<void> Unblock(StageRun& run);
  base::Result<void> ReleaseWaiting(const StageRun& run);
  base::Result<void> SettleJobsOf(StageRunId id);

  Ledger& ledger_;
  Moment now_;
};

// {"reason", "message", "hint"}
base::Json ErrorJson(const base::Error& error);

}  // namespace rollcall::store
