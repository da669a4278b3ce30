#include "app/engine_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "app/episode_projection.h"
#include "app/stages.h"
#include "app/views.h"
#include "base/path_text.h"
#include "control/protocol.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"
#include "domain/stage.h"

namespace rollcall::app {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
using control::TextParam;
using store::JobId;
namespace method = control::method;
namespace reason = domain::reason;

namespace {

// Where the pipeline leaves things of an episode. The video lies elsewhere and is never touched.
std::vector<fs::path> FoldersOf(const DataDirectory& data, const std::string& key) {
  std::vector<fs::path> folders{data.harvest(key), data.outputs(key), data.episode(key)};
  for (const domain::Stage stage : domain::kStages) {
    folders.push_back(data.job(std::string(domain::StageName(stage)) + "_" + key));
  }
  return folders;
}

bool HasFiles(const DataDirectory& data, const std::string& key) {
  return std::ranges::any_of(FoldersOf(data, key), [](const fs::path& folder) {
    std::error_code unknown;  // What cannot be looked at cannot be removed either.
    return fs::exists(folder, unknown);
  });
}

Result<void> RemoveFiles(const DataDirectory& data, const std::string& key) {
  for (const fs::path& folder : FoldersOf(data, key)) {
    std::error_code error;
    fs::remove_all(folder, error);
    if (error) {
      return domain::MakeError(reason::kPermission,
                               "cannot remove " + folder.string() + ": " + error.message());
    }
  }
  return {};
}

}  // namespace

struct EngineService::Method {
  std::string_view name;
  Answer (EngineService::*run)(const Params&);
};

Result<Json> EngineService::Call(std::string_view method, const Json& params) {
  static constexpr std::array<Method, 11> kMethods{{
      {method::kHello, &EngineService::Hello},
      {method::kWork, &EngineService::Work},
      {method::kDetach, &EngineService::Detach},
      {method::kLeave, &EngineService::Leave},
      {method::kMetrics, &EngineService::Metrics},
      {method::kJobStart, &EngineService::JobStart},
      {method::kJobCancel, &EngineService::JobCancel},
      {method::kJobResume, &EngineService::JobResume},
      {method::kJobSettle, &EngineService::JobSettle},
      {method::kEpisodeAdd, &EngineService::EpisodeAdd},
      {method::kEpisodeRemove, &EngineService::EpisodeRemove},
  }};
  const auto found = std::find_if(kMethods.begin(), kMethods.end(),
                                  [&](const Method& known) { return known.name == method; });
  if (found == kMethods.end()) return queries_.Call(method, params);
  return (this->*found->run)(params);
}

void EngineService::OnClientCount(int count) { parts_.life.SetClientCount(count); }

// --- The engine

// An engine that is about to end takes nothing more: the command finds or starts the next one.
Result<void> EngineService::RefuseWhenEnding() {
  if (!parts_.life.is_ending()) return {};
  return domain::MakeError(reason::kEngineUnavailable, "the engine is about to end");
}

Result<Json> EngineService::Hello(const Json& params) {
  ROLLCALL_TRY(RefuseWhenEnding());
  return queries_.Call(method::kHello, params);
}

Result<Json> EngineService::Work(const Json& /*params*/) {
  ROLLCALL_TRY(RefuseWhenEnding());
  ROLLCALL_TRY(BeginToWork());
  return Json::object();
}

Result<Json> EngineService::Detach(const Json& /*params*/) {
  parts_.life.Detach();
  return Json::object();
}

Result<Json> EngineService::Leave(const Json& /*params*/) {
  return Json{{"stays", parts_.life.Leave()}};
}

Result<Json> EngineService::Metrics(const Json& /*params*/) {
  ROLLCALL_TRY_ASSIGN(std::string text, parts_.engine.MetricsText());
  return Json{{"text", std::move(text)}};
}

// --- Jobs

Result<Json> EngineService::JobStart(const Json& params) {
  ROLLCALL_TRY(RefuseWhenEnding());
  ROLLCALL_TRY_ASSIGN(const StartRequest request, StartRequest::FromJson(params));
  const base::MutexLock lock(start_mutex_);
  ROLLCALL_TRY_ASSIGN(EpisodePlan plan,
                      parts_.planner.Plan(request, [this](const std::string& work_key) {
                        return parts_.engine.FindReusable(work_key);
                      }));
  // A job that is open although nobody worked was interrupted: this command takes it up again.
  const bool was_working = parts_.engine.is_working();
  if (was_working) {
    ROLLCALL_TRY_ASSIGN(const std::optional<JobId> twin, LiveTwin(plan.request));
    if (twin) {
      ROLLCALL_TRY_ASSIGN(Json view, queries_.DetailedView(*twin));
      return Json{{"job", std::move(view)},
                  {"existing", true},
                  {"resumed", false},
                  {"open_beside", Json::array()}};
    }
  }
  ROLLCALL_TRY_ASSIGN(const bool is_stalled, IsStalled(plan.request));
  ROLLCALL_TRY_ASSIGN(const auto submission, parts_.engine.Submit(std::move(plan.request)));
  ROLLCALL_TRY_ASSIGN(Json job, queries_.DetailedView(submission.job.id));
  Json beside = OpenBeside(submission.job);
  ROLLCALL_TRY(BeginToWork());
  return Json{{"job", std::move(job)},
              {"existing", submission.is_existing},
              {"resumed", submission.is_existing && (!was_working || is_stalled)},
              {"open_beside", std::move(beside)}};
}

// Other open jobs with unfinished stages that make files of the same names with other parameters:
// what the names show in the end is decided by which ends last.
Result<Json> EngineService::FindOpenBeside(const store::Job& job) {
  ROLLCALL_TRY_ASSIGN(const auto own, parts_.store.JobRuns(job.id));
  std::set<JobId> found;
  for (const store::RunView& ours : own) {
    ROLLCALL_TRY_ASSIGN(const auto history, parts_.store.RunHistory(job.subject, ours.run.name));
    for (const store::RunView& theirs : history) {
      const bool is_same_work = theirs.run.work_key == ours.run.work_key;
      if (is_same_work || domain::IsTerminal(theirs.run.state)) continue;
      ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.RunJobs(theirs.run.id));
      for (const store::Job& other : jobs) {
        if (other.id != job.id && !domain::IsTerminal(other.state)) found.insert(other.id);
      }
    }
  }
  Json beside = Json::array();
  for (const JobId id : found) {
    ROLLCALL_TRY_ASSIGN(const control::JobView view, queries_.View(static_cast<std::int64_t>(id)));
    if (view.is_open()) beside.push_back(ToJson(view));
  }
  return beside;
}

