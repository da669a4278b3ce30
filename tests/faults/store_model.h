#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/testing/faulty_store.h"

namespace rollcall::faults {

// A store behind a small model of what a job store promises. Every answer is compared with the
// model, which knows nothing of how the store works and decides nothing as the store does: it keeps
// what was granted, what was accepted and who wants what, and says what must follow from that. The
// first answer that breaks a promise is `violation()`.
//
// Promises:
//  - Tokens grow. What is said to run is held by one attempt, and what is held is said to run.
//  - Exactly the holder's writes are accepted.
//  - A holder that was heard of within the time that it was granted is not reaped, and every other
//    one is. That time passes on the store's machine, whose reboot ends it; on its own machine, or
//    on that of whoever asks, it may be any time.
//  - What is tried again later is given out when that time has passed on the store's machine, or
//  when
//    that has rebooted, and not before.
//  - What is submitted again with its key is the job of the first time, as long as no wall clock
//  has
//    gone on by a day since then.
//  - A checkpoint is the accepted segments: 0, 1, 2 … without a hole, of each number one for ever.
//    Nothing goes from it but by a drop, or with a submission that asks for that and is accepted.
//  - A run is given out after those it needs, never after its end, nor while its queue is paused,
//    nor when nobody wants it any more. One live run for a dedupe key.
//  - An attempt that a full disk has ended leaves its run's counts as they were.
//  - An ended run or job stays as it ended, and the job's last event says so.
class StoreModel final : public store::FaultyStore {
 public:
  // What the time is on the store's machine.
  struct Time {
    int boot_number = 0;
    std::chrono::nanoseconds since_boot{};
    base::WallTime wall{};
  };
  StoreModel(std::unique_ptr<store::JobStore> inner, std::function<Time()> time);

  const std::string& violation() const { return violation_; }
  int writes_refused() const { return writes_refused_; }

  // When no fault is left and nothing is open any more: one end with one event for every job that
  // was accepted, all of them still there, and the segments are those of the accepted writes.
  void CheckEnd();
  std::optional<std::string> FirstOpenJob();

  base::Result<store::Submission> JobSubmit(const store::JobRequest& request) override;
  base::Result<store::CancelOutcome> JobCancel(store::JobId id) override;
  base::Result<std::optional<store::LeasedTask>> TaskClaim(
      const store::ClaimRequest& request) override;
  base::Result<void> TaskStarted(const store::Fence& fence, std::int64_t pid,
                                 std::int64_t pid_start) override;
  base::Result<std::vector<store::RenewReply>> LeaseRenew(
      const store::AgentIdentity& agent, std::span<const store::Heartbeat> heartbeats,
      std::chrono::nanoseconds lease) override;
  base::Result<void> LeaseMarkStalled(const store::Fence& fence, std::string_view why) override;
  base::Result<std::vector<store::Lease>> LeaseReap() override;
  base::Result<std::vector<store::Lease>> LeaseLeftovers(
      const store::AgentIdentity& agent) override;
  base::Result<void> LeaseVoid(const store::Fence& fence) override;
  base::Result<void> SegmentCommit(const store::Fence& fence,
                                   const domain::Segment& segment) override;
  base::Result<void> SegmentDrop(std::string_view work_key, std::int64_t first_number) override;
  base::Result<void> TaskSucceed(const store::Fence& fence, const std::string& result_json,
                                 std::span<const domain::Artifact> artifacts,
                                 const store::AttemptEnd& end) override;
  base::Result<void> TaskEnd(const store::Fence& fence, const store::AttemptEnd& end) override;
  base::Result<void> QueuePause(std::string_view stage, std::string_view reason) override;

 private:
  // A span of time on the store's machine.
  struct Wait {
    Time from;
    std::chrono::nanoseconds length{};
  };
  // Whoever may write a task.
  struct Holder {
    store::Fence fence;
    store::AgentIdentity agent;
    Wait granted;
    store::StageRunId run{};
  };
  using Checkpoint = std::map<std::int64_t, std::string>;  // Hashes, by number.
  struct Run {
    std::string name;  // "track_x1"
    std::string work_key;
    std::optional<std::string> dedupe_key;
    std::vector<store::StageRunId> needs;
    std::set<store::JobId> wanted_by;  // Accepted, and not cancelled since.
    std::optional<domain::JobState> end;
    // The token of the attempt that an acknowledged cancel met, 0 for none. No later one may come.
    std::optional<std::int64_t> cancelled_at;
  };
  struct Job {
    std::string job_name;
    std::set<store::StageRunId> runs;  // Those that were not finished when it was accepted.
    std::optional<domain::JobState> end;
    bool is_cancelled = false;
    bool may_succeed = true;  // After a cancel: only if all that was left to do was being done.
  };

  void Expect(bool holds, const std::string& sentence);
  // Whether exactly the holder's write was accepted.
  bool Agrees(std::string_view what, const store::Fence& fence, const base::Result<void>& answer);
  const Holder* Held(const store::Fence& fence) const;
  const Holder* HolderOf(store::StageRunId run) const;
  void CheckClaim(const store::LeasedTask& task);
  // Whether the key says which job the answer must be.
  bool CheckKey(const std::string& key, const store::Submission& submission);
  void LearnJob(const store::Submission& submission, const store::JobRequest& request);
  Run& LearnRun(const store::RunView& view);
  bool IsOver(const Wait& wait) const;
  void LookAtRetries();
  static bool FitsInto(const Checkpoint& checkpoint, const domain::Segment& segment);
  std::vector<std::int64_t> CountsOf(store::StageRunId id);
  void MarkCancelled(Job& job, store::JobId id);
  void Release(const store::Fence& fence);
  void LookAtRun(store::StageRunId id);
  void LookAround();
  void CheckJobEnd(store::JobId id, const Job& job);

  const std::function<Time()> time_;
  std::map<store::TaskId, Holder> holders_;
  std::map<store::StageRunId, Wait> retries_;
  struct Answered {
    store::JobId job{};
    base::WallTime at{};
  };
  std::map<std::string, Answered> answered_;  // By idempotency key.
  base::WallTime latest_wall_{};
  std::map<store::StageRunId, Run> runs_;
  std::map<store::JobId, Job> jobs_;
  std::map<std::string, Checkpoint, std::less<>> checkpoints_;  // By work key.
  std::set<std::string> succeeded_;                             // Attempts.
  std::set<std::string, std::less<>> paused_;
  std::int64_t last_token_ = 0;
  int writes_refused_ = 0;
  int changes_ = 0;
  std::string violation_;
};

}  // namespace rollcall::faults
