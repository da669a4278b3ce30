#pragma once

#include "store/ledger.h"
#include "store/sqlite/database.h"

namespace rollcall::store {

// Ledger in the tables of schema.cc. Borrows `database`; transactions are the caller's. Not
// thread-safe.
class SqliteLedger final : public Ledger {
 public:
  explicit SqliteLedger(Database& database) : database_(database) {}

  base::Result<void> EpisodeWrite(const Episode& episode) override;
  base::Result<std::optional<Episode>> EpisodeRead(std::string_view key) override;
  base::Result<std::vector<Episode>> EpisodeAll() override;
  base::Result<void> EpisodeErase(std::string_view key) override;

  base::Result<void> SubjectErase(const Subject& subject) override;

  base::Result<JobId> JobInsert(const Job& job) override;
  base::Result<std::optional<Job>> JobRead(JobId id) override;
  base::Result<void> JobUpdate(const Job& job, domain::JobState from) override;
  base::Result<std::optional<Job>> JobNewest(std::string_view job_name) override;
  base::Result<std::vector<Job>> JobAll() override;
  base::Result<bool> JobAnyOpen() override;
  base::Result<bool> JobAnyOpenOf(const Subject& subject) override;

  base::Result<void> SubmissionKeyWrite(const SubmissionKey& key) override;
  base::Result<std::optional<SubmissionKey>> SubmissionKeyRead(std::string_view subject_kind,
                                                               std::string_view key) override;
  base::Result<void> SubmissionKeysErase(base::WallTime until) override;

  base::Result<void> EditInsert(const Subject& subject, const Edit& edit) override;
  base::Result<void> EditSetUndone(const Subject& subject, std::int64_t sequence,
                                   std::optional<std::int64_t> undone_by) override;
  base::Result<std::vector<Edit>> Edits(const Subject& subject) override;
  base::Result<std::int64_t> EditLast(const Subject& subject) override;
  base::Result<std::vector<Edit>> EditsOfKey(const Subject& subject,
                                             std::string_view idempotency_key) override;
  base::Result<std::vector<Subject>> EditSubjects() override;

  base::Result<void> JobStageInsert(const JobStage& link) override;
  base::Result<void> JobStageLeave(JobId job, StageRunId run) override;
  base::Result<void> JobStageErase(JobId job, StageRunId run) override;
  base::Result<std::vector<JobStage>> JobStages(JobId id) override;
  base::Result<std::vector<JobStage>> RunJobStages(StageRunId id) override;

  base::Result<StageRunId> RunInsert(const StageRun& run,
                                     std::span<const StageRunId> needs) override;
  base::Result<std::optional<StageRun>> RunRead(StageRunId id) override;
  base::Result<void> RunUpdate(StageRun& run, domain::JobState from) override;
  base::Result<std::optional<StageRun>> RunLive(std::string_view dedupe_key) override;
  base::Result<std::optional<StageRun>> RunNewest(std::string_view job_name) override;
  base::Result<std::vector<StageRun>> RunGenerations(const Subject& subject,
                                                     std::string_view stage) override;
  base::Result<std::optional<StageRun>> RunNewestSucceeded(std::string_view work_key) override;
  base::Result<std::vector<StageRun>> RunsLiveOfWork(std::string_view work_key) override;
  base::Result<std::vector<StageRun>> RunsQueued(std::string_view stage) override;
  base::Result<std::vector<StageRun>> RunsRetryWait() override;
  base::Result<std::vector<StageRun>> RunsChanged(std::int64_t change, int limit) override;
  base::Result<std::vector<StageRunId>> RunNeeds(StageRunId id) override;
  base::Result<std::vector<StageRunId>> RunNeededBy(StageRunId id) override;

  base::Result<TaskId> TaskInsert(const Task& task) override;
  base::Result<std::optional<Task>> TaskRead(TaskId id) override;
  base::Result<std::optional<Task>> TaskRunnable(std::span<const std::string> stages) override;
  base::Result<void> TaskUpdate(const Task& task) override;

  base::Result<void> LeaseInsert(const Lease& lease) override;
  base::Result<std::optional<Lease>> LeaseRead(TaskId id) override;
  base::Result<std::optional<Lease>> LeaseOfRun(StageRunId id) override;
  base::Result<std::vector<Lease>> LeaseAll() override;
  base::Result<void> LeaseUpdate(const Lease& lease) override;
  base::Result<std::vector<bool>> LeasesRenew(const AgentIdentity& agent,
                                              std::span<const Heartbeat> heartbeats,
                                              const Due& expires) override;
  base::Result<std::vector<TaskId>> TasksCancelling(const AgentIdentity& agent) override;
  base::Result<void> LeaseErase(const Fence& fence) override;

  base::Result<void> AttemptInsert(const Attempt& attempt) override;
  base::Result<std::optional<Attempt>> AttemptRead(const Fence& fence) override;
  base::Result<void> AttemptUpdate(const Attempt& attempt) override;
  base::Result<std::vector<Attempt>> Attempts(StageRunId id) override;

  base::Result<void> SegmentInsert(std::string_view work_key, std::int64_t token,
                                   const domain::Segment& segment) override;
  base::Result<std::optional<domain::Segment>> SegmentRead(std::string_view work_key,
                                                           std::int64_t number) override;
  base::Result<std::vector<domain::Segment>> Segments(std::string_view work_key) override;
  base::Result<std::int64_t> SegmentCount(std::string_view work_key) override;
  base::Result<std::int64_t> SegmentsErase(std::string_view work_key,
                                           std::int64_t first_number) override;

  base::Result<void> PoisonWrite(std::string_view work_key, const PoisonSegment& poison) override;
  base::Result<std::vector<PoisonSegment>> Poisons(std::string_view work_key) override;
  base::Result<void> PoisonErase(std::string_view work_key, std::int64_t number) override;
  base::Result<void> PoisonsErase(std::string_view work_key) override;

  base::Result<void> ArtifactsInsert(StageRunId id,
                                     std::span<const domain::Artifact> artifacts) override;
  base::Result<std::vector<domain::Artifact>> Artifacts(StageRunId id) override;

  base::Result<void> EventInsert(const Event& event) override;
  base::Result<std::vector<Event>> Events(JobId job, std::int64_t after, int limit) override;
  base::Result<std::vector<Event>> EventsSince(std::int64_t position, int limit) override;
  base::Result<std::int64_t> EventPosition() override;

  base::Result<std::string> QueueReason(std::string_view stage) override;
  base::Result<void> QueueWrite(std::string_view stage, std::string_view reason) override;

  base::Result<std::int64_t> TokenNext() override;
  base::Result<std::string> StreamEpoch() override;

 private:
  // Rows of stage_run; `rest` is what follows FROM stage_run.
  template <typename... Values>
  base::Result<std::vector<StageRun>> Runs(std::string_view rest, const Values&... values);
  template <typename... Values>
  base::Result<std::optional<StageRun>> Run(std::string_view rest, const Values&... values);
  template <typename... Values>
  base::Result<std::vector<Job>> Jobs(std::string_view rest, const Values&... values);
  template <typename... Values>
  base::Result<std::vector<Lease>> Leases(std::string_view rest, const Values&... values);
  template <typename... Values>
  base::Result<std::vector<Attempt>> AttemptRows(std::string_view rest, const Values&... values);
  template <typename... Values>
  base::Result<std::vector<domain::Segment>> SegmentRows(std::string_view rest,
                                                         const Values&... values);
  base::Result<std::int64_t> Count(std::string_view counter);

  Database& database_;
};

}  // namespace rollcall::store
