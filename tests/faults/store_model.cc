#include "store_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "domain/reasons.h"

namespace rollcall::faults {

using base::Result;
using domain::JobState;
using store::StageRunId;

namespace {

std::int64_t Number(auto id) { return static_cast<std::int64_t>(id); }

// Whether a person is told that somebody is at it.
bool IsSaidToRun(JobState state) { return domain::JobStateWord(state) == "running"; }

// What the last event of a job that ended so is called.
std::string EndEventOf(JobState state) {
  return fmt::format("job_{}", domain::JobStateName(state));
}

bool IsFenced(const Result<void>& answer) {
  return !answer.ok() && answer.error().reason == domain::reason::kFenced;
}

}  // namespace

StoreModel::StoreModel(std::unique_ptr<store::JobStore> inner, std::function<Time()> time)
    : FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }),
      time_(std::move(time)) {}

void StoreModel::Expect(bool holds, const std::string& sentence) {
  if (!holds && violation_.empty()) violation_ = sentence;
}

const StoreModel::Holder* StoreModel::Held(const store::Fence& fence) const {
  const auto found = holders_.find(fence.task);
  return found != holders_.end() && found->second.fence == fence ? &found->second : nullptr;
}

const StoreModel::Holder* StoreModel::HolderOf(StageRunId run) const {
  for (const auto& [task, holder] : holders_) {
    if (holder.run == run) return &holder;
  }
  return nullptr;
}

bool StoreModel::Agrees(std::string_view what, const store::Fence& fence,
                        const Result<void>& answer) {
  const bool is_held = Held(fence) != nullptr;
  if (is_held) {
    Expect(answer.ok(), fmt::format("{} of the holder, token {}, was refused: {}", what,
                                    fence.token, answer.ok() ? "" : answer.error().ToString()));
  } else {
    ++writes_refused_;
    Expect(IsFenced(answer), fmt::format("{} of token {}, which holds nothing, gave {}", what,
                                         fence.token, answer.ok() ? "ok" : answer.error().reason));
  }
  return is_held && answer.ok();
}

void StoreModel::Release(const store::Fence& fence) {
  const auto found = holders_.find(fence.task);
  if (found == holders_.end()) return;
  const StageRunId run = found->second.run;
  holders_.erase(found);
  LookAtRun(run);
}

// --- Looking at what the store says of runs

void StoreModel::LookAtRun(StageRunId id) {
  const auto shown = inner().RunGet(id);
  Run& run = runs_[id];
  Expect(shown.ok(), fmt::format("{} is gone", run.name));
  if (!shown.ok()) return;
  const std::string_view word = domain::JobStateName(shown->state);
  if (run.end) {
    Expect(shown->state == *run.end, fmt::format("{} had ended and is {}", run.name, word));
    return;
  }
  const Holder* holder = HolderOf(id);
  Expect(IsSaidToRun(shown->state) == (holder != nullptr),
         fmt::format("{} is {} {} a holder", run.name, word, holder ? "with" : "without"));
  if (run.cancelled_at && holder == nullptr) {
    Expect(domain::IsTerminal(shown->state),
           fmt::format("{} was cancelled, nobody works on it, and it is {}", run.name, word));
  }
  if (!domain::IsTerminal(shown->state)) return;
  Expect(shown->state != JobState::kCancelled || run.cancelled_at,
         fmt::format("{} is cancelled and nobody wanted that", run.name));
  Expect(shown->state != JobState::kSucceeded, fmt::format("{} succeeded by itself", run.name));
  run.end = shown->state;
}

void StoreModel::LookAround() {
  constexpr int kEvery = 8;
  if (++changes_ % kEvery != 0) return;
  std::set<std::string> live;
  for (auto& [id, run] : runs_) {
    if (run.end) continue;
    LookAtRun(id);
    if (run.end || !run.dedupe_key) continue;
    Expect(live.insert(*run.dedupe_key).second, fmt::format("{} is live twice", run.name));
  }
}

// --- Jobs

Result<store::Submission> StoreModel::JobSubmit(const store::JobRequest& request) {
  auto answer = inner().JobSubmit(request);
  if (answer.ok()) LearnJob(*answer, request);
  LookAround();
  return answer;
}

