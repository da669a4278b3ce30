#include "store/memory/memory_ledger.h"

#include <algorithm>
#include <set>

#include "base/random.h"
#include "store/memory/newest_first.h"
#include "store/memory/undoable_map.h"

namespace rollcall::store {

using base::Result;
using domain::JobState;

MemoryLedger::MemoryLedger() : epoch_(base::RandomId()) {}

void MemoryLedger::RollBack() {
  for (const auto& undo : NewestFirst(undo_)) undo();
  undo_.clear();
}

Result<void> MemoryLedger::EpisodeWrite(const Episode& episode) {
  Set(episodes_, episode.key, episode);
  return {};
}

Result<std::optional<Episode>> MemoryLedger::EpisodeRead(std::string_view key) {
  return Find(episodes_, std::string(key));
}

Result<std::vector<Episode>> MemoryLedger::EpisodeAll() {
  std::vector<Episode> all;
  for (const auto& [key, episode] : episodes_) all.push_back(episode);
  return all;
}

Result<void> MemoryLedger::EpisodeErase(std::string_view key) {
  if (!Find(episodes_, std::string(key))) return NotOneRow("episode");
  Erase(episodes_, std::string(key));
  return {};
}

Result<void> MemoryLedger::SubjectErase(const Subject& subject) {
  std::set<std::string> work_keys;
  std::set<std::string> work_of_others;
  for (const auto& [id, run] : runs_) {
    (run.subject == subject ? work_keys : work_of_others).insert(run.work_key);
  }
  for (const std::string& work_key : work_keys) {
    if (work_of_others.contains(work_key)) continue;
    ROLLCALL_TRY(SegmentsErase(work_key, 0));
    ROLLCALL_TRY(PoisonsErase(work_key));
  }
  EraseIf(edits_, [&](const auto& entry) {
    return std::get<0>(entry.first) == subject.kind && std::get<1>(entry.first) == subject.id;
  });
  EraseIf(jobs_, [&](const auto& entry) { return entry.second.subject == subject; });
  EraseIf(submission_keys_, [&](const auto& entry) { return !jobs_.contains(entry.second.job); });
  EraseIf(events_, [&](const auto& entry) { return !jobs_.contains(entry.first.first); });
  EraseIf(job_stages_, [&](const auto& entry) { return !jobs_.contains(entry.first.first); });
  EraseIf(runs_, [&](const auto& entry) { return entry.second.subject == subject; });
  EraseIf(artifacts_, [&](const auto& entry) { return !runs_.contains(entry.first); });
  EraseIf(needs_, [&](const auto& entry) { return !runs_.contains(entry.first); });
  EraseIf(tasks_, [&](const auto& entry) { return !runs_.contains(entry.second.run); });
  EraseIf(leases_, [&](const auto& entry) { return !tasks_.contains(entry.first); });
  EraseIf(attempts_, [&](const auto& entry) { return !tasks_.contains(entry.first.first); });
  return {};
}

Result<JobId> MemoryLedger::JobInsert(const Job& job) {
  Job stored = job;
  stored.id = JobId{++job_id_};
  Set(jobs_, stored.id, stored);
  return stored.id;
}

Result<std::optional<Job>> MemoryLedger::JobRead(JobId id) { return Find(jobs_, id); }

Result<void> MemoryLedger::JobUpdate(const Job& job, JobState from) {
  auto stored = Find(jobs_, job.id);
  if (!stored || stored->state != from) return NotOneRow("job");
  stored->state = job.state;
  stored->finished_at = job.finished_at;
  stored->event_seq = job.event_seq;
  stored->request_json = job.request_json;
  Set(jobs_, job.id, *stored);
  return {};
}

Result<std::optional<Job>> MemoryLedger::JobNewest(std::string_view job_name) {
  for (const auto& [id, job] : NewestFirst(jobs_)) {
    if (job.job_name() == job_name) return std::optional(job);
  }
  return std::optional<Job>();
}

Result<std::vector<Job>> MemoryLedger::JobAll() {
  std::vector<Job> all;
  for (const auto& [id, job] : NewestFirst(jobs_)) all.push_back(job);
  return all;
}

Result<bool> MemoryLedger::JobAnyOpen() {
  return std::ranges::any_of(
      jobs_, [](const auto& entry) { return !domain::IsTerminal(entry.second.state); });
}

Result<bool> MemoryLedger::JobAnyOpenOf(const Subject& subject) {
  return std::ranges::any_of(jobs_, [&](const auto& entry) {
    const Job& job = entry.second;
    return job.subject == subject && !domain::IsTerminal(job.state);
  });
}

Result<void> MemoryLedger::SubmissionKeyWrite(const SubmissionKey& key) {
  Set(submission_keys_, {key.subject_kind, key.key}, key);
  return {};
}

Result<std::optional<SubmissionKey>> MemoryLedger::SubmissionKeyRead(std::string_view subject_kind,
                                                                     std::string_view key) {
  return Find(submission_keys_, {std::string(subject_kind), std::string(key)});
}

Result<void> MemoryLedger::SubmissionKeysErase(base::WallTime until) {
  EraseIf(submission_keys_, [&](const auto& entry) { return entry.second.at <= until; });
  return {};
}

Result<void> MemoryLedger::JobStageInsert(const JobStage& link) {
  Set(job_stages_, {link.job, link.run}, link);
  return {};
}

Result<void> MemoryLedger::JobStageLeave(JobId job, StageRunId run) {
  auto link = Find(job_stages_, {job, run});
  if (!link) return NotOneRow("job_stage");
  link->is_left = true;
  Set(job_stages_, {job, run}, *link);
  return {};
}

Result<void> MemoryLedger::JobStageErase(JobId job, StageRunId run) {
  if (!Find(job_stages_, {job, run})) return NotOneRow("job_stage");
  Erase(job_stages_, {job, run});
  return {};
}

Result<std::vector<JobStage>> MemoryLedger::JobStages(JobId id) {
  std::vector<JobStage> links;
  const auto first = job_stages_.lower_bound({id, StageRunId{}});
  for (auto at = first; at != job_stages_.end() && at->first.first == id; ++at) {
    links.push_back(at->second);
  }
  std::ranges::sort(links, {}, &JobStage::position);
  return links;
}

Result<std::vector<JobStage>> MemoryLedger::RunJobStages(StageRunId id) {
  std::vector<JobStage> links;
  for (const auto& [key, link] : NewestFirst(job_stages_)) {
    if (link.run == id) links.push_back(link);
  }
  return links;
}

Result<TaskId> MemoryLedger::TaskInsert(const Task& task) {
  Task stored = task;
  stored.id = TaskId{++task_id_};
  Set(tasks_, stored.id, stored);
  return stored.id;
}

Result<std::optional<Task>> MemoryLedger::TaskRead(TaskId id) { return Find(tasks_, id); }

Result<std::optional<Task>> MemoryLedger::TaskRunnable(std::span<const std::string> stages) {
  const StageRun* best = nullptr;
  for (const auto& [id, run] : runs_) {
    const auto queue = queues_.find(run.name);
    const bool is_paused = queue != queues_.end() && !queue->second.empty();
    const bool can = stages.empty() || std::ranges::find(stages, run.name) != stages.end();
    if (run.state != JobState::kQueued || is_paused || !can) continue;
    if (best == nullptr || run.priority > best->priority) best = &run;
  }
  if (best == nullptr) return std::optional<Task>();
  for (const auto& [id, task] : tasks_) {
    if (task.run == best->id) return std::optional(task);
  }
  return NotOneRow("task");
}

Result<void> MemoryLedger::TaskUpdate(const Task& task) {
  if (!tasks_.contains(task.id)) return NotOneRow("task");
  Set(tasks_, task.id, task);
  return {};
}

Result<void> MemoryLedger::LeaseInsert(const Lease& lease) {
  if (leases_.contains(lease.fence.task)) return NotOneRow("lease");
  Set(leases_, lease.fence.task, lease);
  return {};
}

Result<std::optional<Lease>> MemoryLedger::LeaseRead(TaskId id) { return Find(leases_, id); }

Result<std::optional<Lease>> MemoryLedger::LeaseOfRun(StageRunId id) {
  for (const auto& [task_id, lease] : leases_) {
    if (tasks_.at(task_id).run == id) return std::optional(lease);
  }
  return std::optional<Lease>();
}

Result<std::vector<Lease>> MemoryLedger::LeaseAll() {
  std::vector<Lease> all;
  for (const auto& [task, lease] : leases_) all.push_back(lease);
  return all;
}

Result<void> MemoryLedger::LeaseUpdate(const Lease& lease) {
  const auto stored = Find(leases_, lease.fence.task);
  if (!stored || stored->fence != lease.fence) return NotOneRow("lease");
  Set(leases_, lease.fence.task, lease);
  return {};
}

namespace {

bool IsOf(const Lease& lease, const AgentIdentity& agent) {
  return lease.agent.id == agent.id && lease.agent.incarnation == agent.incarnation;
}

}  // namespace

Result<std::vector<bool>> MemoryLedger::LeasesRenew(const AgentIdentity& agent,
                                                    std::span<const Heartbeat> heartbeats,
                                                    const Due& expires) {
  std::vector<bool> are_held;
  for (const Heartbeat& heartbeat : heartbeats) {
    auto lease = Find(leases_, heartbeat.fence.task);
    are_held.push_back(lease && lease->fence == heartbeat.fence && IsOf(*lease, agent));
    if (!are_held.back()) continue;
    const bool is_stalled = lease->liveness.is_stalled;
    lease->expires = expires;
    lease->liveness = heartbeat.liveness;
    lease->liveness.is_stalled = is_stalled;
    Set(leases_, lease->fence.task, *lease);
  }
  return are_held;
}

Result<std::vector<TaskId>> MemoryLedger::TasksCancelling(const AgentIdentity& agent) {
  std::vector<TaskId> cancelling;
  for (const auto& [id, lease] : leases_) {
    const StageRun& run = runs_.at(tasks_.at(id).run);
    if (IsOf(lease, agent) && run.state == JobState::kCancelling) cancelling.push_back(id);
  }
  return cancelling;
}

Result<void> MemoryLedger::LeaseErase(const Fence& fence) {
  const auto stored = Find(leases_, fence.task);
  if (!stored || stored->fence != fence) return NotOneRow("lease");
  Erase(leases_, fence.task);
  return {};
}

Result<void> MemoryLedger::AttemptInsert(const Attempt& attempt) {
  Set(attempts_, {attempt.fence.task, attempt.fence.token}, attempt);
  return {};
}

Result<std::optional<Attempt>> MemoryLedger::AttemptRead(const Fence& fence) {
  auto attempt = Find(attempts_, {fence.task, fence.token});
  if (attempt && attempt->fence != fence) attempt.reset();
  return attempt;
}

Result<void> MemoryLedger::AttemptUpdate(const Attempt& attempt) {
  Set(attempts_, {attempt.fence.task, attempt.fence.token}, attempt);
  return {};
}

Result<std::vector<Attempt>> MemoryLedger::Attempts(StageRunId id) {
  std::vector<Attempt> found;
  for (const auto& [key, attempt] : attempts_) {
    if (tasks_.at(key.first).run == id) found.push_back(attempt);
  }
  return found;
}

Result<void> MemoryLedger::EventInsert(const Event& event) {
  Event stored = event;
  stored.position = ++event_position_;
  Set(events_, {event.job, event.seq}, stored);
  return {};
}

Result<std::vector<Event>> MemoryLedger::Events(JobId job, std::int64_t after, int limit) {
  std::vector<Event> found;
  for (auto at = events_.upper_bound({job, after});
       at != events_.end() && at->first.first == job && std::ssize(found) < limit; ++at) {
    found.push_back(at->second);
  }
  return found;
}

Result<std::vector<Event>> MemoryLedger::EventsSince(std::int64_t position, int limit) {
  std::vector<Event> found;
  for (const auto& [key, event] : events_) {
    if (event.position > position) found.push_back(event);
  }
  std::ranges::sort(found, {}, &Event::position);
  if (std::ssize(found) > limit) found.resize(static_cast<std::size_t>(limit));
  return found;
}

Result<std::string> MemoryLedger::QueueReason(std::string_view stage) {
  return Find(queues_, std::string(stage)).value_or("");
}

Result<void> MemoryLedger::QueueWrite(std::string_view stage, std::string_view reason) {
  Set(queues_, std::string(stage), std::string(reason));
  return {};
}

Result<std::int64_t> MemoryLedger::TokenNext() { return ++token_; }
Result<std::string> MemoryLedger::StreamEpoch() { return epoch_; }

}  // namespace rollcall::store
