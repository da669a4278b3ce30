#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "store/job_store.h"
#include "store/ledger.h"
#include "store/store_clock.h"

namespace rollcall::store {

// A JobStore on any database that can show its rows as a Ledger: the rules are written once, in
// this folder, and a database brings only rows and transactions.
//
// As thread-safe as Transact.
class LedgerStore : public JobStore {
 public:
  explicit LedgerStore(StoreClock clock) : clock_(std::move(clock)) {}

  base::Result<Episode> EpisodePut(const Episode& episode) final;
  base::Result<Episode> EpisodeGet(std::string_view key) final;
  base::Result<Episode> EpisodeReplace(const Episode& episode) final;
  base::Result<std::vector<Episode>> EpisodeList() final;
  base::Result<void> EpisodeRemove(std::string_view key) final;

  base::Result<void> SubjectErase(const Subject& subject) final;

  base::Result<Submission> JobSubmit(const JobRequest& request) final;
  base::Result<Submission> JobReplan(JobId id, const JobRequest& request) final;
  base::Result<std::optional<Job>> JobOfKey(std::string_view subject_kind,
                                            std::string_view key) final;
  base::Result<Job> JobGet(JobId id) final;
  base::Result<Job> JobFind(std::string_view job_name) final;
  base::Result<std::vector<Job>> JobList() final;
  base::Result<std::vector<RunView>> JobRuns(JobId id) final;
  base::Result<CancelOutcome> JobCancel(JobId id) final;
  base::Result<bool> HasOpenJobs() final;

  base::Result<StageRun> RunGet(StageRunId id) final;
  base::Result<std::optional<RunView>> RunLatest(const Subject& subject,
                                                 std::string_view stage) final;
  base::Result<std::vector<RunView>> RunHistory(const Subject& subject,
                                                std::string_view stage) final;
  base::Result<std::optional<StageRun>> RunSucceeded(std::string_view work_key) final;
  base::Result<std::optional<StageRun>> RunLastGood(const Subject& subject,
                                                    std::string_view stage) final;
  base::Result<std::vector<RunView>> RunsChangedSince(std::int64_t change, int limit) final;
  base::Result<std::vector<Job>> RunJobs(StageRunId id) final;
  base::Result<std::vector<Attempt>> AttemptList(StageRunId id) final;
  base::Result<std::vector<domain::Artifact>> ArtifactList(StageRunId id) final;

  base::Result<std::optional<LeasedTask>> TaskClaim(const ClaimRequest& request) final;
  base::Result<void> TaskStarted(const Fence& fence, std::int64_t pid,
                                 std::int64_t pid_start) final;
  base::Result<std::vector<RenewReply>> LeaseRenew(const AgentIdentity& agent,
                                                   std::span<const Heartbeat> heartbeats,
                                                   std::chrono::nanoseconds lease) final;
  base::Result<void> LeaseMarkStalled(const Fence& fence, std::string_view why) final;
  base::Result<std::vector<Lease>> LeaseReap() final;
  base::Result<std::vector<Lease>> LeaseLeftovers(const AgentIdentity& agent) final;
  base::Result<void> LeaseVoid(const Fence& fence) final;
  base::Result<std::vector<Lease>> LeaseList() final;

  base::Result<void> SegmentCommit(const Fence& fence, const domain::Segment& segment) final;
  base::Result<std::vector<domain::Segment>> SegmentList(std::string_view work_key) final;
  base::Result<void> SegmentDrop(std::string_view work_key, std::int64_t first_number) final;
  base::Result<void> TaskSucceed(const Fence& fence, const std::string& result_json,
                                 std::span<const domain::Artifact> artifacts,
                                 const AttemptEnd& end) final;
  base::Result<void> TaskEnd(const Fence& fence, const AttemptEnd& end) final;

  base::Result<std::vector<Event>> EventsAfter(JobId job, std::int64_t seq, int limit) final;
  base::Result<std::vector<Event>> EventsSince(std::int64_t position, int limit) final;
  base::Result<std::int64_t> EventPosition() final;
  base::Result<std::vector<Edit>> EditsAppend(const Subject& subject, const EditAuthor& author,
                                              std::span<const NewEdit> edits) final;
  base::Result<std::vector<Edit>> EditsOfKey(const Subject& subject,
                                             const EditAuthor& author) final;
  base::Result<std::vector<Edit>> EditList(const Subject& subject) final;
  base::Result<std::vector<Subject>> EditSubjects() final;
  base::Result<Edit> EditUndo(const Subject& subject, const EditAuthor& author,
                              std::optional<std::int64_t> sequence, std::string_view ours) final;
  base::Result<Edit> EditRedo(const Subject& subject, const EditAuthor& author,
                              std::optional<std::int64_t> sequence, std::string_view ours) final;
  base::Result<void> QueuePause(std::string_view stage, std::string_view reason) final;
  base::Result<std::vector<QueueFacts>> QueueList(std::span<const std::string> stages) final;
  base::Result<std::string> StreamEpoch() final;
  base::Result<std::optional<std::chrono::nanoseconds>> NextRetry() final;
  base::Result<void> IntegrityCheck() final;

 protected:
  enum class Access {
    kRead,
    kWrite,
    kCheck,  // Reads, perhaps for minutes: nothing else may wait for it.
  };
  using Body = std::function<base::Result<void>(Ledger&)>;

  // Runs `body` in one transaction: durable when this returns ok; without any effect when `body`
  // or the commit fails. Transactions that write exclude each other.
  virtual base::Result<void> Transact(Access access, const Body& body) = 0;
  // What the database itself can check of its file; may last as a kCheck.
  virtual base::Result<void> CheckFile() = 0;

  // From now on the clock is that of another boot. Call it as if within a transaction that writes.
  void SetBoot(std::string boot_id) { clock_.boot_id = std::move(boot_id); }

 private:
  // Within a transaction: what waited for the write lock has waited by now.
  Moment Now() const {
    const base::Instant now = clock_.clock.Now();
    return {.wall = now.wall, .boot = now.boot, .boot_id = clock_.boot_id};
  }

  template <typename F>
  std::invoke_result_t<F, Ledger&> In(Access access, F body) {
    std::optional<std::invoke_result_t<F, Ledger&>> result;
    auto done = Transact(access, [&](Ledger& ledger) -> base::Result<void> {
      result.emplace(body(ledger));
      if (!result->ok()) return result->error();
      return {};
    });
    if (!done.ok()) return std::move(done).error();
    return std::move(*result);
  }

  template <typename F>
  std::invoke_result_t<F, Ledger&, const Moment&> Change(F body) {
    return In(Access::kWrite, [&](Ledger& ledger) { return body(ledger, Now()); });
  }

  StoreClock clock_;
};

}  // namespace rollcall::store
