#pragma once

#include <functional>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "store/ledger.h"

namespace rollcall::store {

// Ledger in ordered maps, with a list of what undoes the open transaction. Not thread-safe.
class MemoryLedger final : public Ledger {
 public:
  MemoryLedger();

  void Commit() { undo_.clear(); }
  void RollBack();

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
  base::Result<std::int64_t> EventPosition() override { return event_position_; }

  base::Result<std::string> QueueReason(std::string_view stage) override;
  base::Result<void> QueueWrite(std::string_view stage, std::string_view reason) override;

  base::Result<std::int64_t> TokenNext() override;
  base::Result<std::string> StreamEpoch() override;

 private:
  // Each remembers how to undo itself.
  template <typename Map>
  void Set(Map& map, const typename Map::key_type& key, typename Map::mapped_type value);
  template <typename Map>
  void Erase(Map& map, const typename Map::key_type& key);
  template <typename Map, typename Unwanted>
  void EraseIf(Map& map, Unwanted unwanted);

  template <typename Wanted>
  std::vector<StageRun> RunsWhere(Wanted wanted) const;  // Oldest first.
  template <typename Wanted>
  std::optional<StageRun> NewestWhere(Wanted wanted) const;
  base::Result<void> CheckUnique(const StageRun& run) const;
  std::int64_t NextChange();

  std::map<std::string, Episode, std::less<>> episodes_;
  std::map<JobId, Job> jobs_;
  std::map<std::pair<std::string, std::string>, SubmissionKey> submission_keys_;
  std::map<std::tuple<std::string, std::string, std::int64_t>, Edit> edits_;  // By subject.
  std::map<std::pair<JobId, StageRunId>, JobStage> job_stages_;
  std::map<StageRunId, StageRun> runs_;
  std::map<StageRunId, std::vector<StageRunId>> needs_;
  std::map<TaskId, Task> tasks_;
  std::map<TaskId, Lease> leases_;
  std::map<std::pair<TaskId, std::int64_t>, Attempt> attempts_;
  std::map<std::pair<std::string, std::int64_t>, domain::Segment> segments_;
  std::map<std::pair<std::string, std::int64_t>, PoisonSegment> poisons_;
  std::map<StageRunId, std::vector<domain::Artifact>> artifacts_;
  std::map<std::pair<JobId, std::int64_t>, Event> events_;
  std::map<std::string, std::string, std::less<>> queues_;

  // Never go back, not even with a transaction: ids are not used twice.
  std::int64_t job_id_ = 0;
  std::int64_t run_id_ = 0;
  std::int64_t task_id_ = 0;
  std::int64_t change_ = 0;
  std::int64_t token_ = 0;
  std::int64_t event_position_ = 0;
  std::string epoch_;

  std::vector<std::function<void()>> undo_;
};

}  // namespace rollcall::store
