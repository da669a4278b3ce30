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

bool HasEnded(const base::UniqueFd& pidfd) {
  pollfd ended{pidfd.get(), POLLIN, 0};
  return pidfd.is_open() && ::poll(&ended, 1, 0) > 0;
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
  if (step_ == Step::kConcluding) TickConcluding(now);
  if (step_ == Step::kWorking || step_ == Step::kConcluding) TickDrain(now);
  if (step_ == Step::kEnding) TickEnding(now);
}

std::chrono::milliseconds Attempt::TickWithin() const {
  constexpr std::chrono::milliseconds kSoon{10};
  if (!trouble_.empty()) return std::max(kSoon, around_.times.pulse);
  const base::BootTime now = Now().boot;
  std::chrono::nanoseconds wait = LookPeriod();
  const auto consider = [&](base::BootTime at) { wait = std::min(wait, at - now); };
  if (again_) consider(again_->first);
  if (drain_at_ && step_ != Step::kEnding) consider(*drain_at_ + around_.times.drain);
  if (step_ == Step::kEnding && !killed_at_) consider(ending_->since + around_.times.exit_grace);
  return std::max(kSoon, std::chrono::ceil<std::chrono::milliseconds>(wait));
}

std::chrono::nanoseconds Attempt::LookPeriod() const {
  return std::max<std::chrono::nanoseconds>(std::chrono::milliseconds{10}, around_.times.pulse / 4);
}

void Attempt::TickWorking(base::BootTime now) {
  // It waits for us. Not for a moment's check of a segment: then one that offers the same for ever
  // would always have an excuse.
  const bool waits_for_that = is_taking_segment_ && now - taking_since_ > LookPeriod();
  if (step_ == Step::kPreparing || waits_for_that) watch_.OnRuntimeAnswered(now);
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
  static_cast<void>(around_.store.LeaseMarkStalled(task_.fence, why_stalled_));
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

base::Error OutOfReachError() {
  return MakeError(reason::kFenced, "the store could not be reached in time to keep the lease");
}

base::Error InterruptedError() {
  return MakeError(reason::kInterrupted, "stopped with the program that looked after it");
}

// --- Wishes from outside

void Attempt::Cancel() {
  if (cancel_at_ || is_lost_ || has_succeeded_ || step_ == Step::kOver) return;
  cancel_at_ = Now().boot;
  if (step_ == Step::kWorking) {
    ward_->Cancel();
    return SendFrame(Request(FrameType::kCancel));
  }
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

void Attempt::OnRenewed(base::BootTime renewed_at) {
  renewed_at_ = renewed_at;
  if (ward_) ward_->Renew(renewed_at);
}

void Attempt::CheckLease() {
  if (!holds_lease() || Now().boot - renewed_at_ < around_.times.self_fence) return;
  Interrupt(around_.why_out_of_reach());
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
  if (!process_ || is_gone_) return;
  if (manner == Manner::kByItself) ward_->LetFinish();
  if (manner == Manner::kAtOnce && !killed_at_) Kill(Now().boot);
}

void Attempt::Kill(base::BootTime now) {
  if (!killed_at_) killed_at_ = now;
  looked_at_ = now;
  process_->Signal(SIGKILL);
}

void Attempt::TickEnding(base::BootTime now) {
  if (again_) return;  // The row is tried again then.
  if (!is_gone_ && process_->HasExited()) LookForRemnants(now);
  if (is_gone_) return Commit();
  if (!killed_at_ && now - ending_->since >= around_.times.exit_grace) Kill(now);
  if (!killed_at_) return;
  // Whatever it forked in between, too.
  if (now - *looked_at_ >= LookPeriod()) Kill(now);
  if (now - *killed_at_ < around_.times.unkillable || !trouble_.empty()) return;
  trouble_ =
      fmt::format("unkillable: process {} does not end by SIGKILL ({}); its slot is not used",
                  process_->pid(), DescribeThreads(process_->pid()));
  Log(trouble_);
  Publish(ChangeFeed::Kind::kTransition);
}

// Ended leaders leave nobody behind. What is found is waited for by its pidfd; without a sign it is
// looked for again only after a while, because a look reads all of /proc.
void Attempt::LookForRemnants(base::BootTime now) {
  if (has_leader_ended_) {
    const std::size_t before = remnants_.size();
    std::erase_if(remnants_, HasEnded);
    const bool have_ended = before > 0 && remnants_.empty();
    if (!have_ended && now - *looked_at_ < LookPeriod()) return;
  }
  has_leader_ended_ = true;
  remnants_ = process_->Remnants();
  if (!remnants_.empty() || !process_->HasEmptyCgroup()) return Kill(now);
  ward_.reset();  // Before its number may become another's.
  exit_ = process_->Reap();
  is_gone_ = true;
  is_socket_open_ = false;
}

store::AttemptEnd Attempt::DecideEnd() {
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
       .rss_peak_bytes = std::max(exit_.rss_peak_bytes, rss_peak_bytes_)});
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
  const store::AttemptEnd end = DecideEnd();
  const auto ended = around_.store.TaskEnd(task_.fence, end);
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
