#include "store/ledger_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "domain/reasons.h"
#include "store/attempts.h"
#include "store/audit.h"
#include "store/cancellation.h"
#include "store/leases.h"
#include "store/run_changes.h"
#include "store/submission.h"
#include "store/transitions.h"

namespace rollcall::store {

using base::Result;
using domain::JobState;
namespace reason = domain::reason;

namespace {

base::Error NoEpisode(std::string_view key) {
  return domain::MakeError(reason::kEpisodeNotRegistered, fmt::format("no episode {}", key));
}

base::Error NoJob(std::string_view name) {
  return domain::MakeError(reason::kJobNotFound, fmt::format("there is no job {}", name));
}

Result<RunView> ViewOf(Ledger& ledger, StageRun run) {
  ROLLCALL_TRY_ASSIGN(auto lease, ledger.LeaseOfRun(run.id));
  return RunView{.run = std::move(run), .lease = std::move(lease)};
}

Result<std::vector<RunView>> ViewsOf(Ledger& ledger, std::vector<StageRun> runs) {
  std::vector<RunView> views;
  for (StageRun& run : runs) {
    ROLLCALL_TRY_ASSIGN(auto view, ViewOf(ledger, std::move(run)));
    views.push_back(std::move(view));
  }
  return views;
}

Result<std::vector<Job>> JobsOf(Ledger& ledger, StageRunId id) {
  ROLLCALL_TRY_ASSIGN(const auto links, ledger.RunJobStages(id));
  std::vector<Job> jobs;
  for (const JobStage& link : links) {
    ROLLCALL_TRY_ASSIGN(auto job, Present(ledger.JobRead(link.job)));
    jobs.push_back(std::move(job));
  }
  std::stable_partition(jobs.begin(), jobs.end(),
                        [](const Job& job) { return !domain::IsTerminal(job.state); });
  return jobs;
}

Result<void> ForgetSubject(Ledger& ledger, const Subject& subject) {
  ROLLCALL_TRY_ASSIGN(const bool is_busy, ledger.JobAnyOpenOf(subject));
  if (!is_busy) return ledger.SubjectErase(subject);
  ROLLCALL_TRY_ASSIGN(const auto jobs, ledger.JobAll());
  const auto open = std::ranges::find_if(jobs, [&](const Job& job) {
    return job.subject == subject && !domain::IsTerminal(job.state);
  });
  ROLLCALL_CHECK(open != jobs.end());
  return IsAtWork(open->job_name(), "is open; what it works on cannot be taken from it");
}

Result<void> ForgetEpisode(Ledger& ledger, std::string_view key) {
  ROLLCALL_TRY_ASSIGN(const auto episode, ledger.EpisodeRead(key));
  if (!episode) return NoEpisode(key);
  ROLLCALL_TRY(ForgetSubject(ledger, {.kind = "episode", .id = std::string(key)}));
  return ledger.EpisodeErase(key);
}

}  // namespace

Result<Episode> LedgerStore::EpisodePut(const Episode& episode) {
  return In(Access::kWrite, [&](Ledger& ledger) -> Result<Episode> {
    ROLLCALL_TRY_ASSIGN(const auto known, ledger.EpisodeRead(episode.key));
    if (known && known->fingerprint != episode.fingerprint) {
      return domain::MakeError(reason::kKeyTaken, fmt::format("episode {} is another video: {}",
                                                              episode.key, known->video_path));
    }
    Episode stored = episode;
    if (known) stored.created_at = known->created_at;
    ROLLCALL_TRY(ledger.EpisodeWrite(stored));
    return stored;
  });
}

Result<Episode> LedgerStore::EpisodeGet(std::string_view key) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<Episode> {
    ROLLCALL_TRY_ASSIGN(auto episode, ledger.EpisodeRead(key));
    if (!episode) return NoEpisode(key);
    return std::move(*episode);
  });
}

Result<std::vector<Episode>> LedgerStore::EpisodeList() {
  return In(Access::kRead, [](Ledger& ledger) { return ledger.EpisodeAll(); });
}

Result<void> LedgerStore::EpisodeRemove(std::string_view key) {
  return In(Access::kWrite, [&](Ledger& ledger) { return ForgetEpisode(ledger, key); });
}

Result<void> LedgerStore::SubjectErase(const Subject& subject) {
  return In(Access::kWrite, [&](Ledger& ledger) { return ForgetSubject(ledger, subject); });
}

Result<Episode> LedgerStore::EpisodeReplace(const Episode& episode) {
  return In(Access::kWrite, [&](Ledger& ledger) -> Result<Episode> {
    ROLLCALL_TRY(ForgetEpisode(ledger, episode.key));
    ROLLCALL_TRY(ledger.EpisodeWrite(episode));
    return episode;
  });
}

Result<Submission> LedgerStore::JobSubmit(const JobRequest& request) {
  return Change([&](Ledger& ledger, const Moment& now) { return Submit(ledger, request, now); });
}

