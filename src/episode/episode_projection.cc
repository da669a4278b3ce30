#include "episode/episode_projection.h"

#include <string_view>

namespace rollcall::episode {
namespace {

using base::IsoTime;
using base::Json;
using base::Result;
using subject::Document;
using subject::SubjectFacts;

struct EpisodePlace {
  Json show;
  Json season;
  Json episode;
};

bool IsNumbered(std::string_view text, char letter) {
  return text.size() > 1 && text.front() == letter &&
         text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// The parts of `show_s05_e03`, or `show_s05_e03-2`; null where a key does not have them.
EpisodePlace PlaceOf(std::string_view key) {
  const std::size_t before_episode = key.rfind('_');
  if (before_episode == std::string_view::npos) return {};
  const std::string_view last = key.substr(before_episode + 1);
  const std::string_view episode = last.substr(0, last.find('-'));
  const std::string_view suffix = last.substr(episode.size());
  const std::string_view rest = key.substr(0, before_episode);
  const std::size_t before_season = rest.rfind('_');
  const bool has_show = before_season != std::string_view::npos;
  const std::string_view season = has_show ? rest.substr(before_season + 1) : rest;
  const bool is_place = IsNumbered(season, 's') && IsNumbered(episode, 'e') &&
                        (suffix.empty() || IsNumbered(suffix, '-')) && before_season != 0;
  if (!is_place) return {};
  return {.show = has_show ? Json(rest.substr(0, before_season)) : Json(),
          .season = season,
          .episode = episode};
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

Json PathsJson(const std::string& key) {
  return {{"root", "harvest/" + key},
          {"manifests_dir", "harvest/" + key},
          {"stills_dir", "harvest/" + key + "/stills"},
          {"outputs_dir", "outputs/" + key},
          {"frames_dir", nullptr}};  // Frames are not kept as files.
}

base::WallTime LastChange(const SubjectFacts& facts, const std::optional<store::Episode>& episode) {
  return facts.LastTransition(episode ? episode->created_at : base::WallTime{});
}

Result<std::optional<store::Episode>> Registered(store::JobStore& store, std::string_view key) {
  auto episode = store.EpisodeGet(key);
  if (episode.ok()) return std::optional<store::Episode>(*std::move(episode));
  if (episode.error().code == base::ErrorCode::kNotFound) return std::optional<store::Episode>{};
  return std::move(episode).error();
}

std::filesystem::path FolderOf(const SubjectFacts& facts) {
  return std::filesystem::path("episodes") / facts.subject.id;
}

}  // namespace

std::string StateJson(const SubjectFacts& facts, const std::optional<store::Episode>& episode) {
  const std::string& key = facts.subject.id;
  const EpisodePlace place = PlaceOf(key);
  Json document = subject::DocumentHeading(facts.epoch, facts.seq());
  document["episode_key"] = key;
  document["episode_id"] = episode ? episode->display : key;
  document["show"] = place.show;
  document["season"] = place.season;
  document["episode"] = place.episode;
  document["video_path"] = episode ? Json(episode->video_path) : Json();
  document["paths"] = PathsJson(key);
  Json states = Json::object();
  Json timestamps = Json::object();
  Json results = Json::object();
  timestamps["created"] = episode ? Json(IsoTime(episode->created_at)) : Json();
  timestamps["last_modified"] = IsoTime(LastChange(facts, episode));
  for (const subject::StageFacts& stage : facts.stages) {
    const std::string& flag = stage.row->flag;
    if (flag.empty()) continue;
    states[flag] = stage.is_true();
    if (!stage.last_good) continue;
    const auto& finished = stage.last_good->finished_at;
    timestamps[flag] = finished ? Json(IsoTime(*finished)) : Json();
    results[flag] = ArtifactsJson(stage.artifacts);
  }
  document["states"] = std::move(states);
  document["timestamps"] = std::move(timestamps);
  document["results"] = std::move(results);
  return subject::DocumentText(document);
}

std::string RuntimeJson(const SubjectFacts& facts, const std::optional<store::Episode>& episode,
                        base::WallTime now) {
  Json document = subject::DocumentHeading(facts.epoch, facts.seq());
  document["episode_key"] = facts.subject.id;
  Json active = Json::object();
  for (const subject::StageFacts& stage : facts.stages) {
    if (stage.is_active()) active[stage.row->name] = stage.shown->run.job_name();
  }
  // An idle file is the same however often it is written.
  document["updated_at"] = IsoTime(active.empty() ? LastChange(facts, episode) : now);
  document["active_jobs"] = std::move(active);
  return subject::DocumentText(document);
}

Result<subject::Labels> EpisodeProjection::LabelsOf(store::JobStore& store,
                                                    const store::Subject& subject) const {
  ROLLCALL_TRY_ASSIGN(const auto episode, Registered(store, subject.id));
  return subject::Labels{.fixed = {{"episode_key", subject.id},
                                   {"registry_path", "episodes/" + subject.id + "/state.json"}},
                         .current = {{"episode_id", episode ? episode->display : subject.id},
                                     {"video_path", episode ? Json(episode->video_path) : Json()}}};
}

Result<Document> EpisodeProjection::Registry(store::JobStore& store,
                                             const SubjectFacts& facts) const {
  ROLLCALL_TRY_ASSIGN(const auto episode, Registered(store, facts.subject.id));
  return Document{.path = FolderOf(facts) / "state.json", .text = StateJson(facts, episode)};
}

Result<Document> EpisodeProjection::Activity(store::JobStore& store, const SubjectFacts& facts,
                                             base::WallTime now) const {
  ROLLCALL_TRY_ASSIGN(const auto episode, Registered(store, facts.subject.id));
  return Document{.path = FolderOf(facts) / "runtime.json",
                  .text = RuntimeJson(facts, episode, now)};
}

Result<std::vector<std::string>> EpisodeProjection::Known(store::JobStore& store) const {
  ROLLCALL_TRY_ASSIGN(const auto episodes, store.EpisodeList());
  std::vector<std::string> keys;
  for (const store::Episode& episode : episodes) keys.push_back(episode.key);
  return keys;
}

}  // namespace rollcall::episode
