// The half of Attempt that brings it to its end: budgets, escalation, and the row about it.

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "domain/reasons.h"
#include "jobs/attempt.h"
#include "jobs/data_lock.h"
#include "jobs/process_table.h"

namespace rollcall::jobs {
namespace {

using domain::MakeError;
using store::AttemptOutcome;
namespace reason = domain::reason;

Frame Request(FrameType type) {
  return {.type = type, .body = base::Json::object(), .attachment = {}};
}

}  // namespace

// --- Time

void Attempt::Tick() {
  const base::BootTime now = Now().boot;
  if (process_) process_->LimitOutput();
  if (again_ && now >= again_->first) {
    const auto act = again_->second;
    again_.reset();
    (this->*act)();
  }
  if (step_ == Step::kWorking || step_ == Step::kPreparing) TickWorking(now);
  if (step_ == Step::kWorking) TickCancel(now);
  if (step_ == Step::kConcluding) TickConcluding(now);
  if (step_ == Step::kWorking || step_ == Step::kConcluding) TickDrain(now);
  if (step_ == Step::kEnding) TickEnding(now);
}

std::chrono::milliseconds Attempt::TickWithin() const {
  constexpr std::chrono::milliseconds kSoon{10};
  if (!trouble_.empty()) return std::max(kSoon, around_.times.pulse);
  if (step_ == Step::kEnding) return kSoon;
  if (again_ || cancel_at_ || drain_at_) return kSoon * 2;
  return std::max(kSoon, around_.times.pulse / 4);
}

void Attempt::TickWorking(base::BootTime now) {
  if (step_ == Step::kPreparing) watch_.OnRuntimeAnswered(now);  // It waits for us.
  const AttemptWatch::Verdict verdict = watch_.Check(now);
  switch (verdict) {
    case AttemptWatch::Verdict::kFine:
      break;
    case AttemptWatch::Verdict::kStalled:
      SetStalled(true);
      break;
    case AttemptWatch::Verdict::kRecovered:
      SetStalled(false);
      break;
    case AttemptWatch::Verdict::kKillStalled:
      return End(AttemptOutcome::kStalled, MakeError(reason::kStalled, watch_.Explain(now)),
                 Manner::kAtOnce);
    case AttemptWatch::Verdict::kKillSilent:
      return End(AttemptOutcome::kExpired, MakeError(reason::kStalled, watch_.Explain(now)),
                 Manner::kAtOnce);
  }
  if (step_ == Step::kWorking && now - heartbeat_at_ >= around_.times.heartbeat) LogHeartbeat(now);
}

// A result that cannot be checked or written for ever must not keep the job running for ever.
void Attempt::TickConcluding(base::BootTime now) {
  const auto waited = now - concluding_since_;
  if (waited <= around_.times.stall_max) return;
  if (not_taken_ && domain::IsDiskFull(*not_taken_)) {
    return End(AttemptOutcome::kFailed, *not_taken_, Manner::kAtOnce);
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
  End(AttemptOutcome::kStalled,
      MakeError(reason::kStalled, fmt::format("its result was not taken for {} s", seconds)),
      Manner::kAtOnce);
}

void Attempt::SetStalled(bool is_stalled) {
  why_stalled_ = is_stalled ? watch_.Explain(Now().boot) : "";
  // The flag is for people; where it cannot be written now, the next renewal's error says why.
  static_cast<void>(around_.store.LeaseMarkStalled(task_.fence, why_stalled_, Now()));
  if (is_stalled) {
    around_.metrics.OnStalled(task_.run.name);
    Log(fmt::format("stalled: {}: {}", reason::kStalled, why_stalled_));
    Log(fmt::format("stack: {}", DescribeThreads(process_->pid())));
  } else {
    Log("goes on again");
  }
  Publish(ChangeFeed::Kind::kTransition);
}

void Attempt::LogHeartbeat(base::BootTime now) {
  heartbeat_at_ = now;
  heartbeat_done_ = watch_.liveness().done;
  Log(fmt::format("hb seq={} {}", ++heartbeat_seq_, DescribeProgress(watch_.liveness())));
}

void Attempt::TickDrain(base::BootTime now) {
  if (!drain_at_ || now - *drain_at_ < around_.times.drain) return;
  End(AttemptOutcome::kInterrupted, InterruptedError(), Manner::kAtOnce);
}

bool Attempt::IsHeldUp() const {
  if (!trouble_.empty()) return true;
  return !unwritten_.empty() && Now().boot - ending_->since >= around_.times.exit_grace;
}

void Attempt::TickCancel(base::BootTime now) {
  if (!cancel_at_) return;
  const auto waited = now - *cancel_at_;
  const int wanted = waited >= around_.times.cancel_kill   ? SIGKILL
                     : waited >= around_.times.cancel_term ? SIGTERM
                                                           : 0;
  if (wanted == cancel_signal_) return;
  cancel_signal_ = wanted;
  process_->Signal(wanted);
}

base::Error InterruptedError() {
  return MakeError(reason::kInterrupted, "stopped with the program that looked after it");
}

// --- Wishes from outside

void Attempt::Cancel() {
  if (cancel_at_ || is_lost_ || has_succeeded_ || step_ == Step::kOver) return;
  cancel_at_ = Now().boot;
  if (step_ == Step::kWorking) return SendFrame(Request(FrameType::kCancel));
  // A result that came before the cancel wins; what has not begun is not begun.
  if (step_ == Step::kPreparing) {
    End(AttemptOutcome::kCancelled, domain::StoppedError(), Manner::kAtOnce);
  }
}

void Attempt::Drain() {
  if (drain_at_ || step_ == Step::kOver) return;
  drain_at_ = Now().boot;
  if (step_ == Step::kPreparing) return Interrupt(InterruptedError());
  if (step_ == Step::kWorking) SendFrame(Request(FrameType::kDrain));
}

void Attempt::Interrupt(base::Error error) {
  if (step_ == Step::kEnding || step_ == Step::kOver) return;
  End(AttemptOutcome::kInterrupted, std::move(error), Manner::kAtOnce);
  ending_->is_on_request = true;
}

void Attempt::Lose(std::string_view why) {
  if (is_lost_ || step_ == Step::kOver) return;
  is_lost_ = true;
  Log(fmt::format("attempt {} is ended, its results are dropped: {}", task_.attempt_number, why));
  End(AttemptOutcome::kExpired, MakeError(reason::kFenced, std::string(why)), Manner::kAtOnce);
}

// --- The end

void Attempt::End(AttemptOutcome outcome, base::Error error, Manner manner) {
  again_.reset();
  if (!ending_) {
    if (domain::IsDiskFull(error)) {
      around_.on_disk_full(error);
      if (outcome == AttemptOutcome::kFailed) outcome = AttemptOutcome::kInterrupted;
    }
    ending_ = Ending{.outcome = outcome, .error = std::move(error), .since = Now().boot};
    step_ = Step::kEnding;
    TellOmittedLines(ending_->since);
  }
  if (manner == Manner::kAtOnce && process_ && !is_gone_ && !killed_at_) {
    killed_at_ = Now().boot;
    process_->Signal(SIGKILL);
  }
}

void Attempt::TickEnding(base::BootTime now) {
  if (again_) return;  // The row is tried again then.
  if (!is_gone_ && process_->IsGone()) {
    exit_ = process_->Reap();
    is_gone_ = true;
    is_socket_open_ = false;
  }
  if (is_gone_) return Commit();
  // Ended leaders leave nobody behind; the rest of the group is not asked.
  const bool is_time = process_->HasExited() || now - ending_->since >= around_.times.exit_grace;
  if (!killed_at_ && is_time) killed_at_ = now;
  if (!killed_at_) return;
  process_->Signal(SIGKILL);  // Whatever it forked in between, too.
  if (now - *killed_at_ < around_.times.unkillable || !trouble_.empty()) return;
  trouble_ =
      fmt::format("unkillable: process {} does not end by SIGKILL ({}); its slot is not used",
                  process_->pid(), DescribeThreads(process_->pid()));
  Log(trouble_);
  Publish(ChangeFeed::Kind::kTransition);
}

store::AttemptEnd Attempt::DecideEnd(base::WallTime now) {
  AttemptOutcome outcome = ending_->outcome;
  base::Error error = ending_->error;
  // Files that were not found say nothing about the work when their folder has gone.
  const auto is_there = CheckInPlace(around_.data_dir);
  if (!is_there.ok()) {
    outcome = AttemptOutcome::kInterrupted;
    error = is_there.error();
  }
  if (cancel_at_) outcome = AttemptOutcome::kCancelled;
  // The same work would need as much once more, unless it has got on and goes on from there.
  if (error.reason == reason::kOutOfMemory && segments_committed_ == 0) {
    error.code = base::ErrorCode::kFailedPrecondition;
  }
  // While the machine slept nothing ran in vain: no attempt runs for longer without progress.
  const auto fruitless = std::min<std::chrono::nanoseconds>(
      ending_->since - watch_.LastProgress(), around_.times.stall_max + around_.times.stall_grace);
  store::AttemptEnd end = around_.policy.Decide(
      {.run = task_.run,
       .segments_committed = segments_committed_,
       .segment = at_segment_,
       .outcome = outcome,
       .error = std::move(error),
       .fruitless = fruitless,
       // Whoever stops the owner or ends an attempt on purpose does not wear out the job.
       .is_wished = ending_->is_on_request || drain_at_ || !is_there.ok(),
       .exit = process_ ? exit_.ToString() : "",
       .rss_peak_bytes = std::max(exit_.rss_peak_bytes, rss_peak_bytes_)},
      now);
  if (end.poison) end.error.hint = SkipHint(*end.poison);
  return end;
}

std::string Attempt::SkipHint(const domain::SegmentSpan& segment) {
  // The job that a person started, by its number: several may have one name.
  const auto jobs = around_.store.RunJobs(task_.run.id);
  const std::string job = jobs.ok() && !jobs->empty()
                              ? std::to_string(static_cast<std::int64_t>(jobs->front().id))
                              : task_.run.public_id();
  return fmt::format(
      "`rollcall jobs resume {0} --skip-poison` goes on behind {1} and records the gap; "
      "`rollcall jobs resume {0}` tries it once more",
      job, domain::TimeRangeText(segment.pts_from, segment.pts_to));
}

void Attempt::Commit() {
  if (is_lost_ || has_succeeded_) return BecomeOver();
  // One reading of the clocks: the store turns the retry's wall time into a delay by it.
  const base::Instant now = Now();
  const store::AttemptEnd end = DecideEnd(now.wall);
  const auto ended = around_.store.TaskEnd(task_.fence, end, now);
  waits_for_room_ = !ended.ok() && domain::IsDiskFull(ended.error());
  if (waits_for_room_) around_.on_disk_full(ended.error());
  if (!ended.ok() && domain::IsRetryable(ended.error())) {
    again_ = {Now().boot + around_.times.renew / 10, &Attempt::Commit};
    if (unwritten_.empty()) {
      unwritten_ = fmt::format("has ended ({}), which cannot be written yet: {}", end.error.reason,
                               waits_for_room_ ? "the disk is full" : ended.error().message);
      Log(unwritten_);
      Publish(ChangeFeed::Kind::kTransition);
    }
    return;
  }
  if (!ended.ok() && ended.error().reason != reason::kFenced) {
    around_.log.Note(fmt::format("the end of {} cannot be written: {}", task_.run.public_id(),
                                 ended.error().ToString()));
  }
  if (ended.ok() && end.outcome != AttemptOutcome::kCancelled) {
    Log(fmt::format("attempt {} {}: {}: {}", task_.attempt_number,
                    store::AttemptOutcomeName(end.outcome), end.error.reason, end.error.message));
  }
  BecomeOver();
}

void Attempt::BecomeOver() {
  TellOmittedLines(Now().boot);
  step_ = Step::kOver;
  around_.metrics.OnAttemptEnded(task_.run.name,
                                 is_lost_ ? AttemptOutcome::kExpired : ending_->outcome);
  if (process_) process_->LimitOutput();
  process_.reset();
  around_.staging.Discard(task_.fence.attempt_uuid);
  around_.background.Do([&staging = around_.staging] { staging.RemoveDiscarded(); });
  around_.board.MarkOver(task_.run.id);
  around_.feed.Tell({ChangeFeed::Kind::kTransition, task_.run.id});
}

void Attempt::Publish(ChangeFeed::Kind kind) {
  if (step_ == Step::kOver) return;
  around_.board.Put({.run = task_.run.id,
                     .fence = task_.fence,
                     .attempt_number = task_.attempt_number,
                     .pid = process_ && !is_gone_ ? process_->pid() : 0,
                     .started_at = started_wall_,
                     .liveness = watch_.liveness(),
                     .progress_wall = progress_wall_,
                     .time_left = watch_.time_left(),
                     .budget = watch_.Patience(),
                     .budget_since = watch_.LastSign(),
                     .why_stalled = why_stalled_,
                     .trouble = trouble_.empty() ? unwritten_ : trouble_,
                     .is_over = false});
  around_.feed.Tell({kind, task_.run.id});
}

}  // namespace rollcall::jobs
