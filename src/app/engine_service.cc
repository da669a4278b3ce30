#include "app/engine_service.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

#include "api/params.h"
#include "base/path_text.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"
#include "episode/episode_views.h"
#include "housekeeping/subject_removal.h"
#include "projection/first_documents.h"

namespace rollcall::app {

namespace fs = std::filesystem;
using api::TextParam;
using base::Json;
using base::Result;
using store::JobId;
namespace reason = domain::reason;

namespace {

Json ListOf(const std::vector<api::JobView>& views) {
  Json list = Json::array();
  for (const api::JobView& view : views) list.push_back(ToJson(view));
  return list;
}

}  // namespace

EngineService::EngineService(Parts parts)
    : parts_(std::move(parts)),
      people_({.engine = parts_.engine,
               .store = parts_.store,
               .queries = parts_.queries,
               .planner = parts_.planner,
               .begin_to_work = [this] { return BeginToWork(); },
               .say = parts_.say}) {}

const subject::SubjectKind& EngineService::kind() const {
  return *parts_.engine.kinds().Find(episode::kKind);
}

// --- The engine

// An engine that is about to end takes nothing more: the command finds or starts the next one.
Result<void> EngineService::RefuseWhenEnding() {
  if (!parts_.life.is_ending()) return {};
  return domain::MakeError(reason::kEngineUnavailable, "the engine is about to end");
}

Result<Json> EngineService::Hello() {
  ROLLCALL_TRY(RefuseWhenEnding());
  return parts_.queries.Hello();
}

Result<Json> EngineService::Work() {
  ROLLCALL_TRY(RefuseWhenEnding());
  ROLLCALL_TRY(BeginToWork());
  return Json::object();
}

Result<Json> EngineService::Detach() {
  parts_.life.Detach();
  return Json::object();
}

Result<Json> EngineService::Leave() { return Json{{"stays", parts_.life.Leave()}}; }

Result<std::string> EngineService::Metrics() { return parts_.engine.MetricsText(); }

// --- Jobs

Result<Json> EngineService::JobStart(const Json& body, std::optional<std::string> key) {
  ROLLCALL_TRY(RefuseWhenEnding());
  ROLLCALL_TRY_ASSIGN(const episode::StartRequest request, episode::StartRequest::FromJson(body));
  const base::MutexLock lock(start_mutex_);
  ROLLCALL_TRY_ASSIGN(episode::EpisodePlan plan,
                      parts_.planner.Plan(request, [this](const std::string& work_key) {
                        return parts_.engine.FindReusable(work_key);
                      }));
  ROLLCALL_TRY(PlanWithLabels(request, plan));
  plan.request.idempotency_key = std::move(key);
  ROLLCALL_TRY_ASSIGN(const auto started, parts_.engine.Start(std::move(plan.request)));
  ROLLCALL_TRY_ASSIGN(Json view, parts_.queries.DetailedView(started.job));
  Json answer{{"job", std::move(view)},
              {"existing", started.is_existing},
              {"resumed", started.is_resumed},
              {"repeated", started.is_repeated},
              {"open_beside", Json::array()}};
  if (started.is_at_work) return answer;
  ROLLCALL_TRY_ASSIGN(const store::Job job, parts_.store.JobGet(started.job));
  answer["open_beside"] = OpenBeside(job);
  ROLLCALL_TRY(BeginToWork());
  return answer;
}

// Who has which number is written down before anything is found anew, and is part of the plan. What
// cannot be read keeps nobody from making it again.
Result<void> EngineService::PlanWithLabels(episode::StartRequest request,
                                           episode::EpisodePlan& plan) {
  const auto given = people_.GiveLabels(plan.episode.key);
  if (!given.ok()) {
    const base::ErrorCode code = given.error().code;
    const bool is_of_store =
        code == base::ErrorCode::kUnavailable || code == base::ErrorCode::kResourceExhausted;
    if (is_of_store) return given.error();
    parts_.say("the people of " + plan.episode.key + ": " + given.error().message);
  }
  if (!given.ok() || !*given) return {};
  const std::string asked = plan.request.request_json;
  request.video.clear();  // It has been looked at.
  request.episode = plan.episode.key;
  ROLLCALL_TRY_ASSIGN(plan, parts_.planner.Plan(request, [this](const std::string& work_key) {
    return parts_.engine.FindReusable(work_key);
  }));
  plan.request.request_json = asked;
  return {};
}

// It only warns: a job that is submitted goes on where the store cannot be asked.
Json EngineService::OpenBeside(const store::Job& job) {
  const auto found = parts_.engine.OpenBeside(job);
  return found.ok() ? ListOf(*found) : Json::array();
}

Result<Json> EngineService::JobCancel(std::string_view job) {
  ROLLCALL_TRY_ASSIGN(const store::Job found, parts_.queries.FindJob(job));
  ROLLCALL_TRY_ASSIGN(const auto outcome, parts_.engine.Cancel(found.id));
  // What an owner before us left running is ended by whoever works.
  const bool is_open = !domain::IsTerminal(outcome.job.state);
  if (is_open) {
    ROLLCALL_TRY(parts_.engine.is_working() ? parts_.engine.EnsureWorking() : BeginToWork());
  }
  ROLLCALL_TRY_ASSIGN(Json view, parts_.queries.DetailedView(found.id));
  return Json{{"job", std::move(view)}, {"had_finished", outcome.had_finished}};
}

// What an older program planned would be done by this one's rules and stand beside results of the
// older ones. Segments of it cannot be gone on with.
Result<episode::EpisodePlan> EngineService::PlanAnew(const store::Job& job) {
  ROLLCALL_TRY_ASSIGN(const Json asked, base::ParseJson(job.request_json, "a job's request"));
  ROLLCALL_TRY_ASSIGN(episode::StartRequest request, episode::StartRequest::FromJson(asked));
  request.video.clear();  // It is known where it is now.
  request.episode = job.subject.id;
  request.from.clear();
  request.is_forced = false;
  // One of its own: whoever starts something uses the other, maybe for long.
  episode::EpisodePlanner planner = parts_.planner;
  ROLLCALL_TRY_ASSIGN(episode::EpisodePlan plan,
                      planner.Plan(request, [this](const std::string& work_key) {
                        return parts_.engine.FindReusable(work_key);
                      }));
  plan.request.priority = job.priority;
  return plan;
}

Result<std::vector<std::string>> EngineService::ReplanOlder() {
  std::vector<std::string> said;
  ROLLCALL_TRY_ASSIGN(const bool has_open, parts_.store.HasOpenJobs());
  if (!has_open) return said;
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  for (const store::Job& job : jobs) {
    if (domain::IsTerminal(job.state) || job.subject.kind != episode::kKind) continue;
    if (!kind().stages.IsOfOlderRevision(job.request_json)) continue;
    auto plan = PlanAnew(job);
    if (!plan.ok()) {
      ROLLCALL_TRY(parts_.store.JobCancel(job.id));
      said.push_back(
          fmt::format("{} was planned by an older rollcall and cannot be planned anew: "
                      "{}; it is cancelled, `rollcall jobs resume {}` tries again",
                      job.job_name(), plan.error().message, static_cast<std::int64_t>(job.id)));
      continue;
    }
    ROLLCALL_TRY_ASSIGN(const auto submission, parts_.store.JobReplan(job.id, plan->request));
    said.push_back(fmt::format("{} (job {}) was planned by an older rollcall: planned anew",
                               job.job_name(), static_cast<std::int64_t>(submission.job.id)));
  }
  return said;
}

Result<void> EngineService::BeginToWork() {
  const base::MutexLock lock(work_mutex_);
  if (!parts_.engine.is_working()) {
    ROLLCALL_TRY_ASSIGN(const auto said, ReplanOlder());
    for (const std::string& line : said) parts_.say(line);
  }
  if (!std::exchange(has_followed_, true)) ROLLCALL_TRY(people_.FollowAll());
  return parts_.engine.StartWorking();
}

Result<store::Submission> EngineService::SubmitAnew(const store::Job& job) {
  ROLLCALL_TRY_ASSIGN(episode::EpisodePlan plan, PlanAnew(job));
  return parts_.engine.Submit(std::move(plan.request));
}

Result<Json> EngineService::JobResume(std::string_view typed, const Json& body) {
  ROLLCALL_TRY(RefuseWhenEnding());
  const base::MutexLock lock(start_mutex_);
  ROLLCALL_TRY_ASSIGN(store::Job job, parts_.queries.FindJob(typed));
  ROLLCALL_TRY_ASSIGN(const bool skips_poison, api::FlagParam(body, "skip_poison", false));
  if (typed == job.job_name() && !domain::IsTerminal(job.state)) {
    ROLLCALL_TRY_ASSIGN(job, EndedNamesake(std::move(job)));
  }
  const bool is_older = domain::IsTerminal(job.state) && job.subject.kind == episode::kKind &&
                        kind().stages.IsOfOlderRevision(job.request_json);
  ROLLCALL_TRY_ASSIGN(
      const auto submission,
      is_older ? SubmitAnew(job) : parts_.engine.Resume(job.id, {.skips_poison = skips_poison}));
  ROLLCALL_TRY_ASSIGN(Json view, parts_.queries.DetailedView(submission.job.id));
  Json beside = OpenBeside(submission.job);
  ROLLCALL_TRY(BeginToWork());
  return Json{{"job", std::move(view)},
              {"existing", submission.is_existing},
              {"planned_anew", is_older},
              {"open_beside", std::move(beside)}};
}

Result<Json> EngineService::JobSettle(std::string_view job) {
  constexpr std::chrono::seconds kLimit{10};
  ROLLCALL_TRY_ASSIGN(const store::Job found, parts_.queries.FindJob(job));
  ROLLCALL_TRY(parts_.engine.Settle(found.id, kLimit));
  return Json::object();
}

// Whoever resumes by a name means the job of that name that was ended since its last success, not
// one with other parameters that waits or runs beside it; `job` if there is none.
Result<store::Job> EngineService::EndedNamesake(store::Job job) {
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  for (const store::Job& other : jobs) {
    if (other.job_name() != job.job_name() || !domain::IsTerminal(other.state)) continue;
    const bool was_ended =
        other.state == domain::JobState::kCancelled || other.state == domain::JobState::kFailed;
    if (was_ended && other.request_json != job.request_json) return other;
    break;
  }
  return job;
}

// --- Episodes

Result<Json> EngineService::EpisodeAdd(const Json& body) {
  ROLLCALL_TRY_ASSIGN(const std::string text, TextParam(body, "video", ""));
  const fs::path video = base::PathFromText(text);
  ROLLCALL_TRY_ASSIGN(const std::string key, TextParam(body, "episode", ""));
  if (!video.is_absolute()) {
    return domain::MakeError(reason::kBadRequest, "the video's path must be absolute");
  }
  const base::MutexLock lock(start_mutex_);
  ROLLCALL_TRY_ASSIGN(const episode::Registration added, parts_.planner.Register(video, key));
  ROLLCALL_TRY(ProjectAdded(added.episode));
  ROLLCALL_TRY_ASSIGN(
      Json summary,
      episode::EpisodeSummary(
          {.store = parts_.store, .vault = parts_.engine.vault(), .kind = kind()}, added.episode));
  summary["is_new"] = added.is_new;
  summary["video_path_before"] = added.has_moved() ? Json(added.path_before) : Json(nullptr);
  return summary;
}

// The files tell of an episode as soon as it is known, and of a new path.
Result<void> EngineService::ProjectAdded(const store::Episode& episode) {
  constexpr std::chrono::seconds kLimit{10};
  ROLLCALL_TRY_ASSIGN(const bool is_written,
                      projection::WriteFirstDocuments(
                          parts_.store, parts_.engine.vault(), parts_.data.root(),
                          {.kind = kind(), .id = episode.key, .created_at = episode.created_at}));
  if (is_written) return {};
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  for (const store::Job& job : jobs) {
    const bool is_its = job.subject == store::Subject{episode::kKind, episode.key};
    if (is_its) return parts_.engine.Settle(job.id, kLimit);
  }
  return {};
}

// What has just ended may still be written down: removing its files meanwhile would fail, or leave
// some. Files that cannot be written go as they are.
Result<void> EngineService::SettleAll(const std::string& key) {
  constexpr std::chrono::seconds kLimit{10};
  const auto until = std::chrono::steady_clock::now() + kLimit;
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  for (const store::Job& job : jobs) {
    const bool is_its = job.subject == store::Subject{episode::kKind, key};
    if (!is_its || !domain::IsTerminal(job.state)) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    static_cast<void>(parts_.engine.Settle(job.id, left));
  }
  return {};
}

Result<Json> EngineService::EpisodeRemove(std::string_view typed, Files files) {
  const bool keeps_files = files == Files::kKeep;
  ROLLCALL_TRY_ASSIGN(const auto key, domain::EpisodeKey::Parse(typed));
  const base::MutexLock lock(start_mutex_);
  if (!keeps_files) ROLLCALL_TRY(SettleAll(key.text()));
  if (auto removed = parts_.store.EpisodeRemove(key.text()); !removed.ok()) {
    // Forgotten before, when its files could not be removed or were to be kept: now they go.
    const bool is_forgotten = removed.error().reason == reason::kEpisodeNotRegistered;
    vault::Vault& vault = parts_.engine.vault();
    const bool has_files = housekeeping::HasSubjectFiles(vault, kind(), key.text());
    if (!is_forgotten || keeps_files || !has_files) return removed.error();
    ROLLCALL_TRY(parts_.store.SubjectErase({episode::kKind, key.text()}));
  }
  if (!keeps_files) {
    ROLLCALL_TRY(housekeeping::RemoveSubjectFiles(parts_.engine.vault(), kind(), key.text()));
  }
  return Json{{"episode_key", key.text()}};
}

}  // namespace rollcall::app
