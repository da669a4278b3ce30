#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "jobs/rate_estimator.h"
#include "jobs/runtime_times.h"
#include "store/records.h"
#include "worker/messages.h"

namespace rollcall::jobs {

// Judges from its signs whether an attempt lives and gets on: pulses (alive), progress (works),
// phase (what at). Knows no process and no store; time is given to it. Not thread-safe.
class AttemptWatch {
 public:
  enum class Verdict {
    kFine,
    kStalled,      // It has just become so, or fallen silent: flag it.
    kRecovered,    // It goes on by itself: take the flag away.
    kKillStalled,  // It was flagged and the grace is over.
    kKillSilent,   // No pulse for the time of a lease.
  };

  AttemptWatch(const RuntimeTimes& times, base::BootTime started);

  void OnPulse(const worker::Pulse& pulse, base::BootTime now);
  void OnPhase(domain::Phase phase, base::BootTime now);
  // By how much `done` has grown in its unit; 0 for the first report in a unit, which may tell what
  // earlier attempts had done.
  std::int64_t OnProgress(const worker::ProgressReport& report, base::BootTime now);
  // Waiting for the runtime itself, for example for a commit, is nobody's stall.
  void OnRuntimeAnswered(base::BootTime now);
  // A segment is in the store that was not there before.
  void OnNewSegment(base::BootTime now) { segment_at_ = now; }

  // Says each change once.
  Verdict Check(base::BootTime now);

  const store::Liveness& liveness() const { return liveness_; }
  std::optional<domain::TimeLeft> time_left() const;
  // How long the present phase may go without a sign of getting on.
  std::chrono::nanoseconds Patience() const;
  // When there was one, or it began, or it waited for us.
  base::BootTime LastSign() const;
  // When it last got on: a change of `done`, or a segment.
  base::BootTime LastProgress() const;
  // The sentence of a kStalled or kKill… verdict: "no change of done=12 for 31 s in phase work".
  std::string Explain(base::BootTime now) const;

 private:
  // Neither a phase, nor a slow habit, nor waiting excuses that.
  bool IsWithoutProgress(base::BootTime now) const;
  bool IsSilent(base::BootTime now) const;

  // What was done in one unit, and how fast.
  struct Scale {
    std::int64_t done = 0;
    RateEstimator estimator;
  };

  const RuntimeTimes times_;
  store::Liveness liveness_;
  std::map<std::string, Scale> scales_;  // By unit.
  std::chrono::nanoseconds mean_gap_{};  // Between changes of `done`; 0 before the second.
  bool has_progress_ = false;
  // Entering a phase is a sign of getting on, but only once between two changes of `done`.
  std::set<domain::Phase> phases_since_progress_;
  base::BootTime phase_sign_{};
  base::BootTime excused_until_{};
  base::BootTime segment_at_{};
  base::BootTime stalled_since_{};
};

}  // namespace rollcall::jobs
