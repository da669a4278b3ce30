#include "jobs/attempt_watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace rollcall::jobs {
namespace {

using domain::Phase;

// Weight of the newest gap in the moving average.
constexpr double kGapWeight = 0.2;
constexpr int kGapsMax = 10;
constexpr std::size_t kUnitsMax = 8;

double InSeconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

AttemptWatch::AttemptWatch(const RuntimeTimes& times, base::BootTime started) : times_(times) {
  liveness_.last_pulse = started;
  liveness_.phase_since = started;
  phase_sign_ = started;
  liveness_.progress_at = started;
}

void AttemptWatch::OnPulse(const worker::Pulse& pulse, base::BootTime now) {
  liveness_.pulse_seq = pulse.seq;
  liveness_.last_pulse = now;
}

void AttemptWatch::OnPhase(Phase phase, base::BootTime now) {
  if (phase == liveness_.phase) return;
  liveness_.phase = phase;
  liveness_.phase_since = now;
  if (phases_since_progress_.insert(phase).second) phase_sign_ = now;
}

std::int64_t AttemptWatch::OnProgress(const worker::ProgressReport& report, base::BootTime now) {
  liveness_.total = report.total;
  liveness_.unit = report.unit;
  liveness_.counters_json =
      report.counters.dump(-1, ' ', false, base::Json::error_handler_t::replace);
  const auto known = scales_.find(report.unit);
  const bool is_first = known == scales_.end();
  // Inventing units is no way of getting on.
  if (is_first && scales_.size() == kUnitsMax) return 0;
  Scale& scale = is_first
                     ? scales_.emplace(report.unit, Scale{.estimator = RateEstimator(times_.pulse)})
                           .first->second
                     : known->second;
  liveness_.rate = scale.estimator.rate();
  liveness_.realtime_factor = scale.estimator.realtime_factor();
  liveness_.done = is_first ? report.done : scale.done;
  if (!is_first && report.done <= scale.done) return 0;
  if (has_progress_) {
    const auto gap = now - std::max(liveness_.progress_at, liveness_.phase_since);
    mean_gap_ = mean_gap_.count() == 0 ? gap
                                       : std::chrono::duration_cast<std::chrono::nanoseconds>(
                                             gap * kGapWeight + mean_gap_ * (1 - kGapWeight));
  }
  has_progress_ = true;
  phases_since_progress_.clear();
  const std::int64_t more = is_first ? 0 : report.done - scale.done;
  scale.done = report.done;
  scale.estimator.Add(now, report.done, report.position);
  liveness_.done = report.done;
  liveness_.progress_at = now;
  liveness_.rate = scale.estimator.rate();
  liveness_.realtime_factor = scale.estimator.realtime_factor();
  return more;
}

std::optional<domain::TimeLeft> AttemptWatch::time_left() const {
  const auto scale = scales_.find(liveness_.unit);
  return scale == scales_.end() ? std::nullopt : scale->second.estimator.Left(liveness_.total);
}

void AttemptWatch::OnRuntimeAnswered(base::BootTime now) { excused_until_ = now; }

std::chrono::nanoseconds AttemptWatch::Patience() const {
  switch (liveness_.phase) {
    case Phase::kStarting:
      return times_.budget_starting;
    case Phase::kModelLoad:
      return times_.budget_model_load;
    case Phase::kSeek:
      return times_.budget_seek;
    case Phase::kFinalise:
      return times_.budget_finalise;
    case Phase::kWork:
      break;
  }
  return std::max<std::chrono::nanoseconds>(times_.stall_min, kGapsMax * mean_gap_);
}

base::BootTime AttemptWatch::LastSign() const {
  return std::max({phase_sign_, liveness_.progress_at, excused_until_});
}

base::BootTime AttemptWatch::LastProgress() const {
  return std::max(liveness_.progress_at, segment_at_);
}

bool AttemptWatch::IsWithoutProgress(base::BootTime now) const {
  return now - LastProgress() > times_.stall_max;
}

// Before it is assigned anything its pulses are those of a program that only starts.
bool AttemptWatch::IsSilent(base::BootTime now) const {
  return now - std::max(liveness_.last_pulse, excused_until_) > times_.silence;
}

AttemptWatch::Verdict AttemptWatch::Check(base::BootTime now) {
  if (now - liveness_.last_pulse > times_.lease) return Verdict::kKillSilent;
  const bool is_late = IsSilent(now) || now - LastSign() > Patience() || IsWithoutProgress(now);
  if (!is_late) {
    if (!liveness_.is_stalled) return Verdict::kFine;
    liveness_.is_stalled = false;
    return Verdict::kRecovered;
  }
  if (!liveness_.is_stalled) {
    liveness_.is_stalled = true;
    stalled_since_ = now;
    return Verdict::kStalled;
  }
  // One that is silent is not judged by its progress: it has as long as a lease lasts.
  if (IsSilent(now)) return Verdict::kFine;
  return now - stalled_since_ > times_.stall_grace ? Verdict::kKillStalled : Verdict::kFine;
}

std::string AttemptWatch::Explain(base::BootTime now) const {
  if (now - liveness_.last_pulse > times_.lease || IsSilent(now)) {
    return fmt::format("no sign of life for {:.1f} s", InSeconds(now - liveness_.last_pulse));
  }
  const auto since = IsWithoutProgress(now) ? LastProgress() : LastSign();
  return fmt::format("no change of done={} for {:.1f} s in phase {}", liveness_.done,
                     InSeconds(now - since), domain::PhaseName(liveness_.phase));
}

}  // namespace rollcall::jobs
