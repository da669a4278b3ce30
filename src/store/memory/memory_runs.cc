#include <algorithm>

#include "store/memory/newest_first.h"
#include "store/memory/undoable_map.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Result;
using domain::JobState;

template <typename Wanted>
std::vector<StageRun> MemoryLedger::RunsWhere(Wanted wanted) const {
  std::vector<StageRun> found;
  for (const auto& [id, run] : runs_) {
    if (wanted(run)) found.push_back(run);
  }
  return found;
}

template <typename Wanted>
std::optional<StageRun> MemoryLedger::NewestWhere(Wanted wanted) const {
  for (const auto& [id, run] : NewestFirst(runs_)) {
    if (wanted(run)) return run;
  }
  return std::nullopt;
}

// What the unique indexes of a database refuse.
Result<void> MemoryLedger::CheckUnique(const StageRun& run) const {
  if (!run.dedupe_key || domain::IsTerminal(run.state)) return {};
  for (const auto& [id, other] : runs_) {
    if (id == run.id || !other.dedupe_key || domain::IsTerminal(other.state)) continue;
    const bool is_same_work = other.dedupe_key == run.dedupe_key;
    const bool are_both_active = other.subject == run.subject && other.name == run.name &&
                                 HasAttempt(other.state) && HasAttempt(run.state);
    if (is_same_work || are_both_active) return NotOneRow("stage_run (unique index)");
  }
  return {};
}

std::int64_t MemoryLedger::NextChange() { return ++change_; }

Result<StageRunId> MemoryLedger::RunInsert(const StageRun& run, std::span<const StageRunId> needs) {
  StageRun stored = run;
  stored.id = StageRunId{++run_id_};
  stored.change = NextChange();
  ROLLCALL_TRY(CheckUnique(stored));
  Set(runs_, stored.id, stored);
  Set(needs_, stored.id, {needs.begin(), needs.end()});
  return stored.id;
}

Result<std::optional<StageRun>> MemoryLedger::RunRead(StageRunId id) { return Find(runs_, id); }

Result<void> MemoryLedger::RunUpdate(StageRun& run, JobState from) {
  const auto stored = Find(runs_, run.id);
  if (!stored || stored->state != from) return NotOneRow("stage_run");
  ROLLCALL_TRY(CheckUnique(run));
  run.change = NextChange();
  Set(runs_, run.id, run);
  return {};
}

Result<std::optional<StageRun>> MemoryLedger::RunLive(std::string_view dedupe_key) {
  return NewestWhere([&](const StageRun& run) {
    return run.dedupe_key == dedupe_key && !domain::IsTerminal(run.state);
  });
}

Result<std::optional<StageRun>> MemoryLedger::RunNewest(std::string_view job_name) {
  return NewestWhere([&](const StageRun& run) { return run.job_name() == job_name; });
}

Result<std::vector<StageRun>> MemoryLedger::RunGenerations(const Subject& subject,
                                                           std::string_view stage) {
  auto runs =
      RunsWhere([&](const StageRun& run) { return run.subject == subject && run.name == stage; });
  std::ranges::reverse(runs);
  return runs;
}

Result<std::optional<StageRun>> MemoryLedger::RunNewestSucceeded(std::string_view work_key) {
  return NewestWhere([&](const StageRun& run) {
    return run.work_key == work_key && run.state == JobState::kSucceeded;
  });
}

Result<std::vector<StageRun>> MemoryLedger::RunsLiveOfWork(std::string_view work_key) {
  return RunsWhere([&](const StageRun& run) {
    return run.work_key == work_key && !domain::IsTerminal(run.state);
  });
}

Result<std::vector<StageRun>> MemoryLedger::RunsQueued(std::string_view stage) {
  return RunsWhere(
      [&](const StageRun& run) { return run.name == stage && run.state == JobState::kQueued; });
}

