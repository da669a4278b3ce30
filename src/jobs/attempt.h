#pragma once

#include <poll.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/held_folder.h"
#include "jobs/attempt_files.h"
#include "jobs/attempt_watch.h"
#include "jobs/background.h"
#include "jobs/mailbox.h"
#include "jobs/metrics.h"
#include "jobs/retry_policy.h"
#include "jobs/runtime_times.h"
#include "jobs/supervised_worker.h"
#include "jobs/watchdog.h"
#include "projection/change_feed.h"
#include "projection/live_board.h"
#include "projection/projector_thread.h"
#include "projection/worker_log.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"
#include "worker/frame.h"
#include "worker/messages.h"
#include "worker/staging.h"
#include "worker/worker_cgroup.h"
#include "worker/worker_process.h"

namespace rollcall::jobs {

// Its owner stops; nothing is wrong with the work.
base::Error InterruptedError();
// Its lease was not renewed in time.
base::Error OutOfReachError();

// What an agent shares with its attempts; borrowed by both.
struct AttemptSurroundings {
  const base::HeldFolder& data_dir;
  const subject::SubjectKinds& kinds;
  vault::Vault& vault;
  const std::vector<std::string> worker_argv;
  const std::int64_t worker_memory_bytes_max;  // 0: no limit.
  const worker::WorkerCgroups& cgroups;
  const RuntimeTimes times;
  store::JobStore& store;
  base::Clock& clock;
  projection::LiveBoard& board;
  projection::ChangeFeed& feed;
  projection::WorkerLog& log;
  Metrics& metrics;
  projection::ProjectorThread& projector;
  Background& background;      // For files that may be large.
  Background& segment_checks;  // For the segments of all workers, which wait meanwhile.
  Watchdog& watchdog;
  worker::Staging& staging;
  const std::shared_ptr<Mailbox> mailbox;  // Of the agent's thread.
  const RetryPolicy policy;
  // The disk is full: nothing more is to be claimed for a while.
  const std::function<void(const base::Error&)> on_disk_full;
  // Whether it is, as far as a process that ended by itself may have met it; see DiskGuard.
  const std::function<std::optional<base::Error>()> why_disk_full;
  // Why the lease was not renewed in time.
  const std::function<base::Error()> why_out_of_reach;
};

// One attempt in hand: from the claim, through its worker process, to the row that says how it
// ended. That row is written only when no process of the attempt is left.
//
//   preparing → working → concluding → ending → over
//       └──────────┴───────────┴─────────↗
//
// Only the agent's thread; results of background work come to it through the mailbox.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  // `claimed_at`: from before its lease began.
  Attempt(AttemptSurroundings& surroundings, store::LeasedTask task, base::BootTime claimed_at);
  // Kills what is left of the worker. Writes nothing.
  ~Attempt() = default;

  // Starts the worker and what has to be done before it may begin. Once.
  void Start();

  // What to wait for; nothing when there is no process any more.
  void AddPollFds(std::vector<pollfd>& fds) const;
  // Something of what AddPollFds named is ready.
  void OnReady();
  // Lets time pass: budgets, escalations, tries that are due again.
  void Tick();
  // How soon Tick wants to be called.
  std::chrono::milliseconds TickWithin() const;

  // Asks the worker to stop, then makes it: the run ends cancelled.
  void Cancel();
  // Asks the worker to close its segment and stop; the run goes on later.
  void Drain();
  // Ends it at once; the run goes on from its checkpoint. `error` says why.
  void Interrupt(base::Error error);
  // The lease is somebody else's or nobody's: kill, and write nothing any more.
  void Lose(std::string_view why);
  // The lease was good at that time.
  void OnRenewed(base::BootTime renewed_at);
  // Interrupts it when that was too long ago for it to go on.
  void CheckLease();

  bool is_over() const { return step_ == Step::kOver; }
  // It should have ended, and has not for longer than a moment: its process cannot be killed, or
  // its row not be written.
  bool IsHeldUp() const;
  // It has ended, and its row waits for room on the disk.
  bool waits_for_room() const { return waits_for_room_; }
  // Takes part in renewals.
  bool holds_lease() const { return !is_lost_ && !has_succeeded_ && step_ != Step::kOver; }
  const store::Fence& fence() const { return task_.fence; }
  store::Heartbeat heartbeat() const { return {task_.fence, watch_.liveness()}; }

 private:
  enum class Step { kPreparing, kWorking, kConcluding, kEnding, kOver };
  enum class Manner { kAtOnce, kByItself };  // How the process is to go.

  // attempt.cc: from the claim to the assignment, and wishes from outside.
  base::Result<std::unique_ptr<SupervisedWorker>> StartWorker();
  void Prepare();
  void OnFilesAtHand(base::Result<FilesAtHand> files);
  bool DropDamaged(const IntactSegments& intact);
  bool HasFailedOften(const base::Error& error) const;
  void ProjectStart();
  void OnStartProjected(const base::Result<void>& projected);
  void OnProjectionFailed(const base::Error& error, void (Attempt::*again)());
  void AssignWhenReady();
  // Runs `use` with the attempt on the agent's thread, if it is still there then.
  std::function<void(std::function<void(Attempt&)>)> Deliverer();