void StoreModel::LearnJob(const store::Submission& submission, const store::JobRequest& request) {
  const store::JobId id = submission.job.id;
  if (request.idempotency_key && CheckKey(*request.idempotency_key, submission)) return;
  if (submission.is_existing) {
    const auto known = jobs_.find(id);
    Expect(known != jobs_.end(), "a submission joined a job that nobody submitted");
    if (known == jobs_.end()) return;
    Expect(!known->second.is_cancelled, "a submission joined a job whose cancel was acknowledged");
    return;
  }
  Expect(!jobs_.contains(id), fmt::format("job {} was given twice", Number(id)));
  Job& job = jobs_[id];
  job.job_name = submission.job.job_name();
  const auto views = inner().JobRuns(id);
  Expect(views.ok() && views->size() >= request.stages.size(), "a job lacks stages");
  if (!views.ok()) return;
  std::map<std::string, StageRunId> by_name;
  for (const store::RunView& view : *views) {
    by_name[view.run.name] = view.run.id;
    const bool is_new = !runs_.contains(view.run.id);
    Run& run = LearnRun(view);
    if (view.is_reused) {
      Expect(run.end == JobState::kSucceeded, run.name + " was reused and had not succeeded");
      continue;
    }
    job.runs.insert(view.run.id);
    run.wanted_by.insert(id);
    if (!run.end) run.cancelled_at.reset();
    for (const store::StageRequest& stage : request.stages) {
      if (stage.name != view.run.name) continue;
      Expect(run.work_key == stage.work_key, run.name + " is other work than was asked for");
      Expect(run.dedupe_key == stage.dedupe_key || !is_new, run.name + " lost its dedupe key");
      Expect(is_new || !stage.drops_segments, run.name + " was to begin from nothing, and goes on");
      if (!is_new) continue;
      if (stage.drops_segments) checkpoints_.erase(stage.work_key);
      for (const std::string& need : stage.needs) run.needs.push_back(by_name[need]);
    }
  }
}

bool StoreModel::CheckKey(const std::string& key, const store::Submission& submission) {
  const base::WallTime now = time_().wall;
  latest_wall_ = std::max(latest_wall_, now);
  const auto known = answered_.find(key);
  const bool is_known =
      known != answered_.end() && latest_wall_ - known->second.at < std::chrono::hours{24};
  if (is_known) {
    Expect(submission.is_existing && submission.job.id == known->second.job,
           fmt::format("what was submitted again with {} is another job", key));
    return true;
  }
  if (known == answered_.end() || submission.job.id != known->second.job) {
    answered_[key] = {.job = submission.job.id, .at = now};
    return false;
  }
  return true;  // Still known to the store, for its clock has been set back since.
}

StoreModel::Run& StoreModel::LearnRun(const store::RunView& view) {
  const auto [known, is_new] = runs_.try_emplace(view.run.id);
  Run& run = known->second;
  if (!is_new) return run;
  run.name =
      fmt::format("run {} ({} of {})", Number(view.run.id), view.run.name, view.run.subject.id);
  run.work_key = view.run.work_key;
  run.dedupe_key = view.run.dedupe_key;
  return run;
}

Result<store::CancelOutcome> StoreModel::JobCancel(store::JobId id) {
  auto answer = inner().JobCancel(id);
  const auto job = jobs_.find(id);
  Expect(answer.ok() == (job != jobs_.end()), "a cancel found a job that is not, or the reverse");
  if (answer.ok() && job != jobs_.end() && !answer->had_finished) MarkCancelled(job->second, id);
  LookAround();
  return answer;
}

// What a job wanted alone ends with it. It may still succeed if all that it had left to do was in
// somebody's hands, who may be done before he hears of the cancel.
void StoreModel::MarkCancelled(Job& job, store::JobId id) {
  job.is_cancelled = true;
  for (const StageRunId run_id : job.runs) {
    Run& run = runs_[run_id];
    run.wanted_by.erase(id);
    if (run.end) continue;
    const Holder* holder = HolderOf(run_id);
    const bool goes_on_for_others = !run.wanted_by.empty();
    if (goes_on_for_others || holder == nullptr) job.may_succeed = false;
    if (goes_on_for_others) continue;
    run.cancelled_at = holder == nullptr ? 0 : holder->fence.token;
    LookAtRun(run_id);
  }
}

// --- Leases

