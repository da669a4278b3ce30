#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/job_view.h"
#include "base/clock.h"
#include "base/held_folder.h"
#include "base/mutex.h"
#include "housekeeping/sweeper_thread.h"
#include "jobs/agent.h"
#include "jobs/cancel_wishes.h"
#include "jobs/metrics.h"
#include "jobs/running_work.h"
#include "jobs/runtime_times.h"
#include "projection/change_feed.h"
#include "projection/job_views.h"
#include "projection/live_board.h"
#include "projection/projector_thread.h"
#include "projection/worker_log.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::jobs {

// The owner's side of the job runtime, in one object: takes jobs, has them worked on, and says how
// they are. The runtime owns every state; the stages are functions in worker processes (worker.h).
//
//   Submit ──► store ──► Agent ──► Attempt ──► worker process
//                ▲          │                      │ frames
//                └──────────┴───── one row each ◄──┘
//                │
//                └──► ProjectorThread ──► state.json, runtime.json, meta.json, .lock, links, logs
//
// Before StartWorking it only observes: nothing is claimed, and queued stages say that nobody works
// on them. The caller holds the data directory's DataLock for as long as the engine lives.
//
// Thread-safe. Borrows `store` and `clock`, which must outlive it.
class Engine {
 public:
  struct Options {
    std::filesystem::path data_dir;
    subject::SubjectKinds kinds;
    // Opens the vault that the engine's bytes lie in: once, and the engine has it.
    std::function<std::unique_ptr<vault::Vault>(const base::HeldFolder& data_dir, base::Clock&)>
        open_vault = {};
    std::vector<std::string> worker_argv;  // {"/proc/self/exe", "worker"}
    int slots = 2;                         // Workers at a time.
    // What one worker may have of memory of its own; 0: no limit. One that needs more ends with
    // ERR_OUT_OF_MEMORY.
    std::int64_t worker_memory_bytes_max = 0;
    // After the disk was full, work goes on when what could not be written has room; where nobody
    // knows how much that is, when this much is free, or a sixteenth of a smaller disk.
    std::int64_t disk_free_bytes_min = std::int64_t{64} << 20;
    RuntimeTimes times;
    std::shared_ptr<Metrics> metrics = {};  // Null: its own.
    // A data directory has one owner, so its agent has one name, on whatever host it is. Another
    // host on the same store would have another.
    std::string agent_id = "owner";
    // Somebody else owns the data directory, and this engine is there to be asked, nothing else.
    bool is_worked_on_elsewhere = false;
  };
  // kInvalidArgument / ERR_BAD_CONFIG if an option is out of range.
  static base::Result<std::unique_ptr<Engine>> Create(Options options, store::JobStore& store,
                                                      base::Clock& clock);

  // Interrupts what runs, at once; it goes on with the next owner. Drain first to be gentle.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Ends what an owner before us left behind, then works until Drain. Once; later calls wait for
  // that and do nothing. Keeps nobody from cancelling or looking meanwhile.
  base::Result<void> StartWorking();
  // As StartWorking, but does nothing either when another thread is about to do it.
  base::Result<void> EnsureWorking();
  // Also while it is about to.
  bool is_working() const;
  const RuntimeTimes& times() const { return options_.times; }
  int slots() const { return options_.slots; }
  const subject::SubjectKinds& kinds() const { return options_.kinds; }
  vault::Vault& vault() { return *vault_; }

  // Accepts a job, or joins and returns the one that already does the same (`is_existing`).
  // `reuse` entries whose artefacts are not intact are dropped: those stages run. A start over a
  // stalled attempt ends that attempt at once; it goes on from its checkpoint. Errors of JobSubmit.
  base::Result<store::Submission> Submit(store::JobRequest request);
  // As Submit, for somebody who wants the work done: one that a live attempt is at already is left
  // to it, whatever job that belongs to. What is submitted waits for somebody who works.
  struct Started {
    store::JobId job{};
    bool is_at_work = false;   // A live attempt is at it: nothing was submitted.
    bool is_existing = false;  // The job was open before.
    // It was open and nobody was at it, or its attempt was stalled: it goes on now.
    bool is_resumed = false;
    // The request's idempotency key was answered with it before.
    bool is_repeated = false;
  };
  base::Result<Started> Start(store::JobRequest request);
  // Other open jobs that make files of the same names: see RunningWork.
  base::Result<std::vector<api::JobView>> OpenBeside(const store::Job& job);
  // A finished run of this work that is its stage's last good one and whose artefacts are all there
  // and intact. Reads all their bytes, unless this engine has and they were not touched since.
  base::Result<std::optional<store::StageRunId>> FindReusable(std::string_view work_key);