Result<Submission> LedgerStore::JobReplan(JobId id, const JobRequest& request) {
  return Change(
      [&](Ledger& ledger, const Moment& now) { return Replan(ledger, id, request, now); });
}

Result<std::optional<Job>> LedgerStore::JobOfKey(std::string_view subject_kind,
                                                 std::string_view key) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<std::optional<Job>> {
    ROLLCALL_TRY_ASSIGN(const auto answered, ledger.SubmissionKeyRead(subject_kind, key));
    if (!answered || answered->at <= Now().wall - kIdempotencyKeyAge) return std::optional<Job>();
    return ledger.JobRead(answered->job);
  });
}

Result<Job> LedgerStore::JobGet(JobId id) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<Job> {
    ROLLCALL_TRY_ASSIGN(auto job, ledger.JobRead(id));
    if (!job) return NoJob(std::to_string(static_cast<std::int64_t>(id)));
    return std::move(*job);
  });
}

Result<Job> LedgerStore::JobFind(std::string_view job_name) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<Job> {
    ROLLCALL_TRY_ASSIGN(auto named, ledger.JobNewest(job_name));
    if (named && !domain::IsTerminal(named->state)) return std::move(*named);
    ROLLCALL_TRY_ASSIGN(const auto run, ledger.RunNewest(job_name));
    if (!run) return named ? Result<Job>(std::move(*named)) : NoJob(job_name);
    ROLLCALL_TRY_ASSIGN(const auto links, ledger.RunJobStages(run->id));
    ROLLCALL_CHECK(!links.empty());
    for (const JobStage& link : links) {
      ROLLCALL_TRY_ASSIGN(auto job, Present(ledger.JobRead(link.job)));
      if (!domain::IsTerminal(job.state)) return job;
      if (!named) named = std::move(job);
    }
    return std::move(*named);
  });
}

Result<std::vector<Job>> LedgerStore::JobList() {
  return In(Access::kRead, [](Ledger& ledger) { return ledger.JobAll(); });
}

Result<std::vector<RunView>> LedgerStore::JobRuns(JobId id) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<std::vector<RunView>> {
    ROLLCALL_TRY_ASSIGN(const auto links, ledger.JobStages(id));
    if (links.empty()) return NoJob(std::to_string(static_cast<std::int64_t>(id)));
    std::vector<RunView> views;
    for (const JobStage& link : links) {
      ROLLCALL_TRY_ASSIGN(auto run, Present(ledger.RunRead(link.run)));
      ROLLCALL_TRY_ASSIGN(auto view, ViewOf(ledger, std::move(run)));
      view.is_reused = link.is_reused;
      view.is_left = link.is_left;
      views.push_back(std::move(view));
    }
    return views;
  });
}

Result<CancelOutcome> LedgerStore::JobCancel(JobId id) {
  return Change([&](Ledger& ledger, const Moment& now) { return Cancel(ledger, id, now); });
}

Result<bool> LedgerStore::HasOpenJobs() {
  return In(Access::kRead, [](Ledger& ledger) { return ledger.JobAnyOpen(); });
}

Result<StageRun> LedgerStore::RunGet(StageRunId id) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<StageRun> {
    ROLLCALL_TRY_ASSIGN(auto run, ledger.RunRead(id));
    if (!run) return NoJob(fmt::format("run {}", static_cast<std::int64_t>(id)));
    return std::move(*run);
  });
}

Result<std::optional<RunView>> LedgerStore::RunLatest(const Subject& subject,
                                                      std::string_view stage) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<std::optional<RunView>> {
    ROLLCALL_TRY_ASSIGN(auto runs, ledger.RunGenerations(subject, stage));
    if (runs.empty()) return std::optional<RunView>();
    ROLLCALL_TRY_ASSIGN(auto view, ViewOf(ledger, std::move(runs.front())));
    return std::optional<RunView>(std::move(view));
  });
}

Result<std::vector<RunView>> LedgerStore::RunHistory(const Subject& subject,
                                                     std::string_view stage) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<std::vector<RunView>> {
    ROLLCALL_TRY_ASSIGN(auto runs, ledger.RunGenerations(subject, stage));
    return ViewsOf(ledger, std::move(runs));
  });
}

Result<std::optional<StageRun>> LedgerStore::RunSucceeded(std::string_view work_key) {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.RunNewestSucceeded(work_key); });
}

Result<std::optional<StageRun>> LedgerStore::RunLastGood(const Subject& subject,
                                                         std::string_view stage) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<std::optional<StageRun>> {
    ROLLCALL_TRY_ASSIGN(auto runs, ledger.RunGenerations(subject, stage));
    for (StageRun& run : runs) {
      if (run.state == JobState::kSucceeded) return std::optional<StageRun>(std::move(run));
    }
    return std::optional<StageRun>();
  });
}

