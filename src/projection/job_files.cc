#include "projection/job_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "store/transitions.h"
#include "subject/document.h"

namespace rollcall::projection {
namespace {

using base::IsoTime;
using base::Json;
using domain::JobState;

Json IsoOrNull(const std::optional<base::WallTime>& time) {
  return time ? Json(IsoTime(*time)) : Json();
}

const store::Liveness* NewestLiveness(const RunFacts& facts) {
  if (facts.live) return &facts.live->liveness;
  return facts.view.lease ? &facts.view.lease->liveness : nullptr;
}

// {frames_done, frames_total, faces_detected, …, progress_at, updated_at}
Json ProgressJson(const RunFacts& facts) {
  Json result = Json::object();
  const store::Liveness* liveness = NewestLiveness(facts);
  if (liveness != nullptr && !liveness->unit.empty()) {
    result[liveness->unit + "_done"] = liveness->done;
    result[liveness->unit + "_total"] = liveness->total;
    result.update(base::ObjectFrom(liveness->counters_json));
  }
  const bool has_progress = facts.live && facts.live->progress_wall != base::WallTime{};
  if (has_progress) result["progress_at"] = IsoTime(facts.live->progress_wall);
  if (store::HasAttempt(facts.view.run.state)) result["updated_at"] = IsoTime(facts.now);
  return result;
}

Json StageJson(const RunFacts& facts) {
  const store::StageRun& run = facts.view.run;
  Json stage = {
      {"status", domain::JobStateWord(run.state)}, {"error", nullptr}, {"result", nullptr}};
  const bool shows_error = run.last_error && run.state != JobState::kSucceeded;
  if (shows_error) {
    stage["error"] = fmt::format("{}: {}", run.last_error->reason, run.last_error->message);
    stage["error_code"] = run.last_error->reason;
    stage["hint"] = run.last_error->hint;
  }
  if (run.state == JobState::kSucceeded) {
    stage["result"] = base::ObjectFrom(run.result_json);
  } else if (run.started_at) {
    stage["result"] = ProgressJson(facts);
  }
  return stage;
}

}  // namespace

std::optional<store::RunView> ShownGeneration(const std::vector<store::RunView>& history) {
  const store::RunView* shown = nullptr;
  const auto is_before = [](const store::RunView& a, const store::RunView& b) {
    const bool has_a = a.run.started_at.has_value();
    const bool has_b = b.run.started_at.has_value();
    return has_a != has_b ? has_b : a.run.generation < b.run.generation;
  };
  for (const store::RunView& view : history) {
    if (shown == nullptr || is_before(*shown, view)) shown = &view;
  }
  return shown == nullptr ? std::nullopt : std::optional(*shown);
}

std::string MetaJson(const RunFacts& facts) {
  const store::StageRun& run = facts.view.run;
  Json document = subject::DocumentHeading(facts.epoch, run.change);
  document["job_id"] = run.job_name();  // Here and in the lock file it is the name.
  document.update(facts.labels.current);
  document.update(facts.labels.fixed);
  document["mode"] = run.name;
  document["created_at"] = IsoTime(run.created_at);
  document["started_at"] = IsoOrNull(run.started_at);
  document["completed_at"] = IsoOrNull(run.finished_at);
  document["generation"] = run.generation;
  if (facts.view.lease) document["attempt"] = facts.view.lease->attempt_number;
  document["state"] = domain::JobStateName(run.state);
  if (!run.wait_reason.empty()) document["wait_reason"] = run.wait_reason;
  if (const store::Liveness* liveness = NewestLiveness(facts);
      liveness && store::HasAttempt(run.state)) {
    document["phase"] = domain::PhaseName(liveness->phase);
    document["is_stalled"] = liveness->is_stalled;
  }
  document["stages"] = {{run.name, StageJson(facts)}};
  return subject::DocumentText(document);
}

std::string LockJson(const store::RunView& view) {
  Json document = {{"job_id", view.run.job_name()}, {"pid", nullptr}, {"started_at", nullptr}};
  if (view.lease) {
    document["pid"] = view.lease->pid;
    document["started_at"] = IsoTime(view.lease->started_at);
  }
  return subject::DocumentText(document);
}

}  // namespace rollcall::projection
