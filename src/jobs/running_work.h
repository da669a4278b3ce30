#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "api/job_view.h"
#include "base/result.h"
#include "store/job_store.h"

namespace rollcall::jobs {

// "Is that already running?": what a start means where its work is under way. Whether a job is
// joined or made, or refused, is decided in the store's submission, in its transaction. Before it,
// a start asks here whether a live attempt is at the work already (then nothing is submitted), and
// whether one is stalled; nobody else asks. Starts exclude each other.
//
// Thread-safe. Borrows `store`. Errors of the store.
class RunningWork {
 public:
  // As Engine::View.
  using View = std::function<base::Result<api::JobView>(store::JobId)>;

  RunningWork(store::JobStore& store, View view) : store_(store), view_(std::move(view)) {}

  // An open job whose attempt is at the last stage of `request`, whatever kind of job it is, and is
  // not stalled: a start over a stalled one takes its place.
  base::Result<std::optional<store::JobId>> TwinOf(const store::JobRequest& request) const;
  // Whether an attempt at this very work is stalled: a start ends it at once, and goes on with it.
  base::Result<bool> IsStalledAt(const store::JobRequest& request) const;
  // Other open jobs with unfinished stages that make files of the same names with other parameters:
  // what the names show in the end is decided by which ends last.
  base::Result<std::vector<api::JobView>> OpenBeside(const store::Job& job) const;

 private:
  store::JobStore& store_;
  const View view_;
};

}  // namespace rollcall::jobs