Result<std::vector<RunView>> LedgerStore::RunsChangedSince(std::int64_t change, int limit) {
  return In(Access::kRead, [&](Ledger& ledger) -> Result<std::vector<RunView>> {
    ROLLCALL_TRY_ASSIGN(auto runs, ledger.RunsChanged(change, limit));
    return ViewsOf(ledger, std::move(runs));
  });
}

Result<std::vector<Job>> LedgerStore::RunJobs(StageRunId id) {
  return In(Access::kRead, [&](Ledger& ledger) { return JobsOf(ledger, id); });
}

Result<std::vector<Attempt>> LedgerStore::AttemptList(StageRunId id) {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.Attempts(id); });
}

Result<std::vector<domain::Artifact>> LedgerStore::ArtifactList(StageRunId id) {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.Artifacts(id); });
}

Result<std::optional<LeasedTask>> LedgerStore::TaskClaim(const ClaimRequest& request) {
  return Change([&](Ledger& ledger, const Moment& now) { return Claim(ledger, request, now); });
}

Result<void> LedgerStore::TaskStarted(const Fence& fence, std::int64_t pid,
                                      std::int64_t pid_start) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return Start(ledger, fence, {.pid = pid, .start = pid_start}, now);
  });
}

Result<std::vector<RenewReply>> LedgerStore::LeaseRenew(const AgentIdentity& agent,
                                                        std::span<const Heartbeat> heartbeats,
                                                        std::chrono::nanoseconds lease) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return Renew(ledger, {.agent = agent, .heartbeats = heartbeats, .lease = lease}, now);
  });
}

Result<void> LedgerStore::LeaseMarkStalled(const Fence& fence, std::string_view why) {
  return Change(
      [&](Ledger& ledger, const Moment& now) { return MarkStalled(ledger, fence, why, now); });
}

Result<std::vector<Lease>> LedgerStore::LeaseReap() {
  return Change([&](Ledger& ledger, const Moment& now) { return Reap(ledger, now); });
}

Result<std::vector<Lease>> LedgerStore::LeaseLeftovers(const AgentIdentity& agent) {
  return In(Access::kRead, [&](Ledger& ledger) { return Leftovers(ledger, agent); });
}

Result<void> LedgerStore::LeaseVoid(const Fence& fence) {
  return Change([&](Ledger& ledger, const Moment& now) { return Void(ledger, fence, now); });
}

Result<std::vector<Lease>> LedgerStore::LeaseList() {
  return In(Access::kRead, [](Ledger& ledger) { return ledger.LeaseAll(); });
}

Result<void> LedgerStore::SegmentCommit(const Fence& fence, const domain::Segment& segment) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return CommitSegment(ledger, fence, segment, now);
  });
}

Result<std::vector<domain::Segment>> LedgerStore::SegmentList(std::string_view work_key) {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.Segments(work_key); });
}

Result<void> LedgerStore::SegmentDrop(std::string_view work_key, std::int64_t first_number) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return DropSegments(ledger, work_key, first_number, now);
  });
}

Result<void> LedgerStore::TaskSucceed(const Fence& fence, const std::string& result_json,
                                      std::span<const domain::Artifact> artifacts,
                                      const AttemptEnd& end) {
  return Change([&](Ledger& ledger, const Moment& now) {
    return Succeed(ledger, fence, {.result_json = result_json, .artifacts = artifacts, .end = end},
                   now);
  });
}

Result<void> LedgerStore::TaskEnd(const Fence& fence, const AttemptEnd& end) {
  return Change([&](Ledger& ledger, const Moment& now) { return End(ledger, fence, end, now); });
}

Result<std::vector<Event>> LedgerStore::EventsAfter(JobId job, std::int64_t seq, int limit) {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.Events(job, seq, limit); });
}

Result<std::vector<Event>> LedgerStore::EventsSince(std::int64_t position, int limit) {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.EventsSince(position, limit); });
}

Result<std::int64_t> LedgerStore::EventPosition() {
  return In(Access::kRead, [&](Ledger& ledger) { return ledger.EventPosition(); });
}

Result<std::string> LedgerStore::StreamEpoch() {
  return In(Access::kRead, [](Ledger& ledger) { return ledger.StreamEpoch(); });
}

Result<std::optional<std::chrono::nanoseconds>> LedgerStore::NextRetry() {
  using Next = std::optional<std::chrono::nanoseconds>;
  return In(Access::kRead, [this](Ledger& ledger) -> Result<Next> {
    ROLLCALL_TRY_ASSIGN(const auto waiting, ledger.RunsRetryWait());
    const Moment now = Now();
    Next next;
    for (const StageRun& run : waiting) {
      const auto until = now.Until(run.retry_due.value_or(Due{}));
      next = std::min(next.value_or(until), until);
    }
    return next;
  });
}

Result<void> LedgerStore::IntegrityCheck() {
  ROLLCALL_TRY(CheckFile());
  return In(Access::kCheck, [](Ledger& ledger) { return Audit(ledger); });
}

}  // namespace rollcall::store
