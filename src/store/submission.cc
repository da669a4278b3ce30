#include "store/submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "domain/reasons.h"
#include "store/cancellation.h"
#include "store/poison.h"
#include "store/run_changes.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Json;
using base::Result;
using domain::JobState;

namespace {

constexpr std::size_t kIdempotencyKeySizeMax = 200;

base::Error BadRequest(std::string message) {
  return domain::MakeError(domain::reason::kBadParams, std::move(message));
}

Result<void> Validate(const JobRequest& request) {
  if (request.subject.kind.empty() || request.subject.id.empty() || request.kind.empty()) {
    return BadRequest("a job needs a subject and a kind");
  }
  if (request.stages.empty()) return BadRequest("a job needs at least one stage");
  const std::size_t key_size = request.idempotency_key.value_or("-").size();
  if (key_size == 0 || key_size > kIdempotencyKeySizeMax) {
    return BadRequest(fmt::format("an idempotency key has 1 to {} bytes, not {}",
                                  kIdempotencyKeySizeMax, key_size));
  }
  std::set<std::string> names;
  std::set<std::string> dedupe_keys;
  for (const StageRequest& stage : request.stages) {
    if (stage.name.empty() || stage.work_key.empty()) {
      return BadRequest("a stage needs a name and a work key");
    }
    for (const std::string& need : stage.needs) {
      if (!names.contains(need)) {
        return BadRequest(
            fmt::format("{} needs {}, which does not stand before it", stage.name, need));
      }
    }
    const bool is_new = names.insert(stage.name).second &&
                        (!stage.dedupe_key || dedupe_keys.insert(*stage.dedupe_key).second);
    if (!is_new) return BadRequest(fmt::format("stage {} is asked for twice", stage.name));
  }
  return {};
}

// Its attempt knows nothing of the wish, and may be past that segment.
base::Error TriedAgain(const StageRun& run) {
  return IsAtWork(run.job_name(), "is being tried again, without skipping anything");
}

base::Error NotFinished(const StageRun& run) {
  return IsAtWork(run.job_name(), "is not finished; it cannot start again from nothing");
}

// Two submissions with one key must agree in this. Each part says how long it is, so that no two
// different lists of them read the same.
std::string AskedSha256(const JobRequest& request) {
  const bool has_lasting_subject = std::ranges::any_of(
      request.stages, [](const StageRequest& stage) { return stage.dedupe_key.has_value(); });
  std::string asked;
  for (const std::string& part : {request.kind, request.request_json,
                                  has_lasting_subject ? request.subject.id : std::string()}) {
    asked += fmt::format("{}:{}", part.size(), part);
  }
  return base::Sha256(asked);
}

// One submission on its way: decides for each stage between reuse, join and a new run.
class Submitter {
 public:
  Submitter(Ledger& ledger, const JobRequest& request, const Moment& now)
      : ledger_(ledger), request_(request), now_(now), changes_(ledger, now) {}

  Result<Submission> Run() {
    ROLLCALL_TRY_ASSIGN(auto answered, FindAnswered());
    if (answered) {
      return Submission{.job = std::move(*answered), .is_existing = true, .is_repeated = true};
    }
    ROLLCALL_TRY_ASSIGN(auto submission, Answer());
    if (request_.idempotency_key) {
      ROLLCALL_TRY(ledger_.SubmissionKeyWrite({.subject_kind = request_.subject.kind,
                                               .key = *request_.idempotency_key,
                                               .job = submission.job.id,
                                               .asked_sha256 = AskedSha256(request_),
                                               .at = now_.wall}));
    }
    return submission;
  }

  // The same for a job that is there, and has no stages any more.
  Result<Submission> RunInto(JobId id) {
    id_ = id;
    ROLLCALL_TRY(FindRuns());
    return RunStages();
  }

