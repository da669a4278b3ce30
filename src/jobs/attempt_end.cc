// The last third of Attempt: budgets, the end of the process, and the row about it.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "domain/reasons.h"
#include "jobs/attempt.h"
#include "vault/in_place.h"
#include "worker/process_table.h"
#include "worker/worker.h"

namespace rollcall::jobs {
namespace {

using domain::MakeError;
using store::AttemptOutcome;
namespace reason = domain::reason;

// Somebody outside took the worker away; a crash is something that it did itself.
bool WasTakenAway(const worker::ProcessExit& exit) {
  return exit.is_signal && (exit.status == SIGKILL || exit.status == SIGTERM ||
                            exit.status == SIGINT || exit.status == SIGHUP);
}

// The worker's own word.
bool IsOutOfMemory(const worker::ProcessExit& exit) {
  return !exit.is_signal && exit.status == worker::kWorkerExitOutOfMemory;
}

}  // namespace

// --- Time

void Attempt::Tick() {
  const base::BootTime now = Now().boot;
  if (worker_) worker_->process().LimitOutput();
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
  if (worker_ && !worker_->trouble().empty()) return std::max(kSoon, around_.times.pulse);
  const base::BootTime now = Now().boot;
  std::chrono::nanoseconds wait =
      std::max<std::chrono::nanoseconds>(kSoon, around_.times.pulse / 4);
  const auto consider = [&](base::BootTime at) { wait = std::min(wait, at - now); };
  if (again_) consider(again_->first);
  if (drain_at_ && step_ != Step::kEnding) consider(*drain_at_ + around_.times.drain);
  if (step_ == Step::kEnding && has_process() && !worker_->is_killed())
    consider(ending_->since + around_.times.exit_grace);
  return std::max(kSoon, std::chrono::ceil<std::chrono::milliseconds>(wait));
}

void Attempt::TickWorking(base::BootTime now) {
  // It waits for us. Not for a moment's check of a segment: then one that offers the same for ever
  // would always have an excuse.
  const bool waits_for_that = is_taking_segment_ && now - taking_since_ > worker_->LookPeriod();
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
    Log(fmt::format("stack: {}", worker::DescribeThreads(worker_->process().pid())));
  } else {
    Log("goes on again");
  }
  Publish(projection::ChangeFeed::Kind::kTransition);
}

void Attempt::LogHeartbeat(base::BootTime now) {
  heartbeat_at_ = now;
  heartbeat_done_ = watch_.liveness().done;
  Log(fmt::format("hb seq={} {}", ++heartbeat_seq_,
                  projection::DescribeProgress(watch_.liveness())));
}

void Attempt::TickDrain(base::BootTime now) {
  if (!drain_at_ || now - *drain_at_ < around_.times.drain) return;
  End(AttemptOutcome::kInterrupted, InterruptedError(), Manner::kAtOnce);
}

bool Attempt::IsHeldUp() const {
  if (worker_ && !worker_->trouble().empty()) return true;
  return !unwritten_.empty() && Now().boot - ending_->since >= around_.times.exit_grace;
}

void Attempt::OnExit() {
  if (step_ != Step::kPreparing && step_ != Step::kWorking) return;
  const worker::ProcessExit exit = worker_->process().PeekExit().value_or(worker::ProcessExit{});
  if (worker_->ward().has_fenced()) return Interrupt(around_.why_out_of_reach());
  if (cancel_at_) return End(AttemptOutcome::kCancelled, domain::StoppedError(), Manner::kAtOnce);
  if (worker_->process().HasRunOutOfMemory() || IsOutOfMemory(exit)) {
    return End(AttemptOutcome::kFailed, OutOfMemoryError(), Manner::kAtOnce);
  }
  if (drain_at_ || WasTakenAway(exit)) {
    return End(AttemptOutcome::kInterrupted, CrashError(exit), Manner::kAtOnce);
  }
  if (auto full = FullDiskError(exit)) {
    return End(AttemptOutcome::kFailed, *std::move(full), Manner::kAtOnce);
  }
  // Before it said hello it was not the work that ended it: no second crash on one segment.
  const auto outcome = has_hello_ ? AttemptOutcome::kCrashed : AttemptOutcome::kFailed;
  End(outcome, CrashError(exit), Manner::kAtOnce);
}

