#include <algorithm>
#include <optional>
#include <string>

#include "store/ledger_store.h"
#include "store/run_changes.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Result;

namespace {

Result<void> Pause(Ledger& ledger, std::string_view stage, std::string_view why,
                   const Moment& now) {
  ROLLCALL_TRY(ledger.QueueWrite(stage, why));
  ROLLCALL_TRY_ASSIGN(auto queued, ledger.RunsQueued(stage));
  RunChanges changes(ledger, now);
  for (StageRun& run : queued) {
    const std::string before = run.wait_reason;
    ROLLCALL_TRY_ASSIGN(run.wait_reason, changes.WhyQueued(stage, kWaitsForWorker));
    if (run.wait_reason == before) continue;
    ROLLCALL_TRY(changes.Touch(run));
    ROLLCALL_TRY(changes.Tell(run, "stage_waiting"));
  }
  return {};
}

// Since when a queued run could be taken: it was there, what it needs had finished, and its last
// attempt had ended.
Result<base::WallTime> ReadySince(Ledger& ledger, const StageRun& run) {
  base::WallTime since = run.created_at;
  ROLLCALL_TRY_ASSIGN(const auto needs, ledger.RunNeeds(run.id));
  for (const StageRunId id : needs) {
    ROLLCALL_TRY_ASSIGN(const auto needed, Present(ledger.RunRead(id)));
    since = std::max(since, needed.finished_at.value_or(since));
  }
  ROLLCALL_TRY_ASSIGN(const auto attempts, ledger.Attempts(run.id));
  if (!attempts.empty()) since = std::max(since, attempts.back().ended_at.value_or(since));
  return since;
}

Result<QueueFacts> FactsOfQueue(Ledger& ledger, const std::string& stage) {
  QueueFacts facts{.stage = stage};
  ROLLCALL_TRY_ASSIGN(facts.paused, ledger.QueueReason(stage));
  ROLLCALL_TRY_ASSIGN(const auto queued, ledger.RunsQueued(stage));
  facts.queued = std::ssize(queued);
  for (const StageRun& run : queued) {
    ROLLCALL_TRY_ASSIGN(const base::WallTime since, ReadySince(ledger, run));
    facts.oldest = std::min(facts.oldest.value_or(since), since);
  }
  return facts;
}

}  // namespace

Result<void> LedgerStore::QueuePause(std::string_view stage, std::string_view why) {
  return Change([&](Ledger& ledger, const Moment& now) { return Pause(ledger, stage, why, now); });
}

Result<std::vector<QueueFacts>> LedgerStore::QueueList(std::span<const std::string> stages) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<std::vector<QueueFacts>> {
    std::vector<QueueFacts> queues;
    for (const std::string& stage : stages) {
      ROLLCALL_TRY_ASSIGN(auto queue, FactsOfQueue(ledger, stage));
      queues.push_back(std::move(queue));
    }
    return queues;
  });
}

}  // namespace rollcall::store
