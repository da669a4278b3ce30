#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "store/job_store.h"

namespace rollcall::store {

// A store in front of another one that fails where a test says: before a call is done, or after it
// (it is done, and the caller hears that it failed). Thread-safe if the fault is.
class FaultyStore : public store::JobStore {
 public:
  enum class When { kBefore, kAfter };
  // The error to give for this method, "TaskClaim", or none.
  using Fault = std::function<std::optional<base::Error>(std::string_view method, When when)>;

  FaultyStore(std::unique_ptr<store::JobStore> inner, Fault fault)
      : inner_(std::move(inner)), fault_(std::move(fault)) {}

  // For a fault to ask: where in the program the call that it is asked about came from.
  static const void*& Caller() {
    thread_local const void* caller = nullptr;
    return caller;
  }

  base::Result<store::Episode> EpisodePut(const store::Episode& episode) override {
    return Do("EpisodePut", [&] { return inner_->EpisodePut(episode); });
  }
  base::Result<store::Episode> EpisodeGet(std::string_view key) override {
    return Do("EpisodeGet", [&] { return inner_->EpisodeGet(key); });
  }
  base::Result<store::Episode> EpisodeReplace(const store::Episode& episode) override {
    return Do("EpisodeReplace", [&] { return inner_->EpisodeReplace(episode); });
  }
  base::Result<std::vector<store::Episode>> EpisodeList() override {
    return Do("EpisodeList", [&] { return inner_->EpisodeList(); });
  }
  base::Result<void> EpisodeRemove(std::string_view key) override {
    return Do("EpisodeRemove", [&] { return inner_->EpisodeRemove(key); });
  }
  base::Result<void> SubjectErase(const store::Subject& subject) override {
    return Do("SubjectErase", [&] { return inner_->SubjectErase(subject); });
  }
  base::Result<store::Submission> JobSubmit(const store::JobRequest& request) override {
    return Do("JobSubmit", [&] { return inner_->JobSubmit(request); });
  }
  base::Result<store::Submission> JobReplan(store::JobId id,
                                            const store::JobRequest& request) override {
    return Do("JobReplan", [&] { return inner_->JobReplan(id, request); });
  }
  base::Result<std::optional<store::Job>> JobOfKey(std::string_view subject_kind,
                                                   std::string_view key) override {
    return Do("JobOfKey", [&] { return inner_->JobOfKey(subject_kind, key); });
  }
  base::Result<store::Job> JobGet(store::JobId id) override {
    return Do("JobGet", [&] { return inner_->JobGet(id); });
  }
  base::Result<store::Job> JobFind(std::string_view job_name) override {
    return Do("JobFind", [&] { return inner_->JobFind(job_name); });
  }
  base::Result<std::vector<store::Job>> JobList() override {
    return Do("JobList", [&] { return inner_->JobList(); });
  }
  base::Result<std::vector<store::RunView>> JobRuns(store::JobId id) override {
    return Do("JobRuns", [&] { return inner_->JobRuns(id); });
  }
  base::Result<store::CancelOutcome> JobCancel(store::JobId id) override {
    return Do("JobCancel", [&] { return inner_->JobCancel(id); });
  }
  base::Result<bool> HasOpenJobs() override {
    return Do("HasOpenJobs", [&] { return inner_->HasOpenJobs(); });
  }
  base::Result<store::StageRun> RunGet(store::StageRunId id) override {
    return Do("RunGet", [&] { return inner_->RunGet(id); });
  }
  base::Result<std::optional<store::RunView>> RunLatest(const store::Subject& subject,
                                                        std::string_view stage) override {
    return Do("RunLatest", [&] { return inner_->RunLatest(subject, stage); });
  }
  base::Result<std::vector<store::RunView>> RunHistory(const store::Subject& subject,
                                                       std::string_view stage) override {
    return Do("RunHistory", [&] { return inner_->RunHistory(subject, stage); });
  }
  base::Result<std::optional<store::StageRun>> RunSucceeded(std::string_view work_key) override {
    return Do("RunSucceeded", [&] { return inner_->RunSucceeded(work_key); });
  }
  base::Result<std::optional<store::StageRun>> RunLastGood(const store::Subject& subject,
                                                           std::string_view stage) override {
    return Do("RunLastGood", [&] { return inner_->RunLastGood(subject, stage); });
  }
  base::Result<std::vector<store::RunView>> RunsChangedSince(std::int64_t change,
                                                             int limit) override {
    return Do("RunsChangedSince", [&] { return inner_->RunsChangedSince(change, limit); });
  }
  base::Result<std::vector<store::Job>> RunJobs(store::StageRunId id) override {
    return Do("RunJobs", [&] { return inner_->RunJobs(id); });
  }
  base::Result<std::vector<store::Attempt>> AttemptList(store::StageRunId id) override {
    return Do("AttemptList", [&] { return inner_->AttemptList(id); });
  }
  base::Result<std::vector<domain::Artifact>> ArtifactList(store::StageRunId id) override {
    return Do("ArtifactList", [&] { return inner_->ArtifactList(id); });
  }
  base::Result<std::optional<store::LeasedTask>> TaskClaim(
      const store::ClaimRequest& request) override {
    return Do("TaskClaim", [&] { return inner_->TaskClaim(request); });
  }
  base::Result<void> TaskStarted(const store::Fence& fence, std::int64_t pid,
                                 std::int64_t pid_start) override {
    return Do("TaskStarted", [&] { return inner_->TaskStarted(fence, pid, pid_start); });
  }
  base::Result<std::vector<store::RenewReply>> LeaseRenew(
      const store::AgentIdentity& agent, std::span<const store::Heartbeat> heartbeats,
      std::chrono::nanoseconds lease) override {
    return Do("LeaseRenew", [&] { return inner_->LeaseRenew(agent, heartbeats, lease); });
  }
  base::Result<void> LeaseMarkStalled(const store::Fence& fence, std::string_view why) override {
    return Do("LeaseMarkStalled", [&] { return inner_->LeaseMarkStalled(fence, why); });
  }
  base::Result<std::vector<store::Lease>> LeaseReap() override {
    return Do("LeaseReap", [&] { return inner_->LeaseReap(); });
  }
  base::Result<std::vector<store::Lease>> LeaseLeftovers(
      const store::AgentIdentity& agent) override {
    return Do("LeaseLeftovers", [&] { return inner_->LeaseLeftovers(agent); });
  }
  base::Result<void> LeaseVoid(const store::Fence& fence) override {
    return Do("LeaseVoid", [&] { return inner_->LeaseVoid(fence); });
  }
  base::Result<std::vector<store::Lease>> LeaseList() override {
    return Do("LeaseList", [&] { return inner_->LeaseList(); });
  }
  base::Result<void> SegmentCommit(const store::Fence& fence,
                                   const domain::Segment& segment) override {
    return Do("SegmentCommit", [&] { return inner_->SegmentCommit(fence, segment); });
  }
  base::Result<std::vector<domain::Segment>> SegmentList(std::string_view work_key) override {
    return Do("SegmentList", [&] { return inner_->SegmentList(work_key); });
  }
  base::Result<void> SegmentDrop(std::string_view work_key, std::int64_t first_number) override {
    return Do("SegmentDrop", [&] { return inner_->SegmentDrop(work_key, first_number); });
  }
  base::Result<void> TaskSucceed(const store::Fence& fence, const std::string& result_json,
                                 std::span<const domain::Artifact> artifacts,
                                 const store::AttemptEnd& end) override {
    return Do("TaskSucceed",
              [&] { return inner_->TaskSucceed(fence, result_json, artifacts, end); });
  }
  base::Result<void> TaskEnd(const store::Fence& fence, const store::AttemptEnd& end) override {
    return Do("TaskEnd", [&] { return inner_->TaskEnd(fence, end); });
  }
  base::Result<std::vector<store::Event>> EventsAfter(store::JobId job, std::int64_t seq,
                                                      int limit) override {
    return Do("EventsAfter", [&] { return inner_->EventsAfter(job, seq, limit); });
  }
  base::Result<std::vector<store::Event>> EventsSince(std::int64_t position, int limit) override {
    return Do("EventsSince", [&] { return inner_->EventsSince(position, limit); });
  }
  base::Result<std::int64_t> EventPosition() override {
    return Do("EventPosition", [&] { return inner_->EventPosition(); });
  }
  base::Result<std::vector<store::Edit>> EditsAppend(
      const store::Subject& subject, const store::EditAuthor& author,
      std::span<const store::NewEdit> edits) override {
    return Do("EditsAppend", [&] { return inner_->EditsAppend(subject, author, edits); });
  }
  base::Result<std::vector<store::Edit>> EditsOfKey(const store::Subject& subject,
                                                    const store::EditAuthor& author) override {
    return Do("EditsOfKey", [&] { return inner_->EditsOfKey(subject, author); });
  }
  base::Result<std::vector<store::Subject>> EditSubjects() override {
    return Do("EditSubjects", [&] { return inner_->EditSubjects(); });
  }
  base::Result<std::vector<store::Edit>> EditList(const store::Subject& subject) override {
    return Do("EditList", [&] { return inner_->EditList(subject); });
  }
  base::Result<store::Edit> EditUndo(const store::Subject& subject, const store::EditAuthor& author,
                                     std::optional<std::int64_t> sequence,
                                     std::string_view ours) override {
    return Do("EditUndo", [&] { return inner_->EditUndo(subject, author, sequence, ours); });
  }
  base::Result<store::Edit> EditRedo(const store::Subject& subject, const store::EditAuthor& author,
                                     std::optional<std::int64_t> sequence,
                                     std::string_view ours) override {
    return Do("EditRedo", [&] { return inner_->EditRedo(subject, author, sequence, ours); });
  }
  base::Result<void> QueuePause(std::string_view stage, std::string_view reason) override {
    return Do("QueuePause", [&] { return inner_->QueuePause(stage, reason); });
  }
  base::Result<std::vector<store::QueueFacts>> QueueList(
      std::span<const std::string> stages) override {
    return Do("QueueList", [&] { return inner_->QueueList(stages); });
  }
  base::Result<std::string> StreamEpoch() override {
    return Do("StreamEpoch", [&] { return inner_->StreamEpoch(); });
  }
  base::Result<std::optional<std::chrono::nanoseconds>> NextRetry() override {
    return Do("NextRetry", [&] { return inner_->NextRetry(); });
  }
  base::Result<void> IntegrityCheck() override {
    return Do("IntegrityCheck", [&] { return inner_->IntegrityCheck(); });
  }

 protected:
  store::JobStore& inner() { return *inner_; }

 private:
  // Inlined, so that the return address is that of the method.
  template <typename Call>
  [[gnu::always_inline]] auto Do(std::string_view method, const Call& call) -> decltype(call()) {
    const void* const caller = __builtin_return_address(0);
    Caller() = caller;
    if (auto error = fault_(method, When::kBefore)) return *std::move(error);
    auto result = call();
    Caller() = caller;
    if (auto error = fault_(method, When::kAfter); error && result.ok()) return *std::move(error);
    return result;
  }

  const std::unique_ptr<store::JobStore> inner_;
  const Fault fault_;
};

}  // namespace rollcall::store