Result<std::optional<store::LeasedTask>> StoreModel::TaskClaim(const store::ClaimRequest& request) {
  auto answer = inner().TaskClaim(request);
  if (answer.ok()) LookAtRetries();
  if (answer.ok() && *answer) {
    const store::LeasedTask& task = **answer;
    CheckClaim(task);
    last_token_ = std::max(last_token_, task.fence.token);
    holders_[task.fence.task] = {.fence = task.fence,
                                 .agent = request.agent,
                                 .granted = {.from = time_(), .length = request.lease},
                                 .run = task.run.id};
  }
  LookAround();
  return answer;
}

// After a claim nothing waits any more that has waited long enough, and nothing else has stopped to
// wait but by its end.
void StoreModel::LookAtRetries() {
  std::erase_if(retries_, [this](const auto& entry) {
    const auto& [id, wait] = entry;
    const std::string& name = runs_[id].name;
    const auto shown = inner().RunGet(id);
    Expect(shown.ok(), name + " is gone");
    if (!shown.ok()) return true;
    const bool waits = shown->state == JobState::kRetryWait;
    Expect(!waits || !IsOver(wait), name + " was not tried again when its time had come");
    Expect(waits || IsOver(wait) || domain::IsTerminal(shown->state),
           name + " was tried again before its time");
    return !waits;
  });
}

void StoreModel::CheckClaim(const store::LeasedTask& task) {
  const Run& run = runs_[task.run.id];
  Expect(task.fence.token > last_token_,
         fmt::format("token {} came after {}", task.fence.token, last_token_));
  Expect(!holders_.contains(task.fence.task), run.name + " was given out while it was held");
  Expect(!run.end, run.name + " was given out after its end");
  Expect(!run.cancelled_at, run.name + " was given out after its cancel was acknowledged");
  Expect(!paused_.contains(task.run.name), run.name + " was given out of a paused queue");
  for (const StageRunId need : run.needs) {
    Expect(runs_[need].end == JobState::kSucceeded,
           fmt::format("{} was given out before {}", run.name, runs_[need].name));
  }
  for (const auto& [id, holder] : holders_) {
    const Run& other = runs_[holder.run];
    const bool is_twin = run.dedupe_key && other.dedupe_key == run.dedupe_key;
    Expect(!is_twin, fmt::format("{} and {} run at once", run.name, other.name));
  }
  Checkpoint given;
  for (const domain::Segment& segment : task.segments) given[segment.number] = segment.sha256;
  Expect(given == checkpoints_[run.work_key], run.name + " got other segments than were accepted");
}

Result<void> StoreModel::TaskStarted(const store::Fence& fence, std::int64_t pid,
                                     std::int64_t pid_start) {
  auto answer = inner().TaskStarted(fence, pid, pid_start);
  Agrees("the start", fence, answer);
  return answer;
}

Result<std::vector<store::RenewReply>> StoreModel::LeaseRenew(
    const store::AgentIdentity& agent, std::span<const store::Heartbeat> heartbeats,
    std::chrono::nanoseconds lease) {
  auto answer = inner().LeaseRenew(agent, heartbeats, lease);
  Expect(answer.ok() && answer->size() == heartbeats.size(), "a renewal was not answered in full");
  if (!answer.ok()) return answer;
  for (const store::RenewReply& reply : *answer) {
    const Holder* holder = Held(reply.fence);
    const bool is_held = holder != nullptr && holder->agent.id == agent.id &&
                         holder->agent.incarnation == agent.incarnation;
    Expect(reply.is_held == is_held, fmt::format("token {} was told that it holds its lease: {}",
                                                 reply.fence.token, reply.is_held));
    if (!is_held) continue;
    holders_[reply.fence.task].granted = {.from = time_(), .length = lease};
  }
  return answer;
}

Result<void> StoreModel::LeaseMarkStalled(const store::Fence& fence, std::string_view why) {
  auto answer = inner().LeaseMarkStalled(fence, why);
  Agrees("the stall", fence, answer);
  return answer;
}

bool StoreModel::IsOver(const Wait& wait) const {
  const Time now = time_();
  const bool is_of_this_boot = now.boot_number == wait.from.boot_number;
  return !is_of_this_boot || now.since_boot - wait.from.since_boot >= wait.length;
}

