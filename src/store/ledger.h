#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/reasons.h"
#include "store/records.h"

namespace rollcall::store {

// The claimable unit of a run. So far each run has one, shard 0.
struct Task {
  TaskId id{};
  StageRunId run{};
  int shard = 0;
  std::int64_t token = 0;  // Of its newest attempt.
  int attempt_count = 0;
};

// A segment that ended the worker twice.
struct PoisonSegment {
  domain::SegmentSpan span;
  bool is_skipped = false;  // Somebody wished it.
};

// That a submission with an idempotency key was answered with a job.
struct SubmissionKey {
  std::string subject_kind;
  std::string key;
  JobId job{};
  std::string asked_sha256;  // Of what was asked for.
  base::WallTime at{};
};

// That a job joined a run.
struct JobStage {
  JobId job{};
  StageRunId run{};
  int position = 0;        // In the submission.
  bool is_reused = false;  // The run had finished before.
  bool is_left = false;    // The job was cancelled, the run goes on for another.
};

// The rows of a store within one transaction: what a database has to offer so that LedgerStore can
// be a JobStore on it. Knows rows and order, no rules.
//
// Updates are guarded: one that does not hit exactly one row is kInternal, and the transaction is
// rolled back. Used by one thread at a time.
class Ledger {
 public:
  virtual ~Ledger() = default;

  virtual base::Result<void> EpisodeWrite(const Episode& episode) = 0;  // Inserts or replaces.
  virtual base::Result<std::optional<Episode>> EpisodeRead(std::string_view key) = 0;
  virtual base::Result<std::vector<Episode>> EpisodeAll() = 0;        // By key.
  virtual base::Result<void> EpisodeErase(std::string_view key) = 0;  // That row alone.

  // Jobs with their keys, runs, tasks, leases, attempts, artefacts and events of the subject; and
  // what is committed and marked of their work, unless a run of another subject is of the same.
  virtual base::Result<void> SubjectErase(const Subject& subject) = 0;

  virtual base::Result<JobId> JobInsert(const Job& job) = 0;
  virtual base::Result<std::optional<Job>> JobRead(JobId id) = 0;
  // Writes state, finished_at, event_seq and request_json, where the state still is `from`.
  virtual base::Result<void> JobUpdate(const Job& job, domain::JobState from) = 0;
  virtual base::Result<std::optional<Job>> JobNewest(std::string_view job_name) = 0;
  virtual base::Result<std::vector<Job>> JobAll() = 0;  // Newest first.
  virtual base::Result<bool> JobAnyOpen() = 0;
  virtual base::Result<bool> JobAnyOpenOf(const Subject& subject) = 0;

  virtual base::Result<void> SubmissionKeyWrite(const SubmissionKey& key) = 0;  // Or replaces.
  virtual base::Result<std::optional<SubmissionKey>> SubmissionKeyRead(
      std::string_view subject_kind, std::string_view key) = 0;
  // Those that are of `until`, or older.
  virtual base::Result<void> SubmissionKeysErase(base::WallTime until) = 0;

  virtual base::Result<void> EditInsert(const Subject& subject, const Edit& edit) = 0;
  virtual base::Result<void> EditSetUndone(const Subject& subject, std::int64_t sequence,
                                           std::optional<std::int64_t> undone_by) = 0;
  virtual base::Result<std::vector<Edit>> Edits(const Subject& subject) = 0;  // By sequence.
  virtual base::Result<std::int64_t> EditLast(const Subject& subject) = 0;    // 0: there is none.
  // By sequence.
  virtual base::Result<std::vector<Edit>> EditsOfKey(const Subject& subject,
                                                     std::string_view idempotency_key) = 0;
  // All that have edits.
  virtual base::Result<std::vector<Subject>> EditSubjects() = 0;

  virtual base::Result<void> JobStageInsert(const JobStage& link) = 0;
  virtual base::Result<void> JobStageLeave(JobId job, StageRunId run) = 0;  // Sets is_left.
  virtual base::Result<void> JobStageErase(JobId job, StageRunId run) = 0;
  virtual base::Result<std::vector<JobStage>> JobStages(JobId id) = 0;          // By position.
  virtual base::Result<std::vector<JobStage>> RunJobStages(StageRunId id) = 0;  // Newest job first.

  // Writes `needs` too; the run gets the next change number.
  virtual base::Result<StageRunId> RunInsert(const StageRun& run,
                                             std::span<const StageRunId> needs) = 0;
  virtual base::Result<std::optional<StageRun>> RunRead(StageRunId id) = 0;
  // Writes all but the identity, where the state still is `from`; sets the next change number.
  virtual base::Result<void> RunUpdate(StageRun& run, domain::JobState from) = 0;
  virtual base::Result<std::optional<StageRun>> RunLive(std::string_view dedupe_key) = 0;
  virtual base::Result<std::optional<StageRun>> RunNewest(std::string_view job_name) = 0;
  // All generations, newest first.
  virtual base::Result<std::vector<StageRun>> RunGenerations(const Subject& subject,
                                                             std::string_view stage) = 0;
  virtual base::Result<std::optional<StageRun>> RunNewestSucceeded(std::string_view work_key) = 0;
  virtual base::Result<std::vector<StageRun>> RunsLiveOfWork(std::string_view work_key) = 0;
  virtual base::Result<std::vector<StageRun>> RunsQueued(std::string_view stage) = 0;
  virtual base::Result<std::vector<StageRun>> RunsRetryWait() = 0;
  // Where `change` is greater, by change.
  virtual base::Result<std::vector<StageRun>> RunsChanged(std::int64_t change, int limit) = 0;
  virtual base::Result<std::vector<StageRunId>> RunNeeds(StageRunId id) = 0;
  virtual base::Result<std::vector<StageRunId>> RunNeededBy(StageRunId id) = 0;