// It only warns: a job that is submitted goes on where the store cannot be asked.
Json EngineService::OpenBeside(const store::Job& job) {
  auto found = FindOpenBeside(job);
  return found.ok() ? *std::move(found) : Json::array();
}

// Whether an attempt at this very work is stalled: a start ends it at once, and goes on with it.
Result<bool> EngineService::IsStalled(const store::JobRequest& request) {
  for (const store::StageRequest& stage : request.stages) {
    ROLLCALL_TRY_ASSIGN(const auto history, parts_.store.RunHistory(request.subject, stage.name));
    for (const store::RunView& view : history) {
      if (view.run.work_key != stage.work_key || !view.lease) continue;
      if (view.lease->liveness.is_stalled) return true;
    }
  }
  return false;
}

// The job that already runs the last stage of `request`, and is not stalled: a start over a stalled
// one takes its place.
Result<std::optional<JobId>> EngineService::LiveTwin(const store::JobRequest& request) {
  const store::StageRequest& last = request.stages.back();
  ROLLCALL_TRY_ASSIGN(const auto history, parts_.store.RunHistory(request.subject, last.name));
  for (const store::RunView& view : history) {
    const bool is_live =
        view.run.state == domain::JobState::kLeased || view.run.state == domain::JobState::kRunning;
    if (!is_live || view.run.work_key != last.work_key) continue;
    ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.RunJobs(view.run.id));
    for (const store::Job& job : jobs) {
      if (domain::IsTerminal(job.state)) continue;
      ROLLCALL_TRY_ASSIGN(const control::JobView shown,
                          queries_.View(static_cast<std::int64_t>(job.id)));
      const control::StageView* stage = shown.CurrentStage();
      if (stage != nullptr && !stage->is_stalled) return std::optional(job.id);
    }
  }
  return std::optional<JobId>{};
}

