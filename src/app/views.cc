#include "app/views.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "api/error_json.h"
#include "app/stages.h"
#include "control/protocol.h"
#include "domain/reasons.h"
#include "domain/stage.h"
#include "projection/projection.h"
#include "projection/subject_facts.h"

namespace rollcall::app {
namespace {

using base::IsoTime;
using base::Json;
using base::Result;
using domain::JobState;
using Seconds = std::chrono::duration<double>;

Json ObjectFrom(const std::string& text) {
  auto json = base::ParseJson(text, "json");
  return json.ok() && json->is_object() ? std::move(*json) : Json::object();
}

std::string IsoOrEmpty(const std::optional<base::WallTime>& time) {
  return time ? IsoTime(*time) : std::string{};
}

std::optional<double> CountOf(const std::optional<Seconds>& time) {
  return time ? std::optional(time->count()) : std::nullopt;
}

api::StageView StageViewOf(const projection::StageSnapshot& stage, const std::string& subject_id,
                           base::WallTime now) {
  api::StageView view;
  view.name = stage.name;
  view.public_id = stage.name + "_" + subject_id;
  view.state = stage.state;
  view.is_reused = stage.state == JobState::kSkipped;
  view.is_stalled = stage.is_stalled;
  view.generation = stage.generation;
  view.attempt = stage.attempt_number;
  view.wait_reason = stage.wait_reason;
  view.unit = stage.unit;
  view.done = stage.done;
  view.total = stage.total;
  view.rate = stage.rate;
  view.realtime_factor = stage.realtime_factor;
  view.counters = ObjectFrom(stage.counters_json);
  view.result = ObjectFrom(stage.result_json);
  const bool has_error = stage.state == JobState::kFailed || stage.state == JobState::kRetryWait;
  if (has_error || stage.is_stalled) view.error = stage.error;
  if (stage.time_left) {
    view.eta_p50_s = stage.time_left->p50.count();
    view.eta_p90_s = stage.time_left->p90.count();
  }
  if (stage.attempt_number > 0) {
    view.phase = domain::PhaseName(stage.phase);
    view.pulse_age_s = CountOf(stage.since_pulse);
    view.progress_age_s = CountOf(stage.since_progress);
    view.budget_s = CountOf(stage.budget);
    view.budget_used_s = CountOf(stage.budget_used);
  }
  if (stage.started_at) {
    view.elapsed_s = Seconds(stage.finished_at.value_or(now) - *stage.started_at).count();
  }
  return view;
}

Json SummaryOf(const store::Episode& episode, const std::vector<projection::StageFacts>& stages) {
  Json states = Json::object();
  Json timestamps = Json::object();
  Json status = Json::object();
  bool is_older = false;
  for (const projection::StageFacts& facts : stages) {
    is_older = is_older || (facts.last_good && IsOfOlderRevision(facts.last_good->params_json));
    const std::string flag(domain::StageFlag(facts.stage));
    states[flag] = facts.is_true();
    timestamps[flag] = facts.last_good ? Json(IsoOrEmpty(facts.last_good->finished_at)) : Json();
    if (facts.shown) {
      status[std::string(domain::StageName(facts.stage))] =
          domain::JobStateWord(facts.shown->run.state);
    }
  }
  return {{"episode_key", episode.key},
          {"display", episode.display},
          {"video_path", episode.video_path},
          {"fingerprint", episode.fingerprint},
          {"created_at", IsoTime(episode.created_at)},
          // Of an older program: its times may count from another zero.
          {"older_results", is_older},
          {"states", std::move(states)},
          {"timestamps", std::move(timestamps)},
          {"status", std::move(status)}};
}

std::vector<api::AttemptView> ViewsOf(const std::vector<store::Attempt>& attempts) {
  std::vector<api::AttemptView> views;
  for (const store::Attempt& attempt : attempts) {
    views.push_back({.number = attempt.number,
                     .started_at = IsoTime(attempt.started_at),
                     .ended_at = IsoOrEmpty(attempt.ended_at),
                     .outcome = std::string(
                         attempt.outcome ? store::AttemptOutcomeName(*attempt.outcome) : "running"),
                     .error_reason = attempt.error_reason,
                     .exit = attempt.exit,
                     .rss_peak_bytes = attempt.rss_peak_bytes});
  }
  return views;
}

// The attempts, and what of an ended stage's time is in none of them: after an interruption it
// waited, for space on a full disk perhaps.
Result<void> AddAttempts(store::JobStore& store, const projection::StageSnapshot& snapshot,
                         api::StageView& stage) {
  ROLLCALL_TRY_ASSIGN(const auto attempts, store.AttemptList(snapshot.run));
  stage.attempts = ViewsOf(attempts);
  if (!snapshot.started_at || !snapshot.finished_at) return {};
  Seconds waited = *snapshot.finished_at - *snapshot.started_at;
  for (const store::Attempt& attempt : attempts) {
    waited -= attempt.ended_at.value_or(attempt.started_at) - attempt.started_at;
  }
  stage.waited_s = std::max(0.0, waited.count());
  return {};
}

Result<Json> StageDetails(store::JobStore& store, const projection::StageFacts& facts) {
  Json stage{{"name", domain::StageName(facts.stage)},
             {"flag", domain::StageFlag(facts.stage)},
             {"done", facts.is_true()},
             {"status", "never run"},
             {"state", ""},
             {"generation", 0},
             {"started_at", ""},
             {"finished_at", ""},
             {"wait_reason", ""},
             {"error", nullptr},
             {"result", Json::object()},
             {"attempts", Json::array()},
             {"artifacts", Json::array()}};
  for (const domain::Artifact& artifact : facts.artifacts) {
    stage["artifacts"].push_back({{"name", artifact.name},
                                  {"path", artifact.path},
                                  {"size_bytes", artifact.size_bytes},
                                  {"sha256", artifact.sha256},
                                  {"count", artifact.count}});
  }
  if (!facts.shown) return stage;
  const store::StageRun& run = facts.shown->run;
  stage["status"] = domain::JobStateWord(run.state);
  stage["state"] = domain::JobStateName(run.state);
  stage["generation"] = run.generation;
  stage["started_at"] = IsoOrEmpty(run.started_at);
  stage["finished_at"] = IsoOrEmpty(run.finished_at);
  stage["wait_reason"] = run.wait_reason;
  if (run.last_error) stage["error"] = api::ErrorToJson(*run.last_error);
  stage["result"] = ObjectFrom(run.result_json);
  ROLLCALL_TRY_ASSIGN(const auto attempts, store.AttemptList(run.id));
  stage["attempts"] = api::ToJson(ViewsOf(attempts));
  return stage;
}

}  // namespace

api::JobView ViewOf(const projection::JobSnapshot& snapshot, base::WallTime now) {
  api::JobView view;
  view.id = static_cast<std::int64_t>(snapshot.job.id);
  view.public_id = snapshot.job.public_id();
  view.kind = snapshot.job.kind;
  view.subject_kind = snapshot.job.subject.kind;
  view.subject_id = snapshot.job.subject.id;
  view.state = snapshot.job.state;
  view.created_at = IsoTime(snapshot.job.created_at);
  view.finished_at = IsoOrEmpty(snapshot.job.finished_at);
  view.request = ObjectFrom(snapshot.job.request_json);
  view.is_worked_on = snapshot.working == projection::Working::kYes;
  const auto& unseen = snapshot.projection_error;
  if (snapshot.disk_error) view.troubles.push_back(*snapshot.disk_error);
  if (snapshot.unrecorded_cancel) view.troubles.push_back(*snapshot.unrecorded_cancel);
  const bool is_said = snapshot.disk_error && unseen && domain::IsDiskFull(*unseen);
  if (unseen && !is_said) view.troubles.push_back(*unseen);
  for (const projection::StageSnapshot& stage : snapshot.stages) {
    view.stages.push_back(StageViewOf(stage, view.subject_id, now));
  }
  return view;
}

Result<void> AddRestarts(store::JobStore& store, const projection::JobSnapshot& snapshot,
                         api::JobView& view) {
  for (std::size_t i = 0; i < snapshot.stages.size(); ++i) {
    const projection::StageSnapshot& stage = snapshot.stages[i];
    // An ended one may have waited for space, which is counted nowhere else.
    if (stage.attempt_number < 2 && !stage.finished_at) continue;
    ROLLCALL_TRY(AddAttempts(store, stage, view.stages[i]));
  }
  return {};
}

Result<void> AddHistory(store::JobStore& store, const projection::JobSnapshot& snapshot,
                        api::JobView& view) {
  for (std::size_t i = 0; i < snapshot.stages.size(); ++i) {
    const store::StageRunId run_id = snapshot.stages[i].run;
    api::StageView& stage = view.stages[i];
    ROLLCALL_TRY(AddAttempts(store, snapshot.stages[i], stage));
    if (stage.attempt == 0) stage.attempt = static_cast<int>(stage.attempts.size());
    if (domain::IsTerminal(snapshot.stages[i].state)) continue;
    ROLLCALL_TRY_ASSIGN(const auto run, store.RunGet(run_id));
    ROLLCALL_TRY_ASSIGN(const auto segments, store.SegmentList(run.work_key));
    stage.segments = static_cast<std::int64_t>(segments.size());
  }
  return {};
}

Result<Json> EpisodeSummary(store::JobStore& store, const std::filesystem::path& data_dir,
                            const store::Episode& episode) {
  ROLLCALL_TRY_ASSIGN(const auto facts,
                      projection::GatherSubject(store, data_dir, {"episode", episode.key}));
  return SummaryOf(episode, facts.stages);
}

Result<Json> EpisodeDetails(store::JobStore& store, const std::filesystem::path& data_dir,
                            const store::Episode& episode) {
  ROLLCALL_TRY_ASSIGN(const auto all,
                      projection::GatherSubject(store, data_dir, {"episode", episode.key}));
  Json details = SummaryOf(episode, all.stages);
  details["stages"] = Json::array();
  for (const projection::StageFacts& facts : all.stages) {
    ROLLCALL_TRY_ASSIGN(Json stage, StageDetails(store, facts));
    details["stages"].push_back(std::move(stage));
  }
  return details;
}

}  // namespace rollcall::app
