#include "projection/projection.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "base/json.h"

namespace rollcall::projection {
namespace {

using base::IsoTime;
using base::Json;
using domain::JobState;

std::string Text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json IsoOrNull(const std::optional<base::WallTime>& time) {
  return time ? Json(IsoTime(*time)) : Json();
}

Json ObjectFrom(std::string_view json) {
  auto parsed = base::ParseJson(json, "json");
  return parsed.ok() && parsed->is_object() ? *std::move(parsed) : Json::object();
}

bool IsRunning(JobState state) {
  return state == JobState::kLeased || state == JobState::kRunning ||
         state == JobState::kCancelling;
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
    result.update(ObjectFrom(liveness->counters_json));
  }
  const bool has_progress = facts.live && facts.live->progress_wall != base::WallTime{};
  if (has_progress) result["progress_at"] = IsoTime(facts.live->progress_wall);
  if (IsRunning(facts.view.run.state)) result["updated_at"] = IsoTime(facts.now);
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
    stage["result"] = ObjectFrom(run.result_json);
  } else if (run.started_at) {
    stage["result"] = ProgressJson(facts);
  }
  return stage;
}

struct EpisodePlace {
  Json show;
  Json season;
  Json episode;
};

// The parts of `show_s05_e03`; null where a key does not have them.
EpisodePlace PlaceOf(const std::string& key) {
  static const std::regex kPattern("^(?:(.+)_)?(s[0-9]+)_(e[0-9]+)(?:-[0-9]+)?$");
  std::smatch parts;
  if (!std::regex_match(key, parts, kPattern)) return {};
  return {.show = parts[1].matched ? Json(parts[1].str()) : Json(),
          .season = parts[2].str(),
          .episode = parts[3].str()};
}

Json ArtifactsJson(const std::vector<domain::Artifact>& artifacts) {
  Json list = Json::array();
  for (const domain::Artifact& artifact : artifacts) {
    list.push_back({{"name", artifact.name},
                    {"path", artifact.path},
                    {"sha256", artifact.sha256},
                    {"size_bytes", artifact.size_bytes}});
  }
  return list;
}

// When anything about the subject last changed its state; what a stage does in between is not
// meant.
base::WallTime LastTransition(const SubjectFacts& facts) {
  base::WallTime last = facts.episode ? facts.episode->created_at : base::WallTime{};
  for (const StageFacts& stage : facts.stages) {
    if (!stage.shown) continue;
    const store::StageRun& run = stage.shown->run;
    last = std::max(
        {last, run.created_at, run.started_at.value_or(last), run.finished_at.value_or(last)});
  }
  return last;
}

std::int64_t Sequence(const SubjectFacts& facts) {
  std::int64_t seq = 0;
  for (const StageFacts& stage : facts.stages) {
    if (stage.shown) seq = std::max(seq, stage.shown->run.change);
  }
  return seq;
}

Json Heading(const std::string& epoch, std::int64_t seq) {
  return {{"schema", kProjectionSchema}, {"epoch", epoch}, {"seq", seq}};
}

Json PathsJson(const std::string& key) {
  return {{"root", "harvest/" + key},
          {"manifests_dir", "harvest/" + key},
          {"stills_dir", "harvest/" + key + "/stills"},
          {"outputs_dir", "outputs/" + key},
          {"frames_dir", nullptr}};  // Frames are not kept as files.
}

}  // namespace

bool StageFacts::is_true() const {
  return shown && shown->run.state == JobState::kSucceeded && has_artifacts;
}

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

bool IsActive(const store::StageRun& run) {
  return !domain::IsTerminal(run.state) && (run.started_at || IsRunning(run.state));
}

std::string MetaJson(const RunFacts& facts) {
  const store::StageRun& run = facts.view.run;
  Json document = Heading(facts.epoch, run.change);
  document["job_id"] = run.public_id();
  document["episode_id"] = facts.episode ? facts.episode->display : run.subject.id;
  document["episode_key"] = run.subject.id;
  document["video_path"] = facts.episode ? Json(facts.episode->video_path) : Json();
  document["mode"] = run.name;
  document["created_at"] = IsoTime(run.created_at);
  document["started_at"] = IsoOrNull(run.started_at);
  document["completed_at"] = IsoOrNull(run.finished_at);
  document["registry_path"] = "episodes/" + run.subject.id + "/state.json";
  document["generation"] = run.generation;
  if (facts.view.lease) document["attempt"] = facts.view.lease->attempt_number;
  document["state"] = domain::JobStateName(run.state);
  if (!run.wait_reason.empty()) document["wait_reason"] = run.wait_reason;
  if (const store::Liveness* liveness = NewestLiveness(facts); liveness && IsRunning(run.state)) {
    document["phase"] = domain::PhaseName(liveness->phase);
    document["is_stalled"] = liveness->is_stalled;
  }
  document["stages"] = {{run.name, StageJson(facts)}};
  return Text(document);
}

std::string LockJson(const store::RunView& view) {
  Json document = {{"job_id", view.run.public_id()}, {"pid", nullptr}, {"started_at", nullptr}};
  if (view.lease) {
    document["pid"] = view.lease->pid;
    document["started_at"] = IsoTime(view.lease->started_at);
  }
  return Text(document);
}

std::string StateJson(const SubjectFacts& facts) {
  const std::string& key = facts.subject.id;
  const EpisodePlace place = PlaceOf(key);
  Json document = Heading(facts.epoch, Sequence(facts));
  document["episode_key"] = key;
  document["episode_id"] = facts.episode ? facts.episode->display : key;
  document["show"] = place.show;
  document["season"] = place.season;
  document["episode"] = place.episode;
  document["video_path"] = facts.episode ? Json(facts.episode->video_path) : Json();
  document["paths"] = PathsJson(key);

  Json states = Json::object();
  Json timestamps = Json::object();
  Json results = Json::object();
  timestamps["created"] = facts.episode ? Json(IsoTime(facts.episode->created_at)) : Json();
  timestamps["last_modified"] = IsoTime(LastTransition(facts));
  for (const StageFacts& stage : facts.stages) {
    const std::string flag(domain::StageFlag(stage.stage));
    states[flag] = stage.is_true();
    if (!stage.last_good) continue;
    timestamps[flag] = IsoOrNull(stage.last_good->finished_at);
    results[flag] = ArtifactsJson(stage.artifacts);
  }
  document["states"] = std::move(states);
  document["timestamps"] = std::move(timestamps);
  document["results"] = std::move(results);
  return Text(document);
}

std::string RuntimeJson(const SubjectFacts& facts, base::WallTime now) {
  Json document = Heading(facts.epoch, Sequence(facts));
  document["episode_key"] = facts.subject.id;
  Json active = Json::object();
  for (const StageFacts& stage : facts.stages) {
    if (stage.shown && IsActive(stage.shown->run)) {
      active[std::string(domain::StageName(stage.stage))] = stage.shown->run.public_id();
    }
  }
  // An idle file is the same however often it is written.
  document["updated_at"] = IsoTime(active.empty() ? LastTransition(facts) : now);
  document["active_jobs"] = std::move(active);
  return Text(document);
}

}  // namespace rollcall::projection
