#include "jobs/attempt.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "jobs/data_lock.h"
#include "jobs/file_check.h"
#include "jobs/process_table.h"
#include "jobs/worker.h"

namespace rollcall::jobs {
namespace {

using domain::IsDiskFull;
using domain::MakeError;
using store::AttemptOutcome;
namespace reason = domain::reason;

bool IsFenced(const base::Error& error) { return error.reason == reason::kFenced; }

// Of a worker's own lines, in one stretch of as long as a pulse.
constexpr int kLogLinesMax = 200;

// Somebody outside took the worker away; a crash is something that it did itself.
bool WasTakenAway(const ProcessExit& exit) {
  return exit.is_signal && (exit.status == SIGKILL || exit.status == SIGTERM ||
                            exit.status == SIGINT || exit.status == SIGHUP);
}

// The worker's own word.
bool IsOutOfMemory(const ProcessExit& exit) {
  return !exit.is_signal && exit.status == kWorkerExitOutOfMemory;
}

}  // namespace

Attempt::Attempt(AttemptSurroundings& surroundings, store::LeasedTask task,
                 base::BootTime claimed_at)
    : around_(surroundings),
      task_(std::move(task)),
      watch_(surroundings.times, surroundings.clock.Now().boot),
      renewed_at_(claimed_at),
      started_at_(surroundings.clock.Now().boot),
      started_wall_(surroundings.clock.Now().wall),
      heartbeat_at_(started_at_) {}

// --- Preparing

void Attempt::Start() {
  // Owners that died saw no end of their attempts; the time that those ran in vain counts.
  if (around_.policy.IsWornOut(task_.run)) {
    is_gone_ = true;
    return End(AttemptOutcome::kStalled,
               MakeError(reason::kStalled, "nothing came of it each time that it was tried"),
               Manner::kAtOnce);
  }
  auto process = StartProcess();
  if (!process.ok()) {
    is_gone_ = true;
    return End(AttemptOutcome::kFailed, std::move(process).error(), Manner::kAtOnce);
  }
  process_ = std::move(process).value();
  ward_ = around_.watchdog.Watch(task_.fence, *process_, renewed_at_);
  static_cast<void>(base::Failpoint("worker.spawned"));
  const auto started =
      around_.store.TaskStarted(task_.fence, process_->pid(), process_->start_ticks());
  if (!started.ok()) {
    if (IsFenced(started.error())) return Lose("the lease was gone before the worker had started");
    return End(AttemptOutcome::kInterrupted, started.error(), Manner::kAtOnce);
  }
  around_.metrics.OnAttemptStarted(task_.run.name);
  Publish(ChangeFeed::Kind::kTransition);
  Prepare();
}

base::Result<std::unique_ptr<WorkerProcess>> Attempt::StartProcess() {
  const std::filesystem::path& data_dir = around_.data_dir.path();
  const std::filesystem::path folder = data_dir / "jobs" / task_.run.public_id();
  ROLLCALL_TRY(base::MakeFoldersIn(data_dir, folder));
  ROLLCALL_TRY(around_.staging.Make(task_.fence.attempt_uuid));
  return WorkerProcess::Start(
      {.argv = around_.worker_argv,
       .attempt_uuid = task_.fence.attempt_uuid,
       .output_path = folder / "worker.out",
       .temporary_folder = around_.staging.FolderOf(task_.fence.attempt_uuid),
       .memory_bytes_max = around_.worker_memory_bytes_max,
       .cgroups = &around_.cgroups});
}

std::function<void(std::function<void(Attempt&)>)> Attempt::Deliverer() {
  return [mailbox = around_.mailbox, weak = weak_from_this()](std::function<void(Attempt&)> use) {
    mailbox->Post([weak, use = std::move(use)] {
      if (const auto attempt = weak.lock()) use(*attempt);
    });
  };
}

void Attempt::Prepare() {
  around_.background.Do([deliver = Deliverer(), data_dir = around_.data_dir.path(),
                         digest = around_.digest, segments = task_.segments,
                         inputs = task_.inputs] {
    const IntactSegments intact = CountIntactSegments(data_dir, segments, digest);
    deliver([intact, checked = CheckArtifacts(data_dir, inputs, digest)](Attempt& attempt) {
      attempt.OnFilesChecked(intact, checked);
    });
  });
  ProjectStart();
}

void Attempt::OnFilesChecked(const IntactSegments& intact, const base::Result<void>& inputs) {
  if (step_ != Step::kPreparing) return;
  if (!inputs.ok()) return End(AttemptOutcome::kFailed, inputs.error(), Manner::kAtOnce);
  const std::size_t intact_segments = intact.count;
  if (intact_segments < task_.segments.size()) {
    // Their rows are right, if only their folder is elsewhere.
    if (const auto is_there = CheckInPlace(around_.data_dir); !is_there.ok()) {
      return Interrupt(is_there.error());
    }
    if (intact.unreadable && !HasFailedOften(*intact.unreadable)) {
      return End(AttemptOutcome::kFailed, *intact.unreadable, Manner::kAtOnce);
    }
    const auto first_bad = static_cast<std::int64_t>(intact_segments);
    const auto dropped = around_.store.SegmentDrop(task_.run.work_key, first_bad);
    if (!dropped.ok()) {
      return End(AttemptOutcome::kInterrupted, dropped.error(), Manner::kAtOnce);
    }
    Log(fmt::format(
        "checkpoint repaired: segment {} is damaged, it and {} later ones are done again",
        first_bad, task_.segments.size() - intact_segments - 1));
  }
  intact_segments_ = intact_segments;
  next_segment_ = static_cast<std::int64_t>(intact_segments);
  are_files_checked_ = true;
  AssignWhenReady();
}

// A read that fails says nothing about a checkpoint; one that fails in three attempts says enough.
bool Attempt::HasFailedOften(const base::Error& error) const {
  const auto& last = task_.run.last_error;
  return task_.run.failures >= 2 && last && last->message == error.message;
}

void Attempt::ProjectStart() {
  around_.projector.ProjectNow(
      task_.run.id, Projector::Mode::kWhatChanged,
      [deliver = Deliverer()](base::Result<void> projected) {
        deliver([projected](Attempt& attempt) { attempt.OnStartProjected(projected); });
      });
}

void Attempt::OnStartProjected(const base::Result<void>& projected) {
  if (step_ != Step::kPreparing) return;
  if (!projected.ok()) return OnProjectionFailed(projected.error(), &Attempt::ProjectStart);
  is_start_projected_ = true;
  AssignWhenReady();
}

// Nobody would see what the stage does: it is tried again for a while, then the stage fails.
void Attempt::OnProjectionFailed(const base::Error& error, void (Attempt::*again)()) {
  const base::BootTime now = Now().boot;
  const base::BootTime since = step_ == Step::kPreparing ? started_at_ : concluding_since_;
  if (now - since < around_.times.projection_give_up) {
    again_ = {now + around_.times.projection_give_up / 20, again};
    return;
  }
  if (IsDiskFull(error) || domain::IsTooManyOpenFiles(error)) {
    return End(AttemptOutcome::kFailed, error, Manner::kAtOnce);
  }
  End(AttemptOutcome::kFailed,
      MakeError(reason::kRegistryUpdateFailed, fmt::format("the state of {} cannot be written: {}",
                                                           task_.run.public_id(), error.message)),
      Manner::kAtOnce);
}

void Attempt::AssignWhenReady() {
  if (!are_files_checked_ || !is_start_projected_) return;
  step_ = Step::kWorking;
  watch_.OnRuntimeAnswered(Now().boot);
  for (std::size_t i = 0; i < intact_segments_; ++i) {
    SendFrame(EncodeSegment(FrameType::kAssignSegment, task_.segments[i]));
  }
  SendFrame(
      EncodeAssign({.stage = {.subject_kind = task_.run.subject.kind,
                              .subject_id = task_.run.subject.id,
                              .stage = task_.run.name,
                              .job_id = task_.run.public_id(),
                              .work_key = task_.run.work_key,
                              .token = task_.fence.token,
                              .params_json = task_.run.params_json,
                              .data_dir = around_.data_dir.path(),
                              .staging_dir = around_.staging.FolderOf(task_.fence.attempt_uuid),
                              .inputs = task_.inputs,
                              .segments = {},
                              .skips = task_.skips,
                              .crashes = task_.run.crashes},
                    .pulse = around_.times.pulse,
                    .progress = around_.times.progress}));
}

void Attempt::SendFrame(const Frame& frame) {
  if (!process_ || !is_socket_open_) return;
  const auto bytes = EncodeFrame(frame);
  if (!bytes.ok()) return End(AttemptOutcome::kFailed, bytes.error(), Manner::kAtOnce);
  // A worker that cannot be written to has ended, and its pidfd says so.
  static_cast<void>(process_->Send(*bytes));
}

// --- What the worker says

void Attempt::AddPollFds(std::vector<pollfd>& fds) const {
  if (!process_ || is_gone_) return;
  // An ended leader's pidfd stays readable; from then on only the rest of its group is waited for.
  if (!process_->HasExited()) fds.push_back({process_->pidfd(), POLLIN, 0});
  for (const base::UniqueFd& remnant : remnants_) fds.push_back({remnant.get(), POLLIN, 0});
  if (!is_socket_open_) return;
  const int events = (CanRead() ? POLLIN : 0) | (process_->has_output() ? POLLOUT : 0);
  if (events != 0) fds.push_back({process_->socket(), static_cast<short>(events), 0});
}

// A worker that goes on and on after a segment is not listened to before that is checked.
bool Attempt::CanRead() const {
  constexpr std::size_t kHeldBackMax = 1024;
  return held_back_.size() < kHeldBackMax;
}

void Attempt::OnReady() {
  if (!process_ || is_gone_) return;
  static_cast<void>(process_->Flush());           // As in SendFrame.
  const bool has_exited = process_->HasExited();  // Before reading: then nothing comes after it.
  // A worker that writes faster than we read must not keep us from the others: the rest is read in
  // the next turn. What an ended one has left is read to its end.
  constexpr int kReadsPerTurn = 4;
  constexpr int kReadsAtTheEnd = 1024;  // Far more than a socket holds, unless a child goes on.
  if (is_socket_open_) ReadSocket(has_exited ? kReadsAtTheEnd : kReadsPerTurn);
  // The segment that it offered before its end is taken first.
  if (has_exited && !is_taking_segment_) OnExit();
}

void Attempt::ReadSocket(int reads_max) {
  std::array<char, 1 << 16> bytes{};
  for (int reads = 0; is_socket_open_ && reads < reads_max && CanRead(); ++reads) {
    const ssize_t n = ::recv(process_->socket(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) {
      is_socket_open_ = false;
      return;
    }
    OnBytes({bytes.data(), static_cast<std::size_t>(n)});
  }
}

void Attempt::OnBytes(std::string_view bytes) {
  auto frames = reader_.Feed(bytes);
  if (!frames.ok()) return OnBroken(frames.error());
  for (Frame& frame : *frames) {
    if (is_taking_segment_ && frame.type != FrameType::kPulse) {
      held_back_.push_back(std::move(frame));
      continue;
    }
    if (const auto taken = OnFrame(frame); !taken.ok()) return OnBroken(taken.error());
  }
}

void Attempt::OnBroken(const base::Error& error) {
  is_socket_open_ = false;
  held_back_.clear();
  End(AttemptOutcome::kFailed, error, Manner::kAtOnce);
}

base::Result<void> Attempt::TakeHeldBack() {
  while (!held_back_.empty() && !is_taking_segment_) {
    const Frame frame = std::move(held_back_.front());
    held_back_.pop_front();
    ROLLCALL_TRY(OnFrame(frame));
  }
  return {};
}

base::Result<void> Attempt::OnFrame(const Frame& frame) {
  const base::BootTime now = Now().boot;
  switch (frame.type) {
    case FrameType::kHello: {
      ROLLCALL_TRY(DecodeHello(frame));
      has_hello_ = true;
      SampleMemory();
      return {};
    }
    case FrameType::kPulse: {
      ROLLCALL_TRY_ASSIGN(const auto pulse, DecodePulse(frame));
      if (pulse.seq > 1) {  // The first one is early.
        around_.metrics.OnPulse(now - watch_.liveness().last_pulse, around_.times.pulse);
      }
      watch_.OnPulse(pulse, now);
      SampleMemory();
      break;
    }
    case FrameType::kPhase: {
      ROLLCALL_TRY_ASSIGN(const auto phase, DecodePhase(frame));
      watch_.OnPhase(phase, now);
      break;
    }
    case FrameType::kProgress: {
      ROLLCALL_TRY_ASSIGN(const auto report, DecodeProgress(frame));
      const std::int64_t more = watch_.OnProgress(report, now);
      if (more > 0) around_.metrics.OnWorkDone(task_.run.name, report.unit, more);
      progress_wall_ = Now().wall;
      if (heartbeat_seq_ == 0) LogHeartbeat(now);
      break;
    }
    case FrameType::kLog: {
      ROLLCALL_TRY_ASSIGN(const auto line, DecodeLog(frame));
      OnLogLine(line, now);
      return {};
    }
    case FrameType::kSegmentBegun: {
      ROLLCALL_TRY_ASSIGN(at_segment_, DecodeSegmentBegun(frame));
      return {};
    }
    case FrameType::kSegmentReady: {
      ROLLCALL_TRY_ASSIGN(auto segment, DecodeSegment(frame));
      OnSegment(std::move(segment));
      return {};
    }
    case FrameType::kDone: {
      ROLLCALL_TRY_ASSIGN(auto conclusion, DecodeDone(frame));
      OnDone(std::move(conclusion));
      return {};
    }
    default:
      return MakeError(reason::kProtocol, "the worker sent a frame that only an agent sends");
  }
  Publish(ChangeFeed::Kind::kProgress);
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
  if (!segment.path.empty() && !IsOwnSegment(segment.path, task_.run, task_.fence.token)) {
    return RefuseSegment(
        segment,
        MakeError(reason::kProtocol, segment.path + " is no file of this attempt for a segment"));
  }
  is_taking_segment_ = true;
  taking_since_ = Now().boot;
  around_.segment_checks.Do([deliver = Deliverer(), &staging = around_.staging,
                             uuid = task_.fence.attempt_uuid, segment = std::move(segment)] {
    deliver([segment, taken = staging.TakeSegment(uuid, segment)](Attempt& attempt) {
      attempt.OnSegmentTaken(segment, taken);
    });
  });
}

void Attempt::OnSegmentTaken(const domain::Segment& segment, base::Result<void> taken) {
  is_taking_segment_ = false;
  if (is_gone_) return held_back_.clear();
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
  SendFrame(EncodeSegmentAck({.number = segment.number, .error = std::move(error)}));
}

void Attempt::CommitSegment(const domain::Segment& segment) {
  SegmentAck ack{.number = segment.number, .error = std::nullopt};
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
    Publish(ChangeFeed::Kind::kTransition);
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
  rss_peak_bytes_ = std::max(rss_peak_bytes_, PeakMemoryBytes(process_->pid()));
}

void Attempt::OnDone(Conclusion conclusion) {
  if (step_ != Step::kWorking) return;
  SampleMemory();
  const base::BootTime now = Now().boot;
  TellOmittedLines(now);
  if (watch_.liveness().done != heartbeat_done_) LogHeartbeat(now);
  if (conclusion.output) {
    if (auto own = CheckOwnership(conclusion.output->artifacts, task_.run, task_.fence.token);
        !own.ok()) {
      return End(AttemptOutcome::kFailed, std::move(own).error(), Manner::kByItself);
    }
    output_ = std::move(conclusion.output);
    step_ = Step::kConcluding;
    ward_->LetFinish();  // A result that came before the cancel wins.
    concluding_since_ = now;
    around_.background.Do([deliver = Deliverer(), &staging = around_.staging,
                           uuid = task_.fence.attempt_uuid, artifacts = output_->artifacts] {
      deliver([taken = staging.TakeArtifacts(uuid, artifacts)](Attempt& attempt) {
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

void Attempt::OnExit() {
  if (step_ != Step::kPreparing && step_ != Step::kWorking) return;
  const ProcessExit exit = process_->PeekExit().value_or(ProcessExit{});
  if (ward_->has_fenced()) return Interrupt(around_.why_out_of_reach());
  if (cancel_at_) return End(AttemptOutcome::kCancelled, domain::StoppedError(), Manner::kAtOnce);
  if (process_->HasRunOutOfMemory() || IsOutOfMemory(exit)) {
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

base::Error Attempt::CrashError(const ProcessExit& exit) const {
  const std::string tail = process_->OutputTail();
  const auto last_line = tail.rfind('\n');
  const std::string words = tail.substr(last_line == std::string::npos ? 0 : last_line + 1);
  const bool is_refused = exit.is_signal && exit.status == SIGSYS;
  return MakeError(
      reason::kWorkerCrashed,
      fmt::format("the worker process of {} ended by itself ({}{}){}{}", task_.run.public_id(),
                  exit.ToString(), is_refused ? ": a system call that its sandbox refuses" : "",
                  words.empty() ? "" : ", its last words: ", words));
}

// Who writes to a mapped file where there is no room, or does not look whether a write went well,
// ends as if he had a fault of his own.
std::optional<base::Error> Attempt::FullDiskError(const ProcessExit& exit) const {
  const bool is_own_word = !exit.is_signal && exit.status == kWorkerExitDiskFull;
  auto error = around_.why_disk_full();
  if (!error && !is_own_word) return std::nullopt;
  if (!error) error = MakeError(reason::kDiskFull, "it had met a full disk before");
  error->message = fmt::format("the worker process of {} ended by itself ({}): {}",
                               task_.run.public_id(), exit.ToString(), error->message);
  return error;
}

base::Error Attempt::OutOfMemoryError() const {
  constexpr std::int64_t kMegabyte = 1 << 20;
  const std::int64_t limit = around_.worker_memory_bytes_max / kMegabyte;
  return MakeError(
      reason::kOutOfMemory,
      fmt::format("the worker process of {} needed more memory than {}", task_.run.public_id(),
                  limit > 0 ? fmt::format("the {} MB it may have", limit) : "the machine has"));
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
  around_.projector.ProjectNow(task_.run.id, Projector::Mode::kEverything,
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
  const ProcessExit exit = process_->PeekExit().value_or(ProcessExit{});
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
    ward_->NeedNoLease();
    around_.feed.Tell({ChangeFeed::Kind::kTransition, task_.run.id});
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