Result<std::vector<StageRun>> MemoryLedger::RunsRetryWait() {
  return RunsWhere([](const StageRun& run) { return run.state == JobState::kRetryWait; });
}

Result<std::vector<StageRun>> MemoryLedger::RunsChanged(std::int64_t change, int limit) {
  auto runs = RunsWhere([&](const StageRun& run) { return run.change > change; });
  std::ranges::sort(runs, {}, &StageRun::change);
  if (std::ssize(runs) > limit) runs.resize(static_cast<std::size_t>(limit));
  return runs;
}

Result<std::vector<StageRunId>> MemoryLedger::RunNeeds(StageRunId id) {
  return Find(needs_, id).value_or(std::vector<StageRunId>());
}

Result<std::vector<StageRunId>> MemoryLedger::RunNeededBy(StageRunId id) {
  std::vector<StageRunId> dependents;
  for (const auto& [run, needs] : needs_) {
    if (std::ranges::find(needs, id) != needs.end()) dependents.push_back(run);
  }
  return dependents;
}

Result<void> MemoryLedger::SegmentInsert(std::string_view work_key, std::int64_t,
                                         const domain::Segment& segment) {
  Set(segments_, {std::string(work_key), segment.number}, segment);
  return {};
}

Result<std::optional<domain::Segment>> MemoryLedger::SegmentRead(std::string_view work_key,
                                                                 std::int64_t number) {
  return Find(segments_, {std::string(work_key), number});
}

Result<std::vector<domain::Segment>> MemoryLedger::Segments(std::string_view work_key) {
  std::vector<domain::Segment> found;
  for (auto at = segments_.lower_bound({std::string(work_key), 0});
       at != segments_.end() && at->first.first == work_key; ++at) {
    found.push_back(at->second);
  }
  return found;
}

Result<std::int64_t> MemoryLedger::SegmentCount(std::string_view work_key) {
  ROLLCALL_TRY_ASSIGN(const auto segments, Segments(work_key));
  return std::ssize(segments);
}

Result<std::int64_t> MemoryLedger::SegmentsErase(std::string_view work_key,
                                                 std::int64_t first_number) {
  ROLLCALL_TRY_ASSIGN(const auto segments, Segments(work_key));
  std::int64_t gone = 0;
  for (const domain::Segment& segment : segments) {
    if (segment.number < first_number) continue;
    Erase(segments_, {std::string(work_key), segment.number});
    ++gone;
  }
  return gone;
}

Result<void> MemoryLedger::PoisonWrite(std::string_view work_key, const PoisonSegment& poison) {
  Set(poisons_, {std::string(work_key), poison.span.number}, poison);
  return {};
}

Result<std::vector<PoisonSegment>> MemoryLedger::Poisons(std::string_view work_key) {
  std::vector<PoisonSegment> found;
  for (auto at = poisons_.lower_bound({std::string(work_key), 0});
       at != poisons_.end() && at->first.first == work_key; ++at) {
    found.push_back(at->second);
  }
  return found;
}

Result<void> MemoryLedger::PoisonErase(std::string_view work_key, std::int64_t number) {
  Erase(poisons_, {std::string(work_key), number});
  return {};
}

Result<void> MemoryLedger::PoisonsErase(std::string_view work_key) {
  ROLLCALL_TRY_ASSIGN(const auto poisons, Poisons(work_key));
  for (const PoisonSegment& poison : poisons) {
    ROLLCALL_TRY(PoisonErase(work_key, poison.span.number));
  }
  return {};
}

Result<void> MemoryLedger::ArtifactsInsert(StageRunId id,
                                           std::span<const domain::Artifact> artifacts) {
  Set(artifacts_, id, {artifacts.begin(), artifacts.end()});
  return {};
}

Result<std::vector<domain::Artifact>> MemoryLedger::Artifacts(StageRunId id) {
  return Find(artifacts_, id).value_or(std::vector<domain::Artifact>());
}

}  // namespace rollcall::store
