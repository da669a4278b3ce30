#include "episode/episode_views.h"

#include <string>
#include <utility>

#include "api/error_json.h"
#include "api/job_view.h"
#include "projection/gather.h"
#include "projection/job_views.h"

namespace rollcall::episode {
namespace {

using base::IsoTime;
using base::Json;
using base::Result;

// Where the zero of all times comes from.
constexpr std::string_view kTimeStage = "extract";

Json SummaryOf(const store::Episode& episode, const subject::SubjectKind& kind,
               const subject::SubjectFacts& all) {
  Json states = Json::object();
  Json timestamps = Json::object();
  Json status = Json::object();
  bool is_older = false;
  for (const subject::StageFacts& facts : all.stages) {
    is_older = is_older || (facts.last_good && kind.stages.IsOfOlderRevision(
                                                   facts.last_good->params_json, kTimeStage));
    const std::string& flag = facts.row->flag;
    states[flag] = facts.is_true();
    timestamps[flag] =
        facts.last_good ? Json(base::IsoTimeOrEmpty(facts.last_good->finished_at)) : Json();
    if (facts.shown) {
      status[facts.row->name] = domain::JobStateWord(facts.shown->run.state);
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

Result<Json> StageDetails(store::JobStore& store, const subject::StageFacts& facts) {
  Json stage{{"name", facts.row->name},   {"title", facts.row->title}, {"flag", facts.row->flag},
             {"done", facts.is_true()},   {"status", "never run"},     {"state", ""},
             {"generation", 0},           {"started_at", ""},          {"finished_at", ""},
             {"wait_reason", ""},         {"error", nullptr},          {"result", Json::object()},
             {"attempts", Json::array()}, {"artifacts", Json::array()}};
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
  stage["started_at"] = base::IsoTimeOrEmpty(run.started_at);
  stage["finished_at"] = base::IsoTimeOrEmpty(run.finished_at);
  stage["wait_reason"] = run.wait_reason;
  if (run.last_error) stage["error"] = api::ErrorToJson(*run.last_error);
  stage["result"] = base::ObjectFrom(run.result_json);
  ROLLCALL_TRY_ASSIGN(const auto attempts, store.AttemptList(run.id));
  stage["attempts"] = api::ToJson(projection::AttemptViewsOf(attempts));
  return stage;
}

}  // namespace

Result<Json> EpisodeSummary(const ViewSources& sources, const store::Episode& episode) {
  ROLLCALL_TRY_ASSIGN(const auto facts, projection::GatherSubject(sources.store, sources.vault,
                                                                  sources.kind, episode.key));
  return SummaryOf(episode, sources.kind, facts);
}

Result<Json> EpisodeDetails(const ViewSources& sources, const store::Episode& episode) {
  ROLLCALL_TRY_ASSIGN(const auto all, projection::GatherSubject(sources.store, sources.vault,
                                                                sources.kind, episode.key));
  Json details = SummaryOf(episode, sources.kind, all);
  details["stages"] = Json::array();
  for (const subject::StageFacts& facts : all.stages) {
    ROLLCALL_TRY_ASSIGN(Json stage, StageDetails(sources.store, facts));
    details["stages"].push_back(std::move(stage));
  }
  return details;
}

}  // namespace rollcall::episode