  // Ends the job's own stages. A success that commits first wins; the outcome says so.
  // ERR_DISK_FULL where that cannot be recorded: while it works, the engine keeps the wish in mind
  // and carries it out as soon as it can, before it begins anything else.
  base::Result<store::CancelOutcome> Cancel(store::JobId id);
  // Open: ends its stalled attempts, which go on from their checkpoints (`is_existing`). Ended: the
  // same request once more; what has finished and is intact is taken over, the rest goes on from
  // its segments.
  struct ResumeOptions {
    // Goes on behind the segment of the job's ERR_POISON_SEGMENT. kFailedPrecondition /
    // ERR_NOTHING_TO_SKIP if it has not failed of one, ERR_JOB_ALREADY_RUNNING if the same work is
    // being tried again.
    bool skips_poison = false;
  };
  base::Result<store::Submission> Resume(store::JobId id, ResumeOptions options);
  base::Result<store::Submission> Resume(store::JobId id) { return Resume(id, ResumeOptions{}); }

  // The job when it has ended, or as it is after `limit`.
  base::Result<store::Job> Wait(store::JobId id, std::chrono::milliseconds limit);
  base::Result<api::JobView> View(store::JobId id,
                                  projection::Detail detail = projection::Detail::kNow);
  // Returns when the files that people read say of this job what the store says, or with the error
  // that keeps them from it; ERR_REGISTRY_UPDATE_FAILED after `limit`.
  base::Result<void> Settle(store::JobId id, std::chrono::milliseconds limit);
  base::Result<bool> HasOpenJobs();
  // One exposition for Prometheus; see Metrics. An error of the store.
  base::Result<std::string> MetricsText();
  // When to look again: transitions and progress. See ChangeFeed for what a callback may do.
  [[nodiscard]] projection::ChangeFeed::Subscription Subscribe(
      projection::ChangeFeed::Callback callback);
  projection::ChangeFeed& feed() { return feed_; }

  // ERR_DATA_DIRECTORY_MOVED once the data directory was not at its path any more: workers are
  // ended, nothing is claimed, and nothing is left to do but to end. Costs a stat.
  base::Result<void> CheckDataDir();

  // Claims nothing more; lets workers close their segment; returns when all have ended.
  void Drain();

 private:
  Engine(Options options, base::HeldFolder data_dir, store::JobStore& store, base::Clock& clock);
  base::Error NotRecorded(store::JobId id, const base::Error& error);
  projection::EngineFacts Facts(store::JobId id) const;
  base::Result<bool> CanReuse(const store::StageRun& run);
  base::Result<void> TakeUp(store::JobId id);
  projection::ProjectorThread& EnsureProjector();
  void TellTransition();
  Agent* agent();

  const Options options_;
  const base::HeldFolder data_dir_;
  store::JobStore& store_;
  base::Clock& clock_;
  const std::shared_ptr<Metrics> metrics_;
  projection::LiveBoard board_;
  projection::ChangeFeed feed_;
  projection::WorkerLog log_;
  CancelWishes cancel_wishes_;
  const RunningWork running_;
  const std::unique_ptr<vault::Vault> vault_;

  base::Mutex start_mutex_;    // Held by the one that starts; whoever has mutex_ never takes it.
  mutable base::Mutex mutex_;  // Held for moments only: a cancel passes it.
  bool is_starting_ ROLLCALL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<projection::ProjectorThread> projector_ ROLLCALL_GUARDED_BY(mutex_);
  projection::ChangeFeed::Subscription wakes_projector_ ROLLCALL_GUARDED_BY(mutex_);
  std::unique_ptr<Agent> agent_ ROLLCALL_GUARDED_BY(mutex_);  // Stays once it is there.
  std::unique_ptr<housekeeping::SweeperThread> sweeper_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::jobs
