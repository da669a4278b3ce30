#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/frame.h"
#include "worker/messages.h"

namespace rollcall::worker {

// A worker process's end of the socket to its agent. A thread of its own sends the pulses and the
// newest progress, and reads assign, cancel, drain and acks. Ends the process when the socket ends
// or says nonsense.
//
// Thread-safe.
class WorkerLink {
 public:
  explicit WorkerLink(base::UniqueFd socket);
  // Ends the thread after everything was sent.
  ~WorkerLink();
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  // Blocks until it came.
  Assignment WaitForAssignment();

  domain::StopReason stop_reason() const { return stop_reason_.load(std::memory_order_relaxed); }

  // Blocks while the socket is full. kInternal / ERR_PROTOCOL for a frame that is too long.
  base::Result<void> Send(const Frame& frame);

  // Kept until the thread's next turn; only the newest is sent.
  void PostProgress(ProgressReport report);
  // Sends what was posted, so that what follows is not overtaken by it.
  void FlushProgress();

  // Runs `act` on the link's own thread, and waits: for what the kernel does to one thread only.
  void DoOnThread(const std::function<void()>& act);

  // Sends the segment and blocks until the agent has answered for its number.
  base::Result<void> CommitSegment(const domain::Segment& segment);

 private:
  void Run();
  void Read();
  void Take(const Frame& frame);
  void SendPulse();
  void RunGiven();
  void Wake();

  base::UniqueFd socket_;
  base::UniqueFd wake_;
  std::atomic<domain::StopReason> stop_reason_{domain::StopReason::kNone};
  std::atomic<bool> is_closing_{false};
  std::atomic<std::chrono::milliseconds> pulse_{std::chrono::seconds{1}};
  std::atomic<std::chrono::milliseconds> progress_{std::chrono::milliseconds{200}};

  FrameReader reader_;                     // Only the thread's.
  std::vector<domain::Segment> segments_;  // Only the thread's, until the assignment is there.
  std::int64_t pulse_seq_ = 0;             // Only the thread's.

  base::Mutex send_mutex_;  // Whole frames.
  base::Mutex mutex_;
  base::CondVar changed_;
  std::optional<Assignment> assignment_ ROLLCALL_GUARDED_BY(mutex_);
  std::optional<SegmentAck> ack_ ROLLCALL_GUARDED_BY(mutex_);
  std::optional<ProgressReport> posted_ ROLLCALL_GUARDED_BY(mutex_);
  const std::function<void()>* given_ ROLLCALL_GUARDED_BY(mutex_) = nullptr;  // Null: it is done.

  std::thread thread_;
};

}  // namespace rollcall::worker
