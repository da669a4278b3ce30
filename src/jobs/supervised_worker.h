#pragma once

#include <poll.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "jobs/runtime_times.h"
#include "jobs/watchdog.h"
#include "worker/frame.h"
#include "worker/worker_process.h"

namespace rollcall::jobs {

// The worker process of one attempt, from its start until nothing of what it started is left: it is
// talked to, watched, killed and reaped here. What that means for the attempt is the attempt's.
//
// Not thread-safe: the agent's thread.
class SupervisedWorker {
 public:
  // What is to be told of it to the watchdog.
  struct Watch {
    Watchdog& watchdog;
    const store::Fence& fence;
    base::BootTime renewed_at;  // From before its lease began.
  };
  // Errors of WorkerProcess::Start.
  static base::Result<std::unique_ptr<SupervisedWorker>> Start(
      const worker::WorkerProcess::Options& options, const Watch& watch, const RuntimeTimes& times);

  const worker::WorkerProcess& process() const { return *process_; }
  // Until it is gone.
  Watchdog::Ward& ward() { return *ward_; }

  // What to wait for; nothing when it is gone. `reads`: Receive will be called.
  void AddPollFds(std::vector<pollfd>& fds, bool reads) const;

  // A worker that cannot be written to has ended, and its pidfd says so. An error: of EncodeFrame.
  base::Result<void> Send(const worker::Frame& frame);
  void Flush();
  // One read of what it says; nullopt when there is nothing now. An error when it is no protocol:
  // nothing is heard of it any more, as after CloseSocket.
  base::Result<std::optional<std::vector<worker::Frame>>> Receive();
  void CloseSocket() { is_socket_open_ = false; }

  void Kill(base::BootTime now);
  bool is_killed() const { return killed_at_.has_value(); }
  // Once it is to be no more, again and again: `since` then. Ends what does not end by itself in
  // time, and whatever that forked. True when it turns out just now that it cannot be ended.
  bool LookForEnd(base::BootTime since, base::BootTime now);
  bool is_gone() const { return is_gone_; }
  const worker::ProcessExit& exit() const { return exit_; }  // Once it is gone.
  // Why it does not end although it was killed; empty when there is nothing of that kind.
  const std::string& trouble() const { return trouble_; }
  // Without a sign, what should have ended is looked for as often.
  std::chrono::nanoseconds LookPeriod() const;

 private:
  SupervisedWorker(std::unique_ptr<worker::WorkerProcess> process, const Watch& watch,
                   const RuntimeTimes& times);
  void LookForRemnants(base::BootTime now);

  const RuntimeTimes times_;
  const std::unique_ptr<worker::WorkerProcess> process_;
  std::unique_ptr<Watchdog::Ward> ward_;  // Until the process is reaped.
  worker::FrameReader reader_;
  bool is_socket_open_ = true;
  std::optional<base::BootTime> killed_at_;
  base::BootTime looked_at_{};  // For remnants, or killed once more.
  bool has_leader_ended_ = false;
  std::vector<base::UniqueFd> remnants_;  // Of the last look; those that have not ended since.
  bool is_gone_ = false;
  worker::ProcessExit exit_;
  std::string trouble_;
};

}  // namespace rollcall::jobs