base::Error Attempt::CrashError(const worker::ProcessExit& exit) const {
  const std::string tail = worker_->process().OutputTail();
  const auto last_line = tail.rfind('\n');
  const std::string words = tail.substr(last_line == std::string::npos ? 0 : last_line + 1);
  const bool is_refused = exit.is_signal && exit.status == SIGSYS;
  return MakeError(
      reason::kWorkerCrashed,
      fmt::format("the worker process of {} ended by itself ({}{}){}{}", task_.run.job_name(),
                  exit.ToString(), is_refused ? ": a system call that its sandbox refuses" : "",
                  words.empty() ? "" : ", its last words: ", words));
}

// Who writes to a mapped file where there is no room, or does not look whether a write went well,
// ends as if he had a fault of his own.
std::optional<base::Error> Attempt::FullDiskError(const worker::ProcessExit& exit) const {
  const bool is_own_word = !exit.is_signal && exit.status == worker::kWorkerExitDiskFull;
  auto error = around_.why_disk_full();
  if (!error && !is_own_word) return std::nullopt;
  if (!error) error = MakeError(reason::kDiskFull, "it had met a full disk before");
  error->message = fmt::format("the worker process of {} ended by itself ({}): {}",
                               task_.run.job_name(), exit.ToString(), error->message);
  return error;
}

base::Error Attempt::OutOfMemoryError() const {
  constexpr std::int64_t kMegabyte = 1 << 20;
  const std::int64_t limit = around_.worker_memory_bytes_max / kMegabyte;
  return MakeError(
      reason::kOutOfMemory,
      fmt::format("the worker process of {} needed more memory than {}", task_.run.job_name(),
                  limit > 0 ? fmt::format("the {} MB it may have", limit) : "the machine has"));
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
  if (!has_process()) return;
  if (manner == Manner::kByItself) worker_->ward().LetFinish();
  if (manner == Manner::kAtOnce && !worker_->is_killed()) worker_->Kill(Now().boot);
}

void Attempt::TickEnding(base::BootTime now) {
  if (again_) return;  // The row is tried again then.
  if (has_process() && worker_->LookForEnd(ending_->since, now)) {
    Log(worker_->trouble());
    Publish(projection::ChangeFeed::Kind::kTransition);
  }
  if (!has_process()) Commit();
}

store::AttemptEnd Attempt::DecideEnd() {
  AttemptOutcome outcome = ending_->outcome;
  base::Error error = ending_->error;
  // Files that were not found say nothing about the work when their folder has gone.
  const auto is_there = vault::CheckInPlace(around_.data_dir);
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
       .exit = worker_ ? worker_->exit().ToString() : "",
       .rss_peak_bytes = std::max(worker_ ? worker_->exit().rss_peak_bytes : 0, rss_peak_bytes_)});
  if (end.poison) end.error.hint = SkipHint(*end.poison);
  return end;
}

std::string Attempt::SkipHint(const domain::SegmentSpan& segment) {
  // The job that a person started, by its number: several may have one name.
  const auto jobs = around_.store.RunJobs(task_.run.id);
  const std::string job = jobs.ok() && !jobs->empty()
                              ? std::to_string(static_cast<std::int64_t>(jobs->front().id))
                              : task_.run.job_name();
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
      Publish(projection::ChangeFeed::Kind::kTransition);
    }
    return;
  }
  if (!ended.ok() && ended.error().reason != reason::kFenced) {
    around_.log.Note(fmt::format("the end of {} cannot be written: {}", task_.run.job_name(),
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
  if (worker_) worker_->process().LimitOutput();
  worker_.reset();
  around_.staging.Discard(task_.fence.attempt_uuid);
  around_.background.Do([&staging = around_.staging] { staging.RemoveDiscarded(); });
  around_.board.MarkOver(task_.run.id);
  around_.feed.Tell({projection::ChangeFeed::Kind::kTransition, task_.run.id});
}

}  // namespace rollcall::jobs