  // attempt_work.cc: what the worker says, its segments and its result.
  void SendFrame(const worker::Frame& frame);
  void ReadSocket(int reads_max);
  base::Result<void> OnFrame(const worker::Frame& frame);
  void OnLogLine(const std::string& line, base::BootTime now);
  void TellOmittedLines(base::BootTime now);
  void OnSegment(domain::Segment segment);
  void OnSegmentTaken(const domain::Segment& segment, base::Result<void> taken);
  void CommitSegment(const domain::Segment& segment);
  void RefuseSegment(const domain::Segment& segment, base::Error error);
  base::Result<void> TakeHeldBack();
  void OnBroken(const base::Error& error);
  bool CanRead() const;
  void SampleMemory();
  void OnDone(worker::Conclusion conclusion);
  void OnArtifactsTaken(const base::Result<void>& taken);
  void ProbeProjection();
  void OnProbed(const base::Result<void>& probed);
  void Succeed();
  void LogCommitted(const domain::Segment& segment) const;

  // attempt_end.cc: budgets, the end of the process, and the row about it.
  void OnExit();
  void TickWorking(base::BootTime now);
  void TickDrain(base::BootTime now);
  void TickConcluding(base::BootTime now);
  void TickEnding(base::BootTime now);
  void SetStalled(bool is_stalled);
  void LogHeartbeat(base::BootTime now);
  // Decides how it ends, unless that is decided; the first word counts.
  void End(store::AttemptOutcome outcome, base::Error error, Manner manner);
  void Commit();
  store::AttemptEnd DecideEnd();
  void BecomeOver();
  base::Error CrashError(const worker::ProcessExit& exit) const;
  base::Error OutOfMemoryError() const;
  std::optional<base::Error> FullDiskError(const worker::ProcessExit& exit) const;
  // How to go on behind a segment that the run failed at.
  std::string SkipHint(const domain::SegmentSpan& segment);

  void Publish(projection::ChangeFeed::Kind kind);
  base::Instant Now() const { return around_.clock.Now(); }
  void Log(std::string_view text) const { around_.log.Line(task_.run, text); }
  bool has_process() const { return worker_ != nullptr && !worker_->is_gone(); }

  AttemptSurroundings& around_;
  store::LeasedTask task_;
  AttemptWatch watch_;
  base::BootTime renewed_at_;
  std::unique_ptr<SupervisedWorker> worker_;  // Null before its start, and where that failed.
  Step step_ = Step::kPreparing;
  bool has_hello_ = false;
  std::filesystem::path segment_folder_;  // Relative to the vault.
  std::vector<subject::Area> areas_;      // In which its results may lie.
  std::optional<FilesAtHand> files_;      // Preparing: once they are looked at.
  bool is_start_projected_ = false;
  base::BootTime started_at_{};
  base::WallTime started_wall_{};
  int segments_committed_ = 0;                     // New ones, by this attempt.
  std::int64_t next_segment_ = 0;                  // The first number that is not committed.
  std::optional<domain::SegmentSpan> at_segment_;  // Begun and not committed.
  bool is_taking_segment_ = false;
  bool has_wanted_files_ = false;  // A segment was refused because the engine could open no file.
  base::BootTime taking_since_{};
  std::deque<worker::Frame> held_back_;  // Came after the segment that is being checked.
  base::BootTime heartbeat_at_{};        // Log lines.
  base::BootTime log_stretch_at_{};
  int log_lines_ = 0;  // Since then; those that were left out, too.
  std::int64_t heartbeat_seq_ = 0;
  std::int64_t heartbeat_done_ = -1;
  base::WallTime progress_wall_{};
  std::int64_t rss_peak_bytes_ = 0;            // Seen so far.
  std::optional<domain::StageOutput> output_;  // Concluding.
  base::BootTime concluding_since_{};
  std::optional<base::Error> not_taken_;  // Why the result was not, the last time.
  std::optional<base::BootTime> cancel_at_;
  std::optional<base::BootTime> drain_at_;
  struct Ending {
    store::AttemptOutcome outcome{};
    base::Error error;
    base::BootTime since{};
    bool is_on_request = false;
  };
  std::optional<Ending> ending_;
  bool is_lost_ = false;
  bool has_succeeded_ = false;
  std::string unwritten_;  // Its row cannot be written yet.
  bool waits_for_room_ = false;
  std::string why_stalled_;  // Empty while it is not.
  // A try that failed and is made again at that time.
  std::optional<std::pair<base::BootTime, void (Attempt::*)()>> again_;
};

}  // namespace rollcall::jobs