 private:
  // The job that the request's key was answered with before.
  Result<std::optional<Job>> FindAnswered() {
    if (!request_.idempotency_key) return std::optional<Job>();
    ROLLCALL_TRY(ledger_.SubmissionKeysErase(now_.wall - kIdempotencyKeyAge));
    ROLLCALL_TRY_ASSIGN(const auto key, ledger_.SubmissionKeyRead(request_.subject.kind,
                                                                  *request_.idempotency_key));
    if (!key) return std::optional<Job>();
    ROLLCALL_TRY_ASSIGN(auto job, Present(ledger_.JobRead(key->job)));
    if (key->asked_sha256 == AskedSha256(request_)) return std::optional<Job>(std::move(job));
    return domain::MakeError(
        domain::reason::kIdempotencyKeyReused,
        fmt::format("the idempotency key was sent with another request before, which is {}",
                    job.job_name()));
  }

  Result<Submission> Answer() {
    ROLLCALL_TRY(FindRuns());
    ROLLCALL_TRY_ASSIGN(const auto existing, FindExisting());
    if (existing) return Submission{.job = *existing, .is_existing = true};

    ROLLCALL_TRY_ASSIGN(id_, ledger_.JobInsert({.subject = request_.subject,
                                                .kind = request_.kind,
                                                .request_json = request_.request_json,
                                                .priority = request_.priority,
                                                .created_at = now_.wall,
                                                .state = JobState::kBlocked}));
    ROLLCALL_TRY(TellSubmitted());
    return RunStages();
  }

  Result<Submission> RunStages() {
    for (std::size_t i = 0; i < request_.stages.size(); ++i) {
      const StageRequest& stage = request_.stages[i];
      const int position = static_cast<int>(i);
      if (reused_.contains(stage.name)) {
        ROLLCALL_TRY(Reuse(stage, position));
      } else if (live_.contains(stage.name)) {
        ROLLCALL_TRY(Join(stage, position));
      } else {
        ROLLCALL_TRY(Make(stage, position));
      }
    }
    ROLLCALL_TRY(changes_.Settle(id_));
    ROLLCALL_TRY_ASSIGN(auto job, Present(ledger_.JobRead(id_)));
    return Submission{.job = std::move(job), .is_existing = false};
  }

  // Fills `live_`, and checks what `reuse` names.
  Result<void> FindRuns() {
    for (const StageRequest& stage : request_.stages) {
      if (stage.drops_segments) ROLLCALL_TRY(CheckDrop(stage));
      if (stage.reuse) {
        ROLLCALL_TRY_ASSIGN(const auto run, ledger_.RunRead(*stage.reuse));
        const bool fits = run && run->state == JobState::kSucceeded &&
                          run->subject == request_.subject && run->name == stage.name &&
                          run->work_key == stage.work_key;
        if (!fits) {
          return BadRequest(fmt::format("run {} is not a finished {} of this work",
                                        static_cast<std::int64_t>(*stage.reuse), stage.name));
        }
        reused_.emplace(stage.name, *run);
      } else if (stage.dedupe_key) {
        ROLLCALL_TRY_ASSIGN(auto run, ledger_.RunLive(*stage.dedupe_key));
        if (!run) continue;
        if (run->subject != request_.subject || run->name != stage.name) {
          return BadRequest(
              fmt::format("the dedupe key of {} belongs to {}", stage.name, run->job_name()));
        }
        if (stage.skip == SkipWish::kPoison) return TriedAgain(*run);
        live_.emplace(stage.name, std::move(*run));
      }
    }
    return JoinWhatTheLiveNeed();
  }

  // The checkpoint of a run that is live is what its attempt goes on from.
  Result<void> CheckDrop(const StageRequest& stage) {
    if (stage.reuse) return BadRequest(stage.name + " is taken over and to run from nothing");
    ROLLCALL_TRY_ASSIGN(const auto live, ledger_.RunsLiveOfWork(stage.work_key));
    return live.empty() ? Result<void>() : NotFinished(live.front());
  }

