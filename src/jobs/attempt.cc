// The first third of Attempt: from the claim to the assignment; and wishes from outside.
#include "jobs/attempt.h"

#include <fmt/format.h>

#include <utility>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "vault/in_place.h"

namespace rollcall::jobs {
namespace {

using domain::MakeError;
using store::AttemptOutcome;
namespace reason = domain::reason;

worker::Frame Request(worker::FrameType type) {
  return {.type = type, .body = base::Json::object(), .attachment = {}};
}

}  // namespace

base::Error OutOfReachError() {
  return MakeError(reason::kFenced, "the store could not be reached in time to keep the lease");
}
base::Error InterruptedError() {
  return MakeError(reason::kInterrupted, "stopped with the program that looked after it");
}

Attempt::Attempt(AttemptSurroundings& surroundings, store::LeasedTask task,
                 base::BootTime claimed_at)
    : around_(surroundings),
      task_(std::move(task)),
      watch_(surroundings.times, surroundings.clock.Now().boot),
      renewed_at_(claimed_at),
      started_at_(surroundings.clock.Now().boot),
      started_wall_(surroundings.clock.Now().wall),
      heartbeat_at_(started_at_) {
  if (const auto* kind = around_.kinds.Find(task_.run.subject.kind)) {
    segment_folder_ = kind->files.SegmentFolder(task_.run.subject.id, task_.run.name);
    areas_ = kind->files.Areas();
  }
}

void Attempt::Start() {
  // Owners that died saw no end of their attempts; the time that those ran in vain counts.
  if (around_.policy.IsWornOut(task_.run)) {
    return End(AttemptOutcome::kStalled,
               MakeError(reason::kStalled, "nothing came of it each time that it was tried"),
               Manner::kAtOnce);
  }
  auto worker = StartWorker();
  if (!worker.ok()) {
    return End(AttemptOutcome::kFailed, std::move(worker).error(), Manner::kAtOnce);
  }
  worker_ = std::move(worker).value();
  static_cast<void>(base::Failpoint("worker.spawned"));
  const worker::WorkerProcess& process = worker_->process();
  const auto started = around_.store.TaskStarted(task_.fence, process.pid(), process.start_ticks());
  if (!started.ok()) {
    if (started.error().reason == reason::kFenced) {
      return Lose("the lease was gone before the worker had started");
    }
    return End(AttemptOutcome::kInterrupted, started.error(), Manner::kAtOnce);
  }
  around_.metrics.OnAttemptStarted(task_.run.name);
  Publish(projection::ChangeFeed::Kind::kTransition);
  Prepare();
}

base::Result<std::unique_ptr<SupervisedWorker>> Attempt::StartWorker() {
  if (segment_folder_.empty()) {
    return MakeError(
        reason::kInternal,
        fmt::format("{} is of a kind that this program does not know", task_.run.job_name()));
  }
  const std::filesystem::path& data_dir = around_.data_dir.path();
  const std::filesystem::path folder = data_dir / "jobs" / task_.run.job_name();
  ROLLCALL_TRY(base::MakeFoldersIn(data_dir, folder));
  ROLLCALL_TRY(around_.staging.Make(task_.fence.attempt_uuid));
  return SupervisedWorker::Start(
      {.argv = around_.worker_argv,
       .attempt_uuid = task_.fence.attempt_uuid,
       .output_path = folder / "worker.out",
       .temporary_folder = around_.staging.FolderOf(task_.fence.attempt_uuid),
       .memory_bytes_max = around_.worker_memory_bytes_max,
       .cgroups = &around_.cgroups},
      {.watchdog = around_.watchdog, .fence = task_.fence, .renewed_at = renewed_at_},
      around_.times);
}

std::function<void(std::function<void(Attempt&)>)> Attempt::Deliverer() {
  return [mailbox = around_.mailbox, weak = weak_from_this()](std::function<void(Attempt&)> use) {
    mailbox->Post([weak, use = std::move(use)] {
      if (const auto attempt = weak.lock()) use(*attempt);
    });
  };
}

void Attempt::Prepare() {
  around_.background.Do(
      [deliver = Deliverer(), &vault = around_.vault, task = task_, folder = segment_folder_] {
        deliver([files = BringFiles(vault, task, folder)](Attempt& attempt) {
          attempt.OnFilesAtHand(files);
        });
      });
  ProjectStart();
}

void Attempt::OnFilesAtHand(base::Result<FilesAtHand> files) {
  if (step_ != Step::kPreparing) return;
  if (!files.ok()) {
    return End(AttemptOutcome::kFailed, std::move(files).error(), Manner::kAtOnce);
  }
  if (files->segments.count < task_.segments.size() && !DropDamaged(files->segments)) return;
  next_segment_ = static_cast<std::int64_t>(files->segments.count);
  files_ = *std::move(files);
  AssignWhenReady();
}

// Segments that are not as their rows say, and those after them, are done again. False when it has
// come to its end instead.
bool Attempt::DropDamaged(const IntactSegments& intact) {
  // Their rows are right, if only their folder is elsewhere.
  if (const auto is_there = vault::CheckInPlace(around_.data_dir); !is_there.ok()) {
    Interrupt(is_there.error());
    return false;
  }
  if (intact.unreadable && !HasFailedOften(*intact.unreadable)) {
    End(AttemptOutcome::kFailed, *intact.unreadable, Manner::kAtOnce);
    return false;
  }
  const auto first_bad = static_cast<std::int64_t>(intact.count);
  const auto dropped = around_.store.SegmentDrop(task_.run.work_key, first_bad);
  if (!dropped.ok()) {
    End(AttemptOutcome::kInterrupted, dropped.error(), Manner::kAtOnce);
    return false;
  }
  Log(fmt::format("checkpoint repaired: segment {} is damaged, it and {} later ones are done again",
                  first_bad, task_.segments.size() - intact.count - 1));
  return true;
}

// A read that fails says nothing about a checkpoint; one that fails in three attempts says enough.
bool Attempt::HasFailedOften(const base::Error& error) const {
  const auto& last = task_.run.last_error;
  return task_.run.failures >= 2 && last && last->message == error.message;
}

void Attempt::ProjectStart() {
  around_.projector.ProjectNow(
      task_.run.id, projection::Projector::Mode::kWhatChanged,
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
  if (domain::IsDiskFull(error) || domain::IsTooManyOpenFiles(error)) {
    return End(AttemptOutcome::kFailed, error, Manner::kAtOnce);
  }
  End(AttemptOutcome::kFailed,
      MakeError(reason::kRegistryUpdateFailed, fmt::format("the state of {} cannot be written: {}",
                                                           task_.run.job_name(), error.message)),
      Manner::kAtOnce);
}

void Attempt::AssignWhenReady() {
  if (!files_ || !is_start_projected_) return;
  step_ = Step::kWorking;
  watch_.OnRuntimeAnswered(Now().boot);
  for (std::size_t i = 0; i < files_->segments.count; ++i) {
    SendFrame(EncodeSegment(worker::FrameType::kAssignSegment, task_.segments[i]));
  }
  SendFrame(worker::EncodeAssign(
      {.stage = {.subject_kind = task_.run.subject.kind,
                 .subject_id = task_.run.subject.id,
                 .stage = task_.run.name,
                 .job = task_.run.job_name(),
                 .work_key = task_.run.work_key,
                 .token = task_.fence.token,
                 .params_json = task_.run.params_json,
                 .staging_dir = around_.staging.FolderOf(task_.fence.attempt_uuid),
                 .segment_folder = segment_folder_,
                 .segment_shelf = files_->segment_shelf,
                 .inputs = std::move(files_->inputs),
                 .segments = {},
                 .skips = task_.skips,
                 .crashes = task_.run.crashes},
       .pulse = around_.times.pulse,
       .progress = around_.times.progress}));
}

void Attempt::AddPollFds(std::vector<pollfd>& fds) const {
  if (worker_) worker_->AddPollFds(fds, CanRead());
}

void Attempt::Publish(projection::ChangeFeed::Kind kind) {
  if (step_ == Step::kOver) return;
  const std::string& trouble = worker_ ? worker_->trouble() : unwritten_;
  around_.board.Put({.run = task_.run.id,
                     .fence = task_.fence,
                     .attempt_number = task_.attempt_number,
                     .pid = has_process() ? worker_->process().pid() : 0,
                     .started_at = started_wall_,
                     .liveness = watch_.liveness(),
                     .progress_wall = progress_wall_,
                     .time_left = watch_.time_left(),
                     .budget = watch_.Patience(),
                     .budget_since = watch_.LastSign(),
                     .why_stalled = why_stalled_,
                     .trouble = trouble.empty() ? unwritten_ : trouble,
                     .is_over = false});
  around_.feed.Tell({kind, task_.run.id});
}

// --- Wishes from outside

void Attempt::Cancel() {
  if (cancel_at_ || is_lost_ || has_succeeded_ || step_ == Step::kOver) return;
  cancel_at_ = Now().boot;
  if (step_ == Step::kWorking) {
    worker_->ward().Cancel();
    return SendFrame(Request(worker::FrameType::kCancel));
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
  if (step_ == Step::kWorking) SendFrame(Request(worker::FrameType::kDrain));
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
  if (has_process()) worker_->ward().Renew(renewed_at);
}

void Attempt::CheckLease() {
  if (!holds_lease() || Now().boot - renewed_at_ < around_.times.self_fence) return;
  Interrupt(around_.why_out_of_reach());
}

}  // namespace rollcall::jobs
