// What somebody wants of the engine: that a job is started, cancelled, gone on with.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "domain/reasons.h"
#include "jobs/attempt_files.h"
#include "jobs/engine.h"

namespace rollcall::jobs {
namespace {

// What stage `name` needs among those of the job.
std::vector<std::string> NeedsAmong(const subject::SubjectKinds& kinds,
                                    const std::vector<store::RunView>& runs,
                                    const std::string& name) {
  const subject::KindStage stage = kinds.OfStage(name);
  if (stage.kind == nullptr) return {};
  std::vector<std::string> needs = stage.kind->stages.Before(name);
  std::erase_if(needs, [&](const std::string& need) {
    return std::ranges::none_of(runs,
                                [&](const store::RunView& view) { return view.run.name == need; });
  });
  return needs;
}

bool HasFailedOfPoison(const store::RunView& view) {
  const store::StageRun& run = view.run;
  return !view.is_reused && run.state == domain::JobState::kFailed && run.last_error &&
         run.last_error->reason == domain::reason::kPoisonSegment;
}

base::Error NothingToSkip(const store::Job& job) {
  return domain::MakeError(
      domain::reason::kNothingToSkip,
      fmt::format("{} has not failed of {}: it is {}", job.job_name(),
                  domain::reason::kPoisonSegment, domain::JobStateWord(job.state)));
}

}  // namespace

base::Result<std::optional<store::StageRunId>> Engine::FindReusable(std::string_view work_key) {
  ROLLCALL_TRY_ASSIGN(const auto run, store_.RunSucceeded(work_key));
  if (!run) return std::optional<store::StageRunId>{};
  ROLLCALL_TRY_ASSIGN(const bool can_reuse, CanReuse(*run));
  return can_reuse ? std::optional(run->id) : std::nullopt;
}

// The plain names stand for the last good run of each stage. An earlier one, of another effort, is
// not made current by being pointed at: the stage runs again, from its segments.
base::Result<bool> Engine::CanReuse(const store::StageRun& run) {
  ROLLCALL_TRY_ASSIGN(const auto current, store_.RunLastGood(run.subject, run.name));
  if (!current || current->id != run.id) return false;
  ROLLCALL_TRY_ASSIGN(const auto artifacts, store_.ArtifactList(run.id));
  return CheckArtifacts(*vault_, artifacts, vault::Depth::kRemembered).ok();
}

base::Result<store::Submission> Engine::Submit(store::JobRequest request) {
  for (store::StageRequest& stage : request.stages) {
    if (!stage.reuse) continue;
    ROLLCALL_TRY_ASSIGN(const store::StageRun run, store_.RunGet(*stage.reuse));
    ROLLCALL_TRY_ASSIGN(const bool can_reuse, CanReuse(run));
    if (!can_reuse) stage.reuse.reset();
  }
  ROLLCALL_TRY_ASSIGN(auto submission, store_.JobSubmit(request));
  // Whoever repeats himself wishes nothing that he had not wished before.
  if (!submission.is_repeated) ROLLCALL_TRY(TakeUp(submission.job.id));
  return submission;
}

base::Result<Engine::Started> Engine::Start(store::JobRequest request) {
  // A job that is open although nobody worked was interrupted: this start takes it up again.
  const bool was_working = is_working();
  bool is_repeated = false;
  if (request.idempotency_key) {
    ROLLCALL_TRY_ASSIGN(const auto answered,
                        store_.JobOfKey(request.subject.kind, *request.idempotency_key));
    is_repeated = answered.has_value();
  }
  if (was_working && !is_repeated) {
    ROLLCALL_TRY_ASSIGN(const auto twin, running_.TwinOf(request));
    if (twin) return Started{.job = *twin, .is_at_work = true, .is_existing = true};
  }
  ROLLCALL_TRY_ASSIGN(const bool is_stalled, running_.IsStalledAt(request));
  ROLLCALL_TRY_ASSIGN(const auto submission, Submit(std::move(request)));
  return Started{.job = submission.job.id,
                 .is_existing = submission.is_existing,
                 .is_resumed = submission.is_existing && (!was_working || is_stalled),
                 .is_repeated = submission.is_repeated};
}

base::Result<std::vector<api::JobView>> Engine::OpenBeside(const store::Job& job) {
  return running_.OpenBeside(job);
}

// A cancel that somebody wished is forgotten only when nothing can fail any more.
base::Result<void> Engine::TakeUp(store::JobId id) {
  ROLLCALL_TRY_ASSIGN(const auto runs, store_.JobRuns(id));
  cancel_wishes_.Forget(id);
  for (const store::RunView& view : runs) {
    if (!view.lease || !view.lease->liveness.is_stalled) continue;
    Agent* working = agent();
    if (working == nullptr) continue;  // Whoever starts to work ends it first.
    working->Interrupt(view.lease->fence,
                       domain::MakeError(domain::reason::kStalled, "ended to be started again"));
  }
  TellTransition();
  return {};
}

base::Result<store::CancelOutcome> Engine::Cancel(store::JobId id) {
  auto outcome = cancel_wishes_.Cancel(id);
  if (!outcome.ok() && domain::IsDiskFull(outcome.error())) return NotRecorded(id, outcome.error());
  if (!outcome.ok()) return outcome;
  cancel_wishes_.Forget(id);
  if (Agent* working = agent()) working->Cancel(outcome->to_stop);
  TellTransition();
  return outcome;
}

base::Error Engine::NotRecorded(store::JobId id, const base::Error& error) {
  Agent* working = agent();
  if (working == nullptr) {
    return domain::MakeError(error.reason,
                             fmt::format("{} cannot be recorded: {}", CancelOf(id), error.message),
                             "nothing works on it now; free some space, then cancel it again");
  }
  cancel_wishes_.Keep(id);
  working->PauseForSpace(error);
  return CancelWaits(id, error.message);
}

base::Result<store::Submission> Engine::Resume(store::JobId id, ResumeOptions options) {
  ROLLCALL_TRY_ASSIGN(auto job, store_.JobGet(id));
  if (!domain::IsTerminal(job.state)) {
    if (options.skips_poison) return NothingToSkip(job);
    ROLLCALL_TRY(TakeUp(id));
    return store::Submission{.job = std::move(job), .is_existing = true};
  }
  ROLLCALL_TRY_ASSIGN(const auto runs, store_.JobRuns(id));
  if (options.skips_poison && std::ranges::none_of(runs, HasFailedOfPoison)) {
    return NothingToSkip(job);
  }
  store::JobRequest request{.subject = job.subject,
                            .kind = job.kind,
                            .request_json = job.request_json,
                            .priority = job.priority,
                            .stages = {}};
  for (const store::RunView& view : runs) {
    const store::StageRun& run = view.run;
    const bool has_succeeded = run.state == domain::JobState::kSucceeded;
    const bool skips = options.skips_poison && HasFailedOfPoison(view);
    request.stages.push_back(
        {.name = run.name,
         .work_key = run.work_key,
         .dedupe_key = run.dedupe_key,
         .params_json = run.params_json,
         .needs = NeedsAmong(options_.kinds, runs, run.name),
         .reuse = has_succeeded ? std::optional(run.id) : std::nullopt,
         .skip = skips ? store::SkipWish::kPoison : store::SkipWish::kAsBefore});
  }
  return Submit(std::move(request));
}

}  // namespace rollcall::jobs