Result<std::vector<store::Lease>> StoreModel::LeaseReap() {
  auto answer = inner().LeaseReap();
  Expect(answer.ok(), "reaping failed");
  if (!answer.ok()) return answer;
  for (const store::Lease& lease : *answer) {
    const Holder* holder = Held(lease.fence);
    Expect(holder != nullptr && IsOver(holder->granted),
           fmt::format("token {} was reaped before its time", lease.fence.token));
    Release(lease.fence);
  }
  for (const auto& [task, holder] : holders_) {
    Expect(!IsOver(holder.granted),
           fmt::format("token {} had run out and was not reaped", holder.fence.token));
  }
  LookAround();
  return answer;
}

Result<std::vector<store::Lease>> StoreModel::LeaseLeftovers(const store::AgentIdentity& agent) {
  auto answer = inner().LeaseLeftovers(agent);
  Expect(answer.ok(), "the leftovers are not told");
  if (!answer.ok()) return answer;
  std::set<std::int64_t> named;
  for (const store::Lease& lease : *answer) named.insert(lease.fence.token);
  for (const auto& [task, holder] : holders_) {
    const bool has_died = holder.agent.incarnation != agent.incarnation;
    if (holder.agent.id != agent.id || !has_died) continue;
    Expect(named.erase(holder.fence.token) == 1, "a leftover of a dead agent was not named");
  }
  Expect(named.empty(), "an attempt that nobody left behind was named a leftover");
  return answer;
}

Result<void> StoreModel::LeaseVoid(const store::Fence& fence) {
  auto answer = inner().LeaseVoid(fence);
  if (Agrees("the end of a leftover", fence, answer)) Release(fence);
  LookAround();
  return answer;
}

// --- What a worker caused

Result<void> StoreModel::SegmentCommit(const store::Fence& fence, const domain::Segment& segment) {
  auto answer = inner().SegmentCommit(fence, segment);
  const Holder* holder = Held(fence);
  if (holder == nullptr) {
    Agrees("a segment", fence, answer);
    return answer;
  }
  Checkpoint& checkpoint = checkpoints_[runs_[holder->run].work_key];
  Expect(answer.ok() == FitsInto(checkpoint, segment),
         fmt::format("segment {} after {} of token {} gave {}", segment.number, checkpoint.size(),
                     fence.token, answer.ok() ? "ok" : answer.error().ToString()));
  if (answer.ok()) checkpoint.emplace(segment.number, segment.sha256);
  LookAround();
  return answer;
}

// Whether it is a checkpoint with the segment in it.
bool StoreModel::FitsInto(const Checkpoint& checkpoint, const domain::Segment& segment) {
  Checkpoint with = checkpoint;
  const auto entry = with.emplace(segment.number, segment.sha256).first;
  const bool has_hole = with.begin()->first != 0 || with.rbegin()->first != std::ssize(with) - 1;
  return !has_hole && entry->second == segment.sha256;
}

Result<void> StoreModel::SegmentDrop(std::string_view work_key, std::int64_t first_number) {
  auto answer = inner().SegmentDrop(work_key, first_number);
  const auto found = checkpoints_.find(work_key);
  if (answer.ok() && found != checkpoints_.end()) {
    found->second.erase(found->second.lower_bound(first_number), found->second.end());
  }
  return answer;
}

Result<void> StoreModel::TaskSucceed(const store::Fence& fence, const std::string& result_json,
                                     std::span<const domain::Artifact> artifacts,
                                     const store::AttemptEnd& end) {
  auto answer = inner().TaskSucceed(fence, result_json, artifacts, end);
  // Said again, because the first answer was lost.
  if (succeeded_.contains(fence.attempt_uuid)) {
    Expect(answer.ok(), "a success that was said again was refused");
    return answer;
  }
  const Holder* holder = Held(fence);
  const StageRunId run = holder == nullptr ? StageRunId{} : holder->run;
  if (!Agrees("a success", fence, answer)) return answer;
  succeeded_.insert(fence.attempt_uuid);
  runs_[run].end = JobState::kSucceeded;
  Release(fence);
  LookAround();
  return answer;
}