  virtual base::Result<TaskId> TaskInsert(const Task& task) = 0;
  virtual base::Result<std::optional<Task>> TaskRead(TaskId id) = 0;
  // Of the queued runs in a queue that is not paused: highest priority, then oldest.
  virtual base::Result<std::optional<Task>> TaskRunnable(std::span<const std::string> stages) = 0;
  virtual base::Result<void> TaskUpdate(const Task& task) = 0;  // token and attempt_count

  virtual base::Result<void> LeaseInsert(const Lease& lease) = 0;
  virtual base::Result<std::optional<Lease>> LeaseRead(TaskId id) = 0;
  virtual base::Result<std::optional<Lease>> LeaseOfRun(StageRunId id) = 0;
  virtual base::Result<std::vector<Lease>> LeaseAll() = 0;
  // Where the whole fence matches: pid, pid_start, expires, liveness.
  virtual base::Result<void> LeaseUpdate(const Lease& lease) = 0;
  // Where the whole fence matches and the lease is of this incarnation of `agent`: expires, and
  // liveness but for is_stalled. Says of each in turn whether it was so.
  virtual base::Result<std::vector<bool>> LeasesRenew(const AgentIdentity& agent,
                                                      std::span<const Heartbeat> heartbeats,
                                                      const Due& expires) = 0;
  // Leased to this incarnation of `agent`, and its run is cancelling. By id.
  virtual base::Result<std::vector<TaskId>> TasksCancelling(const AgentIdentity& agent) = 0;
  virtual base::Result<void> LeaseErase(const Fence& fence) = 0;

  virtual base::Result<void> AttemptInsert(const Attempt& attempt) = 0;
  virtual base::Result<std::optional<Attempt>> AttemptRead(const Fence& fence) = 0;
  virtual base::Result<void> AttemptUpdate(const Attempt& attempt) = 0;
  virtual base::Result<std::vector<Attempt>> Attempts(StageRunId id) = 0;  // Oldest first.

  virtual base::Result<void> SegmentInsert(std::string_view work_key, std::int64_t token,
                                           const domain::Segment& segment) = 0;
  virtual base::Result<std::optional<domain::Segment>> SegmentRead(std::string_view work_key,
                                                                   std::int64_t number) = 0;
  virtual base::Result<std::vector<domain::Segment>> Segments(std::string_view work_key) = 0;
  virtual base::Result<std::int64_t> SegmentCount(std::string_view work_key) = 0;
  // Returns how many went.
  virtual base::Result<std::int64_t> SegmentsErase(std::string_view work_key,
                                                   std::int64_t first_number) = 0;

  // Inserts or replaces.
  virtual base::Result<void> PoisonWrite(std::string_view work_key,
                                         const PoisonSegment& poison) = 0;
  virtual base::Result<std::vector<PoisonSegment>> Poisons(std::string_view work_key) = 0;
  virtual base::Result<void> PoisonErase(std::string_view work_key, std::int64_t number) = 0;
  virtual base::Result<void> PoisonsErase(std::string_view work_key) = 0;

  virtual base::Result<void> ArtifactsInsert(StageRunId id,
                                             std::span<const domain::Artifact> artifacts) = 0;
  virtual base::Result<std::vector<domain::Artifact>> Artifacts(StageRunId id) = 0;  // As given.

  virtual base::Result<void> EventInsert(const Event& event) = 0;
  virtual base::Result<std::vector<Event>> Events(JobId job, std::int64_t after, int limit) = 0;
  virtual base::Result<std::vector<Event>> EventsSince(std::int64_t position, int limit) = 0;
  virtual base::Result<std::int64_t> EventPosition() = 0;

  // Why the queue is paused; empty if it is not.
  virtual base::Result<std::string> QueueReason(std::string_view stage) = 0;
  virtual base::Result<void> QueueWrite(std::string_view stage, std::string_view reason) = 0;

  // 1, 2, … over all tasks; never given twice.
  virtual base::Result<std::int64_t> TokenNext() = 0;
  virtual base::Result<std::string> StreamEpoch() = 0;
};

// A row that another row names. kDataLoss / ERR_STORE_DAMAGED if it is gone.
template <typename Row>
base::Result<Row> Present(base::Result<std::optional<Row>> row) {
  if (!row.ok()) return std::move(row).error();
  if (*row) return std::move(**row);
  return domain::MakeError(domain::reason::kStoreDamaged, "a row that another one names is gone");
}

}  // namespace rollcall::store
