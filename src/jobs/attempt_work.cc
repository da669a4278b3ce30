// The second third of Attempt: what the worker says, its segments and its result.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "domain/reasons.h"
#include "jobs/attempt.h"
#include "worker/process_table.h"

namespace rollcall::jobs {
namespace {

using domain::IsDiskFull;
using domain::MakeError;
using store::AttemptOutcome;
using worker::FrameType;
namespace reason = domain::reason;

bool IsFenced(const base::Error& error) { return error.reason == reason::kFenced; }

// Of a worker's own lines, in one stretch of as long as a pulse.
constexpr int kLogLinesMax = 200;

}  // namespace

void Attempt::SendFrame(const worker::Frame& frame) {
  if (!has_process()) return;
  if (auto sent = worker_->Send(frame); !sent.ok()) {
    End(AttemptOutcome::kFailed, std::move(sent).error(), Manner::kAtOnce);
  }
}

// A worker that goes on and on after a segment is not listened to before that is checked.
bool Attempt::CanRead() const {
  constexpr std::size_t kHeldBackMax = 1024;
  return held_back_.size() < kHeldBackMax;
}

void Attempt::OnReady() {
  if (!has_process()) return;
  worker_->Flush();
  const bool has_exited = worker_->process().HasExited();  // Before reading: then nothing follows.
  // A worker that writes faster than we read must not keep us from the others: the rest is read in
  // the next turn. What an ended one has left is read to its end.
  constexpr int kReadsPerTurn = 4;
  constexpr int kReadsAtTheEnd = 1024;  // Far more than a socket holds, unless a child goes on.
  ReadSocket(has_exited ? kReadsAtTheEnd : kReadsPerTurn);
  // The segment that it offered before its end is taken first.
  if (has_exited && !is_taking_segment_) OnExit();
}

void Attempt::ReadSocket(int reads_max) {
  for (int reads = 0; reads < reads_max && CanRead(); ++reads) {
    auto frames = worker_->Receive();
    if (!frames.ok()) return OnBroken(frames.error());
    if (!*frames) return;
    for (worker::Frame& frame : **frames) {
      if (is_taking_segment_ && frame.type != FrameType::kPulse) {
        held_back_.push_back(std::move(frame));
        continue;
      }
      if (const auto taken = OnFrame(frame); !taken.ok()) return OnBroken(taken.error());
    }
  }
}

void Attempt::OnBroken(const base::Error& error) {
  worker_->CloseSocket();
  held_back_.clear();
  End(AttemptOutcome::kFailed, error, Manner::kAtOnce);
}

base::Result<void> Attempt::TakeHeldBack() {
  while (!held_back_.empty() && !is_taking_segment_) {
    const worker::Frame frame = std::move(held_back_.front());
    held_back_.pop_front();
    ROLLCALL_TRY(OnFrame(frame));
  }
  return {};
}

base::Result<void> Attempt::OnFrame(const worker::Frame& frame) {
  const base::BootTime now = Now().boot;
  switch (frame.type) {
    case FrameType::kHello: {
      ROLLCALL_TRY(worker::DecodeHello(frame));
      has_hello_ = true;
      SampleMemory();
      return {};
    }
    case FrameType::kPulse: {
      ROLLCALL_TRY_ASSIGN(const auto pulse, worker::DecodePulse(frame));
      if (pulse.seq > 1) {  // The first one is early.
        around_.metrics.OnPulse(now - watch_.liveness().last_pulse, around_.times.pulse);
      }
      watch_.OnPulse(pulse, now);
      SampleMemory();
      break;
    }
    case FrameType::kPhase: {
      ROLLCALL_TRY_ASSIGN(const auto phase, worker::DecodePhase(frame));
      watch_.OnPhase(phase, now);
      break;
    }
    case FrameType::kProgress: {
      ROLLCALL_TRY_ASSIGN(const auto report, worker::DecodeProgress(frame));
      const std::int64_t more = watch_.OnProgress(report, now);
      if (more > 0) around_.metrics.OnWorkDone(task_.run.name, report.unit, more);
      progress_wall_ = Now().wall;
      if (heartbeat_seq_ == 0) LogHeartbeat(now);
      break;
    }
    case FrameType::kLog: {
      ROLLCALL_TRY_ASSIGN(const auto line, worker::DecodeLog(frame));
      OnLogLine(line, now);
      return {};
    }
    case FrameType::kSegmentBegun: {
      ROLLCALL_TRY_ASSIGN(at_segment_, worker::DecodeSegmentBegun(frame));
      return {};
    }
    case FrameType::kSegmentReady: {
      ROLLCALL_TRY_ASSIGN(auto segment, worker::DecodeSegment(frame));
      OnSegment(std::move(segment));
      return {};
    }
    case FrameType::kDone: {
      ROLLCALL_TRY_ASSIGN(auto conclusion, worker::DecodeDone(frame));
      OnDone(std::move(conclusion));
      return {};
    }
    default:
      return MakeError(reason::kProtocol, "the worker sent a frame that only an agent sends");
  }
  Publish(projection::ChangeFeed::Kind::kProgress);
  return {};
}

// A worker that writes for ever must not fill the disk that all results need.
void Attempt::OnLogLine(const std::string& line, base::BootTime now) {
  constexpr std::size_t kLineMax = 4096;
  if (now - log_stretch_at_ >= around_.times.pulse) TellOmittedLines(now);
  if (++log_lines_ > kLogLinesMax) return;
  Log(std::string_view(line).substr(0, kLineMax));
}

void Attempt::TellOmittedLines(base::BootTime now) {
  if (log_lines_ > kLogLinesMax) {
    Log(fmt::format("{} lines left out", log_lines_ - kLogLinesMax));
  }
  log_stretch_at_ = now;
  log_lines_ = 0;
}

// No row for a file that is not at its place, and as the row says. It was written a moment ago, so
// it is read from memory; but a disk that hangs must not hang us.
void Attempt::OnSegment(domain::Segment segment) {
  if (step_ != Step::kWorking) return;
  if (!segment.path.empty() && !IsOwnSegment(segment.path, segment_folder_, task_.fence.token)) {
    return RefuseSegment(
        segment,
        MakeError(reason::kProtocol, segment.path + " is no file of this attempt for a segment"));
  }
  is_taking_segment_ = true;
  taking_since_ = Now().boot;
  around_.segment_checks.Do([deliver = Deliverer(), &vault = around_.vault,
                             staging = around_.staging.FolderOf(task_.fence.attempt_uuid),
                             segment = std::move(segment)] {
    const vault::StoredFile file = vault::FileOf(segment);
    auto taken =
        file.path.empty()
            ? base::Result<void>()
            : vault.Adopt(
                  {.staging = staging, .files = {&file, 1}, .what = vault::Finished::kSegment});
    deliver([segment, taken = std::move(taken)](Attempt& attempt) {
      attempt.OnSegmentTaken(segment, taken);
    });
  });
}

void Attempt::OnSegmentTaken(const domain::Segment& segment, base::Result<void> taken) {
  is_taking_segment_ = false;
  if (!has_process()) return held_back_.clear();
  if (!taken.ok()) {
    RefuseSegment(segment, std::move(taken).error());
  } else if (step_ == Step::kWorking) {
    CommitSegment(segment);
  }
  if (const auto heard = TakeHeldBack(); !heard.ok()) OnBroken(heard.error());
}

// A full disk is told before the worker is, which may do anything with the answer.
void Attempt::RefuseSegment(const domain::Segment& segment, base::Error error) {
  has_wanted_files_ = has_wanted_files_ || domain::IsTooManyOpenFiles(error);
  if (IsDiskFull(error)) around_.on_disk_full(error);
  SendFrame(worker::EncodeSegmentAck({.number = segment.number, .error = std::move(error)}));
}

void Attempt::CommitSegment(const domain::Segment& segment) {
  worker::SegmentAck ack{.number = segment.number, .error = std::nullopt};
  auto committed = around_.store.SegmentCommit(task_.fence, segment);
  // The same segment once more is harmless, and the answer to the first try may have been lost.
  if (!committed.ok() && !IsFenced(committed.error())) {
    committed = around_.store.SegmentCommit(task_.fence, segment);
  }
  static_cast<void>(base::Failpoint("segment.committed"));
  if (committed.ok()) {
    // One that was there before is no new ground, and telling of it for ever is no progress.
    const bool is_new = segment.number >= next_segment_;
    next_segment_ = std::max(next_segment_, segment.number + 1);
    if (is_new) {
      ++segments_committed_;
      around_.metrics.OnSegmentCommitted(task_.run.name);
      watch_.OnRuntimeAnswered(Now().boot);
      watch_.OnNewSegment(Now().boot);
    }
    at_segment_.reset();
    LogCommitted(segment);
    Publish(projection::ChangeFeed::Kind::kTransition);
  } else {
    ack.error = committed.error();
    if (IsDiskFull(committed.error())) around_.on_disk_full(committed.error());
  }
  SendFrame(EncodeSegmentAck(ack));
  if (!committed.ok() && IsFenced(committed.error())) Lose("another attempt has the lease");
}

// Of ordinary ones the heartbeats say enough.
void Attempt::LogCommitted(const domain::Segment& segment) const {
  const bool is_skipped = std::ranges::any_of(
      task_.skips, [&](const auto& skip) { return skip.number == segment.number; });
  if (!is_skipped) return;
  Log(fmt::format("segment {} skipped on request: {} is not looked at", segment.number,
                  domain::TimeRangeText(segment.pts_from, segment.pts_to)));
}

// While it is there: a process that is about to end says nothing of it, and nor does its parent
// yet.
void Attempt::SampleMemory() {
  rss_peak_bytes_ = std::max(rss_peak_bytes_, worker::PeakMemoryBytes(worker_->process().pid()));
}

void Attempt::OnDone(worker::Conclusion conclusion) {
  if (step_ != Step::kWorking) return;
  SampleMemory();
  const base::BootTime now = Now().boot;
  TellOmittedLines(now);
  if (watch_.liveness().done != heartbeat_done_) LogHeartbeat(now);
  if (conclusion.output) {
    if (auto own =
            CheckOwnership(conclusion.output->artifacts, areas_, task_.run, task_.fence.token);
        !own.ok()) {
      return End(AttemptOutcome::kFailed, std::move(own).error(), Manner::kByItself);
    }
    output_ = std::move(conclusion.output);
    step_ = Step::kConcluding;
    worker_->ward().LetFinish();  // A result that came before the cancel wins.
    concluding_since_ = now;
    around_.background.Do([deliver = Deliverer(), &vault = around_.vault,
                           staging = around_.staging.FolderOf(task_.fence.attempt_uuid),
                           artifacts = output_->artifacts] {
      std::vector<vault::StoredFile> files;
      for (const domain::Artifact& artifact : artifacts) files.push_back(vault::FileOf(artifact));
      deliver([taken = vault.Adopt({.staging = staging, .files = files})](Attempt& attempt) {
        attempt.OnArtifactsTaken(taken);
      });
    });
    return;
  }
  base::Error error = std::move(conclusion.error);
  // A worker that opens too many itself is at fault; one that was refused for our want is not.
  if (!has_wanted_files_ && domain::IsTooManyOpenFiles(error)) error.reason = "ERR_IO";
  if (IsFenced(error)) return Lose("the worker was told that another attempt has the lease");
  if (cancel_at_) return End(AttemptOutcome::kCancelled, error, Manner::kByItself);
  if (drain_at_ && error.reason == reason::kCancelled) {
    return End(AttemptOutcome::kInterrupted, InterruptedError(), Manner::kByItself);
  }
  End(AttemptOutcome::kFailed, std::move(error), Manner::kByItself);
}

// --- Concluding

void Attempt::OnArtifactsTaken(const base::Result<void>& taken) {
  if (step_ != Step::kConcluding) return;
  if (!taken.ok() && IsDiskFull(taken.error())) {
    around_.on_disk_full(taken.error());
    return End(AttemptOutcome::kInterrupted, taken.error(), Manner::kByItself);
  }
  if (!taken.ok()) return End(AttemptOutcome::kFailed, taken.error(), Manner::kByItself);
  ProbeProjection();
}

// A success nobody can be told of is no success: everything is written once more as it is, which
// shows that the end can be written too.
void Attempt::ProbeProjection() {
  around_.projector.ProjectNow(task_.run.id, projection::Projector::Mode::kEverything,
                               [deliver = Deliverer()](base::Result<void> probed) {
                                 deliver([probed](Attempt& attempt) { attempt.OnProbed(probed); });
                               });
}

void Attempt::OnProbed(const base::Result<void>& probed) {
  if (step_ != Step::kConcluding) return;
  if (!probed.ok()) return OnProjectionFailed(probed.error(), &Attempt::ProbeProjection);
  Succeed();
}

void Attempt::Succeed() {
  if (step_ != Step::kConcluding) return;
  SampleMemory();
  const worker::ProcessExit exit = worker_->process().PeekExit().value_or(worker::ProcessExit{});
  const store::AttemptEnd end{.outcome = AttemptOutcome::kSucceeded,
                              .error = {},
                              .retry_in = std::nullopt,
                              .exit = exit.ToString(),
                              .rss_peak_bytes = std::max(exit.rss_peak_bytes, rss_peak_bytes_)};
  const std::string result =
      output_->result.dump(-1, ' ', false, base::Json::error_handler_t::replace);
  const auto succeeded = around_.store.TaskSucceed(task_.fence, result, output_->artifacts, end);
  static_cast<void>(base::Failpoint("stage.succeeded"));
  if (succeeded.ok()) {
    has_succeeded_ = true;
    worker_->ward().NeedNoLease();
    around_.feed.Tell({projection::ChangeFeed::Kind::kTransition, task_.run.id});
    return End(AttemptOutcome::kSucceeded, {}, Manner::kByItself);
  }
  if (IsFenced(succeeded.error())) return Lose("the lease was gone before the success was written");
  if (IsDiskFull(succeeded.error())) around_.on_disk_full(succeeded.error());
  if (domain::IsRetryable(succeeded.error())) {
    not_taken_ = succeeded.error();
    again_ = {Now().boot + around_.times.renew / 10, &Attempt::Succeed};
    return;
  }
  End(AttemptOutcome::kFailed, succeeded.error(), Manner::kByItself);
}

}  // namespace rollcall::jobs