Result<Json> EngineService::JobCancel(const Json& params) {
  ROLLCALL_TRY_ASSIGN(const store::Job job, queries_.FindJob(params));
  ROLLCALL_TRY_ASSIGN(const auto outcome, parts_.engine.Cancel(job.id));
  // What an owner before us left running is ended by whoever works.
  const bool is_open = !domain::IsTerminal(outcome.job.state);
  if (is_open) {
    ROLLCALL_TRY(parts_.engine.is_working() ? parts_.engine.EnsureWorking() : BeginToWork());
  }
  ROLLCALL_TRY_ASSIGN(Json view, queries_.DetailedView(job.id));
  return Json{{"job", std::move(view)}, {"had_finished", outcome.had_finished}};
}

// What an older program planned would be done by this one's rules and stand beside results of the
// older ones. Segments of it cannot be gone on with.
Result<EpisodePlan> EngineService::PlanAnew(const store::Job& job) {
  ROLLCALL_TRY_ASSIGN(const Json asked, base::ParseJson(job.request_json, "a job's request"));
  ROLLCALL_TRY_ASSIGN(StartRequest request, StartRequest::FromJson(asked));
  request.video.clear();  // It is known where it is now.
  request.episode = job.subject.id;
  request.from.clear();
  request.is_forced = false;
  // One of its own: whoever starts something uses the other, maybe for long.
  EpisodePlanner planner = parts_.planner;
  ROLLCALL_TRY_ASSIGN(EpisodePlan plan, planner.Plan(request, [this](const std::string& work_key) {
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
    if (domain::IsTerminal(job.state) || job.subject.kind != "episode") continue;
    if (!IsOfOlderRevision(job.request_json)) continue;
    auto plan = PlanAnew(job);
    if (!plan.ok()) {
      ROLLCALL_TRY(parts_.store.JobCancel(job.id));
      said.push_back(
          fmt::format("{} was planned by an older rollcall and cannot be planned anew: "
                      "{}; it is cancelled, `rollcall jobs resume {}` tries again",
                      job.public_id(), plan.error().message, static_cast<std::int64_t>(job.id)));
      continue;
    }
    ROLLCALL_TRY_ASSIGN(const auto submission, parts_.store.JobReplan(job.id, plan->request));
    said.push_back(
        fmt::format("{} (job {}) was planned by an older rollcall: planned anew, its "
                    "segments are dropped",
                    job.public_id(), static_cast<std::int64_t>(submission.job.id)));
  }
  return said;
}

Result<void> EngineService::BeginToWork() {
  const base::MutexLock lock(work_mutex_);
  if (!parts_.engine.is_working()) {
    ROLLCALL_TRY_ASSIGN(const auto said, ReplanOlder());
    for (const std::string& line : said) parts_.say(line);
  }
  return parts_.engine.StartWorking();
}

Result<store::Submission> EngineService::SubmitAnew(const store::Job& job) {
  ROLLCALL_TRY_ASSIGN(EpisodePlan plan, PlanAnew(job));
  return parts_.engine.Submit(std::move(plan.request));
}

Result<Json> EngineService::JobResume(const Json& params) {
  ROLLCALL_TRY(RefuseWhenEnding());
  const base::MutexLock lock(start_mutex_);
  ROLLCALL_TRY_ASSIGN(store::Job job, queries_.FindJob(params));
  ROLLCALL_TRY_ASSIGN(const std::string name, TextParam(params, "job", ""));
  ROLLCALL_TRY_ASSIGN(const bool skips_poison, control::FlagParam(params, "skip_poison", false));
  if (name == job.public_id() && !domain::IsTerminal(job.state)) {
    ROLLCALL_TRY_ASSIGN(job, EndedNamesake(std::move(job)));
  }
  const bool is_older = domain::IsTerminal(job.state) && IsOfOlderRevision(job.request_json);
  ROLLCALL_TRY_ASSIGN(
      const auto submission,
      is_older ? SubmitAnew(job) : parts_.engine.Resume(job.id, {.skips_poison = skips_poison}));
  ROLLCALL_TRY_ASSIGN(Json view, queries_.DetailedView(submission.job.id));
  Json beside = OpenBeside(submission.job);
  ROLLCALL_TRY(BeginToWork());
  return Json{{"job", std::move(view)},
              {"existing", submission.is_existing},
              {"planned_anew", is_older},
              {"open_beside", std::move(beside)}};
}

Result<Json> EngineService::JobSettle(const Json& params) {
  constexpr std::chrono::seconds kLimit{10};
  ROLLCALL_TRY_ASSIGN(const store::Job job, queries_.FindJob(params));
  ROLLCALL_TRY(parts_.engine.Settle(job.id, kLimit));
  return Json::object();
}

// Whoever resumes by a name means the job of that name that was ended since its last success, not
// one with other parameters that waits or runs beside it; `job` if there is none.
Result<store::Job> EngineService::EndedNamesake(store::Job job) {
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  for (const store::Job& other : jobs) {
    if (other.public_id() != job.public_id() || !domain::IsTerminal(other.state)) continue;
    const bool was_ended =
        other.state == domain::JobState::kCancelled || other.state == domain::JobState::kFailed;
    if (was_ended && other.request_json != job.request_json) return other;
    break;
  }
  return job;
}

// --- Episodes

Result<Json> EngineService::EpisodeAdd(const Json& params) {
  ROLLCALL_TRY_ASSIGN(const std::string text, TextParam(params, "video", ""));
  const fs::path video = base::PathFromText(text);
  ROLLCALL_TRY_ASSIGN(const std::string key, TextParam(params, "episode", ""));
  if (!video.is_absolute()) {
    return domain::MakeError(reason::kBadRequest, "the video's path must be absolute");
  }
  const base::MutexLock lock(start_mutex_);
  ROLLCALL_TRY_ASSIGN(const Registration added, parts_.planner.Register(video, key));
  ROLLCALL_TRY(ProjectAdded(added.episode));
  ROLLCALL_TRY_ASSIGN(Json summary,
                      EpisodeSummary(parts_.store, parts_.data.root(), added.episode));
  summary["is_new"] = added.is_new;
  summary["video_path_before"] = added.has_moved() ? Json(added.path_before) : Json(nullptr);
  return summary;
}

// The files tell of an episode as soon as it is known, and of a new path.
Result<void> EngineService::ProjectAdded(const store::Episode& episode) {
  constexpr std::chrono::seconds kLimit{10};
  ROLLCALL_TRY_ASSIGN(const bool is_written, WriteFirstState(parts_.store, parts_.data, episode));
  if (is_written) return {};
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  for (const store::Job& job : jobs) {
    if (job.subject.id == episode.key) return parts_.engine.Settle(job.id, kLimit);
  }
  return {};
}

Result<Json> EngineService::EpisodeRemove(const Json& params) {
  ROLLCALL_TRY_ASSIGN(const std::string text, TextParam(params, "episode", ""));
  ROLLCALL_TRY_ASSIGN(const auto key, domain::EpisodeKey::Parse(text));
  ROLLCALL_TRY_ASSIGN(const bool keeps_files, control::FlagParam(params, "keep_files", false));
  const base::MutexLock lock(start_mutex_);
  if (auto removed = parts_.store.EpisodeRemove(key.text()); !removed.ok()) {
    // Forgotten before, when its files could not be removed or were to be kept: now they go.
    const bool is_forgotten = removed.error().reason == reason::kEpisodeNotRegistered;
    if (!is_forgotten || keeps_files || !HasFiles(parts_.data, key.text())) return removed.error();
    ROLLCALL_TRY(RefuseWhenWorkedOn(key.text()));
  }
  if (!keeps_files) ROLLCALL_TRY(RemoveFiles(parts_.data, key.text()));
  return Json{{"episode_key", key.text()}};
}

// Of an episode that the store does not know: nobody else asks whether a job of it is open.
Result<void> EngineService::RefuseWhenWorkedOn(const std::string& key) {
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  for (const store::Job& job : jobs) {
    if (job.subject.id != key || domain::IsTerminal(job.state)) continue;
    return domain::MakeError(reason::kJobAlreadyRunning, job.public_id() + " is open");
  }
  return {};
}

}  // namespace rollcall::app
