#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/random.h"
#include "jobs/runtime_times.h"
#include "store/records.h"

namespace rollcall::jobs {

// How an attempt ended, before it is decided what follows.
struct EndedAttempt {
  // As it was claimed: its counts and `last_error` are those before this attempt.
  const store::StageRun& run;
  int segments_committed = 0;  // By this attempt.
  // The segment that it was at; none before the first, and in stages without any.
  std::optional<domain::SegmentSpan> segment = std::nullopt;
  store::AttemptOutcome outcome = store::AttemptOutcome::kFailed;
  base::Error error;
  // How long it had run without progress when it ended.
  std::chrono::nanoseconds fruitless{};
  bool is_wished = false;  // Somebody stopped the owner, or ended the attempt on purpose.
  std::string exit;
  std::int64_t rss_peak_bytes = 0;
};

// What becomes of a run whose attempt has not succeeded.
//  - The disk was full: interrupted, however the attempt ended, and not counted. It goes on when
//    there is room (disk_guard.h), however often that takes.
//  - The engine had no file descriptor left: again after the first delay, and not counted, however
//    often that takes.
//  - An error that trying again cannot help: failed, at once.
//  - A failure: again after min(retry_max, retry_first · 2^(n−1)) × U[0.5, 1), where n counts the
//    failures since the last new segment; at most 5 times.
//  - A crash where the failure before, with the same segments, was a crash too: failed with
//    ERR_POISON_SEGMENT, naming the segment so that a person may skip it.
//  - Attempts that ran without progress for longer than fruitless_max together, since the last new
//    segment: failed with ERR_STALLED, however each of them ended.
//  - An interruption (the worker or its owner was taken away): again at once, but from the tenth
//    without a new segment on it counts as a crash, so that every job comes to an end.
class RetryPolicy {
 public:
  static constexpr int kRetriesMax = 5;
  static constexpr int kInterruptionsMax = 10;

  // `random` gives numbers in [0, 1).
  explicit RetryPolicy(const RuntimeTimes& times,
                       std::function<double()> random = &base::RandomUnit)
      : times_(times), random_(std::move(random)) {}

  // Whether a run has run in vain for so long that it is not tried again, whoever saw it end.
  bool IsWornOut(const store::StageRun& run) const;
  store::AttemptEnd Decide(const EndedAttempt& ended) const;

 private:
  std::chrono::milliseconds Delay(int failures) const;

  const RuntimeTimes times_;
  const std::function<double()> random_;
};

}  // namespace rollcall::jobs