Result<void> StoreModel::TaskEnd(const store::Fence& fence, const store::AttemptEnd& end) {
  const Holder* holder = Held(fence);
  const StageRunId run = holder == nullptr ? StageRunId{} : holder->run;
  const auto before = CountsOf(run);
  auto answer = inner().TaskEnd(fence, end);
  if (Agrees("the end", fence, answer)) {
    const bool is_full = end.error.reason == domain::reason::kDiskFull;
    Expect(!is_full || CountsOf(run) == before, "a full disk was counted");
    const auto shown = inner().RunGet(run);
    if (shown.ok() && shown->state == JobState::kRetryWait) {
      Expect(end.retry_in.has_value(), runs_[run].name + " waits for a retry that nobody wished");
      retries_[run] = {.from = time_(), .length = end.retry_in.value_or(std::chrono::hours{0})};
    }
    Release(fence);
  }
  LookAround();
  return answer;
}

// What wears a run out: how often, and for how long, its attempts came to nothing.
std::vector<std::int64_t> StoreModel::CountsOf(StageRunId id) {
  const auto run = inner().RunGet(id);
  if (!run.ok()) return {};
  return {run->failures, run->crashes, run->interruptions, run->interruptions_in_row,
          run->fruitless.count()};
}

Result<void> StoreModel::QueuePause(std::string_view stage, std::string_view reason) {
  auto answer = inner().QueuePause(stage, reason);
  if (answer.ok() && reason.empty()) paused_.erase(std::string(stage));
  if (answer.ok() && !reason.empty()) paused_.emplace(stage);
  return answer;
}

// --- The end

std::optional<std::string> StoreModel::FirstOpenJob() {
  for (auto& [id, job] : jobs_) {
    if (job.end) continue;
    const auto shown = inner().JobGet(id);
    Expect(shown.ok(), job.job_name + ", which was accepted, is gone");
    if (!shown.ok()) return job.job_name;
    if (!domain::IsTerminal(shown->state)) return job.job_name;
    job.end = shown->state;
  }
  return std::nullopt;
}

void StoreModel::CheckJobEnd(store::JobId id, const Job& job) {
  const auto shown = inner().JobGet(id);
  Expect(shown.ok(), job.job_name + ", which was accepted, is gone");
  if (!shown.ok()) return;
  Expect(domain::IsTerminal(shown->state), job.job_name + " did not end");
  Expect(!job.end || job.end == shown->state, job.job_name + " ended twice");
  const bool may_succeed = !job.is_cancelled || job.may_succeed;
  Expect(may_succeed || shown->state != JobState::kSucceeded,
         job.job_name + " succeeded after its cancel was acknowledged");
  constexpr int kAll = 100'000;
  const auto events = inner().EventsAfter(id, 0, kAll);
  Expect(events.ok() && !events->empty(), job.job_name + " has no events");
  if (!events.ok()) return;
  std::int64_t seq = 0;
  int ends = 0;
  for (const store::Event& event : *events) {
    Expect(event.seq == ++seq, fmt::format("event {} of {} is missing", seq, job.job_name));
    for (const JobState end : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled}) {
      if (event.kind == EndEventOf(end)) ++ends;
    }
  }
  Expect(seq == shown->event_seq, job.job_name + " lost its last events");
  Expect(ends == 1, fmt::format("{} told its end {} times", job.job_name, ends));
  Expect(events->back().kind == EndEventOf(shown->state),
         fmt::format("{} is {} and its last event is {}", job.job_name,
                     domain::JobStateName(shown->state), events->back().kind));
}

void StoreModel::CheckEnd() {
  for (const auto& [id, job] : jobs_) CheckJobEnd(id, job);
  const auto listed = inner().JobList();
  Expect(listed.ok() && listed->size() == jobs_.size(),
         fmt::format("{} jobs were accepted, {} are there", jobs_.size(),
                     listed.ok() ? listed->size() : 0));
  for (const auto& [work_key, checkpoint] : checkpoints_) {
    const auto rows = inner().SegmentList(work_key);
    Expect(rows.ok(), "the segments of " + work_key + " are not told");
    Checkpoint shown;
    for (const domain::Segment& row : rows.ok() ? *rows : std::vector<domain::Segment>{}) {
      shown[row.number] = row.sha256;
    }
    Expect(shown == checkpoint, "the segments of " + work_key + " are not what was accepted");
  }
  const auto audited = inner().IntegrityCheck();
  Expect(audited.ok(), "the audit: " + (audited.ok() ? "" : audited.error().ToString()));
}

}  // namespace rollcall::faults
