#include "api/job_view.h"

#include <algorithm>
#include <utility>

#include "api/error_json.h"
#include "domain/reasons.h"

namespace rollcall::api {
namespace {

using base::Json;
using base::Result;
using domain::JobState;

Json Maybe(const std::optional<double>& number) { return number ? Json(*number) : Json(nullptr); }

std::optional<double> MaybeNumber(const Json& json, const char* name) {
  const Json& member = json.at(name);
  return member.is_null() ? std::nullopt : std::optional<double>(member.get<double>());
}

std::int64_t CountOr0(const Json& json, const char* name) {
  const Json& member = json.at(name);
  return member.is_null() ? 0 : member.get<std::int64_t>();
}

JobState StateOf(const Json& json) {
  const auto name = json.at("state").get<std::string>();
  const auto state = domain::JobStateFromName(name);
  if (!state) throw Json::other_error::create(501, "unknown state " + name, &json);
  return *state;
}

AttemptView AttemptFromJson(const Json& json) {
  AttemptView attempt;
  json.at("number").get_to(attempt.number);
  json.at("started_at").get_to(attempt.started_at);
  json.at("ended_at").get_to(attempt.ended_at);
  json.at("outcome").get_to(attempt.outcome);
  json.at("error").get_to(attempt.error_reason);
  json.at("exit").get_to(attempt.exit);
  json.at("rss_peak_bytes").get_to(attempt.rss_peak_bytes);
  return attempt;
}

Json StageToJson(const StageView& stage) {
  // What a stage had counted goes with its attempt; what came of it stands in `result`.
  const bool has_count = !domain::IsTerminal(stage.state);
  return {{"name", stage.name},
          {"job", stage.job},
          {"status", domain::JobStateWord(stage.state)},
          {"state", domain::JobStateName(stage.state)},
          {"reused", stage.is_reused},
          {"stalled", stage.is_stalled},
          {"generation", stage.generation},
          {"attempt", stage.attempt},
          {"pid", stage.pid},
          {"wait_reason", stage.wait_reason},
          {"phase", stage.phase},
          {"phase_budget_s", Maybe(stage.budget_s)},
          {"phase_budget_used_s", Maybe(stage.budget_used_s)},
          {"done", has_count ? Json(stage.done) : Json(nullptr)},
          {"total", has_count ? Json(stage.total) : Json(nullptr)},
          {"unit", stage.unit},
          {"rate", stage.rate},
          {"realtime_factor", stage.realtime_factor},
          {"eta_p50_s", Maybe(stage.eta_p50_s)},
          {"eta_p90_s", Maybe(stage.eta_p90_s)},
          {"pulse_age_s", Maybe(stage.pulse_age_s)},
          {"progress_age_s", Maybe(stage.progress_age_s)},
          {"elapsed_s", Maybe(stage.elapsed_s)},
          {"waited_s", Maybe(stage.waited_s)},
          {"segments", stage.segments},
          {"attempts", ToJson(stage.attempts)},
          {"counters", stage.counters},
          {"result", stage.result},
          {"error", stage.error ? ErrorToJson(*stage.error) : Json(nullptr)}};
}

StageView StageFromJson(const Json& json) {
  StageView stage;
  json.at("name").get_to(stage.name);
  json.at("job").get_to(stage.job);
  stage.state = StateOf(json);
  json.at("reused").get_to(stage.is_reused);
  json.at("stalled").get_to(stage.is_stalled);
  json.at("generation").get_to(stage.generation);
  json.at("attempt").get_to(stage.attempt);
  json.at("pid").get_to(stage.pid);
  json.at("wait_reason").get_to(stage.wait_reason);
  json.at("phase").get_to(stage.phase);
  stage.budget_s = MaybeNumber(json, "phase_budget_s");
  stage.budget_used_s = MaybeNumber(json, "phase_budget_used_s");
  stage.done = CountOr0(json, "done");
  stage.total = CountOr0(json, "total");
  json.at("unit").get_to(stage.unit);
  json.at("rate").get_to(stage.rate);
  json.at("realtime_factor").get_to(stage.realtime_factor);
  stage.eta_p50_s = MaybeNumber(json, "eta_p50_s");
  stage.eta_p90_s = MaybeNumber(json, "eta_p90_s");
  stage.pulse_age_s = MaybeNumber(json, "pulse_age_s");
  stage.progress_age_s = MaybeNumber(json, "progress_age_s");
  stage.elapsed_s = MaybeNumber(json, "elapsed_s");
  stage.waited_s = MaybeNumber(json, "waited_s");
  json.at("segments").get_to(stage.segments);
  for (const Json& attempt : json.at("attempts")) {
    stage.attempts.push_back(AttemptFromJson(attempt));
  }
  stage.counters = json.at("counters");
  stage.result = json.at("result");
  if (const Json& error = json.at("error"); !error.is_null()) stage.error = ErrorFromJson(error);
  return stage;
}

}  // namespace

const StageView* JobView::CurrentStage() const {
  const auto is_live = [](const StageView& stage) {
    return stage.state == JobState::kRunning || stage.state == JobState::kLeased ||
           stage.state == JobState::kCancelling;
  };
  auto found = std::find_if(stages.begin(), stages.end(), is_live);
  if (found == stages.end()) {
    found = std::find_if(stages.begin(), stages.end(),
                         [](const StageView& stage) { return !domain::IsTerminal(stage.state); });
  }
  return found == stages.end() ? nullptr : &*found;
}

const StageView* JobView::FailedStage() const {
  const auto found = std::find_if(stages.begin(), stages.end(), [](const StageView& stage) {
    return stage.state == JobState::kFailed;
  });
  return found == stages.end() ? nullptr : &*found;
}

const base::Error* JobView::DiskError() const {
  const auto found = std::find_if(troubles.begin(), troubles.end(), domain::IsDiskFull);
  return found == troubles.end() ? nullptr : &*found;
}

Json ToJson(const std::vector<AttemptView>& attempts) {
  Json list = Json::array();
  for (const AttemptView& attempt : attempts) {
    list.push_back({{"number", attempt.number},
                    {"started_at", attempt.started_at},
                    {"ended_at", attempt.ended_at},
                    {"outcome", attempt.outcome},
                    {"error", attempt.error_reason},
                    {"exit", attempt.exit},
                    {"rss_peak_bytes", attempt.rss_peak_bytes}});
  }
  return list;
}

Json ToJson(const JobView& view) {
  Json stages = Json::array();
  for (const StageView& stage : view.stages) stages.push_back(StageToJson(stage));
  Json troubles = Json::array();
  for (const base::Error& trouble : view.troubles) troubles.push_back(ErrorToJson(trouble));
  return {{"job_id", view.job_id},
          {"job", view.name},
          {"kind", view.kind},
          {"subject_kind", view.subject_kind},
          {"subject_id", view.subject_id},
          {"status", domain::JobStateWord(view.state)},
          {"state", domain::JobStateName(view.state)},
          {"created_at", view.created_at},
          {"finished_at", view.finished_at},
          {"request", view.request},
          {"worked_on", view.is_worked_on},
          {"troubles", std::move(troubles)},
          {"stages", std::move(stages)}};
}

Result<std::vector<AttemptView>> AttemptsFromJson(const Json& json) {
  try {
    std::vector<AttemptView> attempts;
    for (const Json& attempt : json) attempts.push_back(AttemptFromJson(attempt));
    return attempts;
  } catch (const Json::exception& error) {
    return domain::MakeError(domain::reason::kBadRequest,
                             std::string("the engine sent no attempts: ") + error.what());
  }
}

Result<JobView> JobViewFromJson(const Json& json) {
  try {
    JobView view;
    json.at("job_id").get_to(view.job_id);
    json.at("job").get_to(view.name);
    json.at("kind").get_to(view.kind);
    json.at("subject_kind").get_to(view.subject_kind);
    json.at("subject_id").get_to(view.subject_id);
    view.state = StateOf(json);
    json.at("created_at").get_to(view.created_at);
    json.at("finished_at").get_to(view.finished_at);
    view.request = json.at("request");
    json.at("worked_on").get_to(view.is_worked_on);
    for (const Json& trouble : json.at("troubles")) {
      view.troubles.push_back(ErrorFromJson(trouble));
    }
    for (const Json& stage : json.at("stages")) view.stages.push_back(StageFromJson(stage));
    return view;
  } catch (const Json::exception& error) {
    return domain::MakeError(domain::reason::kBadRequest,
                             std::string("the engine sent no job: ") + error.what());
  }
}

}  // namespace rollcall::api