  // A live run that is joined may itself wait for one that this job would have taken over as
  // finished. It is joined too: else nobody would want it once its own job is cancelled.
  Result<void> JoinWhatTheLiveNeed() {
    std::vector<StageRunId> to_look_at;
    for (const auto& [name, run] : live_) to_look_at.push_back(run.id);
    while (!to_look_at.empty()) {
      ROLLCALL_TRY_ASSIGN(const auto needs, ledger_.RunNeeds(to_look_at.back()));
      to_look_at.pop_back();
      for (const StageRunId need : needs) {
        ROLLCALL_TRY_ASSIGN(auto run, Present(ledger_.RunRead(need)));
        if (domain::IsTerminal(run.state) || reused_.erase(run.name) == 0) continue;
        to_look_at.push_back(run.id);
        live_.emplace(run.name, std::move(run));
      }
    }
    return {};
  }

  // The open job of this kind that has everything asked for, and is not being cancelled.
  Result<std::optional<Job>> FindExisting() {
    if (live_.empty() || live_.size() + reused_.size() != request_.stages.size()) {
      return std::optional<Job>();
    }
    ROLLCALL_TRY_ASSIGN(const auto links, ledger_.RunJobStages(live_.begin()->second.id));
    for (const JobStage& link : links) {
      ROLLCALL_TRY_ASSIGN(auto job, Present(ledger_.JobRead(link.job)));
      if (job.kind != request_.kind || domain::IsTerminal(job.state)) continue;
      ROLLCALL_TRY_ASSIGN(const bool has_all, HasAllLive(link.job));
      if (has_all) return std::optional<Job>(std::move(job));
    }
    return std::optional<Job>();
  }

  Result<bool> HasAllLive(JobId job) {
    ROLLCALL_TRY_ASSIGN(const auto links, ledger_.JobStages(job));
    return std::ranges::all_of(live_, [&](const auto& entry) {
      const StageRun& run = entry.second;
      return !run.is_cancel_wanted && std::ranges::any_of(links, [&](const JobStage& link) {
        return link.run == run.id && !link.is_left;
      });
    });
  }

  Result<void> TellSubmitted() {
    Json stages = Json::array();
    for (const StageRequest& stage : request_.stages) stages.push_back(stage.name);
    return changes_.TellJob(id_, "job_submitted",
                            {{"kind", request_.kind},
                             {"subject_kind", request_.subject.kind},
                             {"subject_id", request_.subject.id},
                             {"stages", stages}});
  }

  Result<void> Link(StageRunId run, int position, bool is_reused) {
    return ledger_.JobStageInsert(
        {.job = id_, .run = run, .position = position, .is_reused = is_reused});
  }

  Result<void> Reuse(const StageRequest& stage, int position) {
    const StageRun& run = reused_.at(stage.name);
    ids_.emplace(stage.name, run.id);
    ROLLCALL_TRY(Link(run.id, position, true));
    const Json gaps = GapsOf(run.result_json);
    return changes_.TellOne(id_, run, "stage_skipped",
                            gaps.empty() ? Json::object() : Json{{"gaps", gaps}});
  }

  Result<void> Join(const StageRequest& stage, int position) {
    StageRun& run = live_.at(stage.name);
    ids_.emplace(stage.name, run.id);
    if (run.is_cancel_wanted) ROLLCALL_TRY(Revive(run));
    ROLLCALL_TRY(Link(run.id, position, false));
    run.priority = std::max(run.priority, request_.priority);
    ROLLCALL_TRY(changes_.Touch(run));
    return changes_.TellOne(id_, run, "stage_joined");
  }

  // The run is being cancelled. Its attempt ends, the run does not: it goes on for this job, and
  // the jobs that were cancelled let go of it.
  Result<void> Revive(StageRun& run) {
    ROLLCALL_TRY_ASSIGN(const auto links, ledger_.RunJobStages(run.id));
    run.is_cancel_wanted = false;
    run.wait_reason = kWaitsForCancelled;
    for (const JobStage& link : links) {
      if (link.is_left || link.is_reused) continue;
      ROLLCALL_TRY(changes_.Leave(link.job, run));
      ROLLCALL_TRY(changes_.Settle(link.job));
    }
    return {};
  }

