#pragma once

#include <poll.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/held_folder.h"
#include "base/mutex.h"
#include "jobs/attempt.h"
#include "jobs/cancel_wishes.h"
#include "jobs/disk_guard.h"
#include "jobs/reaper.h"
#include "jobs/runtime_times.h"
#include "jobs/watchdog.h"
#include "store/job_store.h"
#include "worker/staging.h"

namespace rollcall::jobs {

// Runs tasks: claims one when a slot is free, starts its worker, supervises it, renews the leases
// of all, takes back leases that ran out, and writes how each attempt ended. One thread.
//
// It is allowed to run something only while it renews: when the last good renewal is too long ago
// by its own clock, the workers are killed, by the Watchdog if that thread is held up. When the
// data directory is not at its path any more it ends as if it were told to: at once, and with every
// row written.
//
// Thread-safe from outside. Borrows all of Sources, which must outlive it.
class Agent {
 public:
  struct Options {
    std::vector<std::string> worker_argv;  // {"/proc/self/exe", "worker"}
    int slots = 2;
    std::int64_t worker_memory_bytes_max = 0;  // 0: no limit.
    // To go on with after the disk was full, where nobody knows how much is needed.
    std::int64_t disk_free_bytes_min = 0;
    RuntimeTimes times;
    store::AgentIdentity identity;
  };
  struct Sources {
    const base::HeldFolder& data_dir;
    const subject::SubjectKinds& kinds;
    vault::Vault& vault;
    store::JobStore& store;
    base::Clock& clock;
    projection::LiveBoard& board;
    projection::ChangeFeed& feed;
    projection::WorkerLog& log;
    CancelWishes& cancel_wishes;
    Metrics& metrics;
    projection::ProjectorThread& projector;
  };

  // Ends what an owner before us left behind, then begins to claim. An error of the store.
  static base::Result<std::unique_ptr<Agent>> Start(Options options, const Sources& sources);

  // Interrupts what still runs, at once, and waits for its end.
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // There may be something to claim.
  void Wake() { mailbox_->Wake(); }
  // The runs of these attempts are to end cancelled.
  void Cancel(const std::vector<store::Fence>& fences);
  // Nothing is begun until there is room again. What CancelWishes keeps is carried out before.
  void PauseForSpace(const base::Error& error);
  // This attempt ends at once; its run goes on from the checkpoint.
  void Interrupt(const store::Fence& fence, base::Error error);
  // It has stopped, or is stopping, because of that; it does not begin again.
  bool has_lost_data_dir() const { return has_lost_data_dir_; }
  // Claims nothing more, lets workers close their segment, and waits until all have ended: at most
  // the time of times.drain and what killing takes.
  void Drain();

 private:
  enum class Stopping { kNo, kDrain, kNow };

  Agent(Options options, const Sources& sources);
  void Run();
  void RunMailbox();
  void Renew();
  void CheckLeases();
  // Of an attempt whose lease could not be renewed in time.
  base::Error WhyOutOfReach() const;
  void LookAtDataDir();
  void Reap();
  void CarryOutCancels();
  void Claim();
  void CancelAttempts(const std::vector<store::Fence>& fences);
  void Stop(Stopping how);
  void ForgetOver();
  std::chrono::milliseconds WaitTime();
  std::vector<std::shared_ptr<Attempt>> Holding() const;
  std::chrono::nanoseconds Jittered(std::chrono::milliseconds period) const;

  const Options options_;
  const Sources sources_;
  const std::vector<std::string> stages_;  // That can be run here.
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Reaper reaper_;
  const worker::WorkerCgroups cgroups_;
  worker::Staging staging_;

  // Only the thread's.
  DiskGuard disk_;
  Stopping stopping_ = Stopping::kNo;
  base::BootTime renew_at_{};
  std::optional<base::Error> not_renewed_;  // Why the leases could not be, the last time.
  base::BootTime reap_at_{};
  base::BootTime claim_at_{};
  base::BootTime cancel_at_{};

  std::atomic<bool> has_lost_data_dir_ = false;
  base::Mutex mutex_;
  base::CondVar ended_;
  bool has_ended_ ROLLCALL_GUARDED_BY(mutex_) = false;

  Watchdog watchdog_;
  Background background_;
  Background segment_checks_;
  AttemptSurroundings surroundings_;
  std::vector<std::shared_ptr<Attempt>> attempts_;  // Only the thread's.
  std::thread thread_;
};

}  // namespace rollcall::jobs