  Result<void> Make(const StageRequest& stage, int position) {
    if (stage.drops_segments) ROLLCALL_TRY(ledger_.SegmentsErase(stage.work_key, 0));
    ROLLCALL_TRY(ApplySkipWish(ledger_, stage));
    std::vector<StageRunId> needs;
    for (const std::string& need : stage.needs) needs.push_back(ids_.at(need));
    ROLLCALL_TRY_ASSIGN(const auto generations,
                        ledger_.RunGenerations(request_.subject, stage.name));
    StageRun run{.subject = request_.subject,
                 .name = stage.name,
                 .generation = generations.empty() ? 1 : generations.front().generation + 1,
                 .work_key = stage.work_key,
                 .dedupe_key = stage.dedupe_key,
                 .params_json = stage.params_json,
                 .state = JobState::kBlocked,
                 .priority = request_.priority,
                 .created_at = now_.wall};
    ROLLCALL_TRY_ASSIGN(run.wait_reason, changes_.WhyBlocked(run, needs));
    const bool is_queued = run.wait_reason.empty();
    if (is_queued) {
      run.state = JobState::kQueued;
      ROLLCALL_TRY_ASSIGN(run.wait_reason, changes_.WhyQueued(run.name, kWaitsForWorker));
    }
    ROLLCALL_TRY_ASSIGN(run.id, ledger_.RunInsert(run, needs));
    ids_.emplace(stage.name, run.id);
    ROLLCALL_TRY(ledger_.TaskInsert({.run = run.id}));
    ROLLCALL_TRY(Link(run.id, position, false));
    return changes_.TellOne(id_, run, is_queued ? "stage_queued" : "stage_blocked");
  }

  Ledger& ledger_;
  const JobRequest& request_;
  Moment now_;
  RunChanges changes_;
  JobId id_{};
  std::map<std::string, StageRun> live_;    // By stage: joined.
  std::map<std::string, StageRun> reused_;  // By stage.
  std::map<std::string, StageRunId> ids_;   // By stage: of all that came so far.
};

}  // namespace

base::Error IsAtWork(std::string_view job_name, std::string_view what) {
  base::Error error = domain::MakeError(
      domain::reason::kJobAlreadyRunning, fmt::format("{} {}", job_name, what),
      fmt::format("wait with `rollcall jobs wait {0}`, or end it with `rollcall jobs cancel {0}`",
                  job_name));
  error.code = base::ErrorCode::kFailedPrecondition;
  return error;
}

Result<Submission> Submit(Ledger& ledger, const JobRequest& request, const Moment& now) {
  ROLLCALL_TRY(Validate(request));
  return Submitter(ledger, request, now).Run();
}

Result<Submission> Replan(Ledger& ledger, JobId id, const JobRequest& request, const Moment& now) {
  RunChanges changes(ledger, now);
  ROLLCALL_TRY_ASSIGN(auto job, ledger.JobRead(id));
  if (!job) {
    return domain::MakeError(domain::reason::kJobNotFound,
                             fmt::format("there is no job {}", static_cast<std::int64_t>(id)));
  }
  if (domain::IsTerminal(job->state)) return BadRequest(job->job_name() + " has ended");
  job->request_json = request.request_json;
  ROLLCALL_TRY(ledger.JobUpdate(*job, job->state));
  ROLLCALL_TRY(changes.TellJob(id, "job_replanned", Json::object()));
  std::set<std::string> kept;  // Works that go on: their live runs are joined again.
  for (const StageRequest& stage : request.stages) {
    const bool goes_on = stage.dedupe_key && !stage.reuse && !stage.drops_segments;
    if (goes_on) kept.insert(stage.work_key);
  }
  ROLLCALL_TRY(LetGoOfAll(ledger, id, kept, now));
  return Submitter(ledger, request, now).RunInto(id);
}

}  // namespace rollcall::store
