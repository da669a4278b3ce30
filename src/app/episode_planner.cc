#include "app/episode_planner.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "api/params.h"
#include "app/stages.h"
#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "control/protocol.h"
#include "domain/job_state.h"
#include "domain/reasons.h"
#include "store/poison.h"
#include "vision/model_pack.h"
#include "vision/runtime/session.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
using domain::EpisodeKey;
using domain::MakeError;
namespace reason = domain::reason;

// A key that needs more suffixes than this has another problem.
constexpr int kSuffixMax = 1000;

// A path as the store has it, in a sentence.
std::string ShownPath(std::string_view stored) {
  return base::Shown(base::PathFromText(stored).native());
}

// The pack as a job's parameters have it. A pack that cannot be read gives no models: detect then
// says what is wrong, in its state and its log.
struct Models {
  std::string name;
  Json list = Json::array();      // For the report: role, name, kind, sha256.
  Json identity = Json::array();  // What detect's result depends on.
  float same_person = vision::ModelPack::Thresholds{}.same_person;
};

Models DescribeModels(const fs::path& folder) {
  Models models;
  models.name = base::ShownBytes(folder.filename().native());
  const auto pack = vision::ModelPack::Load(folder);
  if (!pack.ok()) {
    models.identity.push_back(pack.error().reason);
    return models;
  }
  models.name = pack->name();
  models.same_person = pack->thresholds().same_person;
  for (const vision::PackRole& role : pack->roles()) {
    if (role.role != "detector" && role.role != "landmarks" && role.role != "embedder") continue;
    models.list.push_back(
        {{"role", role.role}, {"name", role.file}, {"kind", role.kind}, {"sha256", role.sha256}});
    // The numbers beside the files (thresholds, sizes) are part of what the models do. Those of
    // roles that are not used are not: a new expression model makes nothing stale here.
    models.identity.push_back({role.role, role.sha256, role.table_sha256});
  }
  return models;
}

// What changes the stage's own result, apart from its inputs.
Json ParametersOf(domain::Stage stage, const StartRequest& request, const Models& models) {
  switch (stage) {
    case domain::Stage::kExtract:
      return {{"effort", request.effort}};
    case domain::Stage::kDetect:
      return {
          {"effort", request.effort}, {"provider", request.provider}, {"models", models.identity}};
    case domain::Stage::kAnalytics:
      return {{"edit_sequence", 0}};
    default:
      return Json::object();
  }
}

std::string WorkKey(const store::Subject& subject, const WiredStage& stage, const Json& parameters,
                    const Json& inputs) {
  const Json identity{{"subject", {subject.kind, subject.id}},
                      {"stage", stage.name()},
                      {"revision", stage.revision},
                      {"parameters", parameters},
                      {"inputs", inputs}};
  return base::Sha256(identity.dump());
}

Json HandlerParameters(const store::Episode& episode, const StartRequest& request,
                       const Models& models) {
  return {{"video_path", episode.video_path},
          {"fingerprint", episode.fingerprint},
          {"episode_key", episode.key},
          {"display", episode.display},
          {"effort", request.effort},
          {"model_pack", models.name},
          {"model_pack_path", base::PathToText(request.model_pack)},
          {"models", models.list},
          {"provider", request.provider},
          {"edit_sequence", 0},
          {"revisions", StageRevisions()},
          {"settings", {{"cluster_cosine_min", models.same_person}}}};
}

// From which stage on everything runs again; nullopt if nothing does.
Result<std::optional<domain::Stage>> RerunFrom(const StartRequest& request) {
  if (!request.from.empty()) {
    const WiredStage* from = FindWiredStage(request.from);
    if (from == nullptr) {
      return MakeError(reason::kBadParams, "there is no stage \"" + request.from + "\"");
    }
    return std::optional(from->stage);
  }
  if (!request.is_forced) return std::optional<domain::Stage>{};
  const WiredStage* own = FindWiredStage(request.kind);
  return std::optional(own == nullptr ? domain::Stage::kValidate : own->stage);
}

Result<EpisodeKey> KeyFor(const std::string& title, const std::string& key_text,
                          const std::string& fingerprint) {
  if (!key_text.empty()) return EpisodeKey::Parse(key_text);
  auto key = EpisodeKey::FromTitle(title);
  return key.ok() ? std::move(key) : EpisodeKey::OfVideo(fingerprint);
}

Result<Registration> AsNew(Result<store::Episode> episode) {
  if (!episode.ok()) return std::move(episode).error();
  return Registration{.episode = *std::move(episode), .is_new = true, .path_before = {}};
}

std::set<std::string> TextsOf(const Json& list) {
  std::set<std::string> texts;
  for (const Json& entry : list) texts.insert(entry.dump());
  return texts;
}

base::Error NotFinished(const store::StageRun& run, std::string_view consequence) {
  return MakeError(reason::kJobAlreadyRunning,
                   fmt::format("{} is not finished; {}", run.public_id(), consequence),
                   fmt::format("wait with `rollcall jobs wait {0}`, or end it with "
                               "`rollcall jobs cancel {0}`",
                               run.public_id()));
}

bool ReadsTheVideo(domain::Stage stage) {
  return stage == domain::Stage::kValidate || stage == domain::Stage::kExtract ||
         stage == domain::Stage::kDetect;
}

}  // namespace

Result<void> CheckVideoFile(const fs::path& video) {
  struct stat status {};
  if (::stat(video.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return MakeError(reason::kVideoNotFound, "there is no file " + base::Shown(video.native()));
    }
    return base::ErrnoError(errno, "look at", video);
  }
  if (S_ISDIR(status.st_mode)) {
    return MakeError(reason::kVideoUnreadable, base::Shown(video.native()) + " is a directory",
                     "name one video file in it");
  }
  if (S_ISREG(status.st_mode) && status.st_size == 0) {
    return MakeError(reason::kVideoUnreadable, base::Shown(video.native()) + " is empty",
                     "copy it again: nothing of it has arrived");
  }
  return {};
}

Json StartRequest::ToJson() const {
  return {{"kind", kind},
          {"video", base::PathToText(video)},
          {"episode", episode},
          {"effort", effort},
          {"from", from},
          {"force", is_forced},
          {"model_pack", base::PathToText(model_pack)},
          {"provider", provider}};
}

Result<StartRequest> StartRequest::FromJson(const Json& json) {
  using api::TextParam;
  StartRequest request;
  ROLLCALL_TRY_ASSIGN(request.kind, TextParam(json, "kind", request.kind));
  ROLLCALL_TRY_ASSIGN(const std::string video_text, TextParam(json, "video", ""));
  request.video = base::PathFromText(video_text);
  ROLLCALL_TRY_ASSIGN(request.episode, TextParam(json, "episode", ""));
  ROLLCALL_TRY_ASSIGN(request.effort, TextParam(json, "effort", request.effort));
  ROLLCALL_TRY_ASSIGN(request.from, TextParam(json, "from", ""));
  ROLLCALL_TRY_ASSIGN(request.is_forced, api::FlagParam(json, "force", false));
  ROLLCALL_TRY_ASSIGN(const std::string pack_text, TextParam(json, "model_pack", ""));
  request.model_pack = base::PathFromText(pack_text);
  ROLLCALL_TRY_ASSIGN(request.provider, TextParam(json, "provider", request.provider));
  if (request.kind != "analyze" && FindWiredStage(request.kind) == nullptr) {
    return MakeError(reason::kBadParams, "there is no stage \"" + request.kind + "\"");
  }
  if (!request.video.empty() && request.video.is_relative()) {
    return MakeError(reason::kBadRequest, "the video's path must be absolute");
  }
  return request;
}

Result<Registration> EpisodePlanner::Register(const fs::path& video, const std::string& key_text) {
  ROLLCALL_TRY(CheckVideoFile(video));
  const std::string title = video.stem().string();
  ROLLCALL_TRY_ASSIGN(std::string fingerprint, fingerprint_(video));
  ROLLCALL_TRY_ASSIGN(const EpisodeKey key, KeyFor(title, key_text, fingerprint));
  store::Episode fresh{.key = key.text(),
                       .display = base::ShownBytes(title),
                       .video_path = base::PathToText(video),
                       .fingerprint = std::move(fingerprint),
                       .created_at = clock_.Now().wall};
  const auto old = store_.EpisodeGet(key.text());
  if (!old.ok()) {
    if (old.error().reason != reason::kEpisodeNotRegistered) return old.error();
    return AsNew(store_.EpisodePut(fresh));
  }
  if (old->fingerprint == fresh.fingerprint) {
    fresh.created_at = old->created_at;
    ROLLCALL_TRY_ASSIGN(fresh, store_.EpisodePut(fresh));
    return Registration{.episode = std::move(fresh), .path_before = old->video_path};
  }
  if (old->video_path != fresh.video_path) return Taken(*old, fresh, key);
  return AsNew(Replace(*old, fresh));
}

// The same path holds other bytes now. If nothing was ever made of the old ones (a copy that was
// not finished, a damaged file since mended), the new ones simply take their place.
Result<store::Episode> EpisodePlanner::Replace(const store::Episode& old,
                                               const store::Episode& fresh) {
  ROLLCALL_TRY_ASSIGN(const auto good, store_.RunLastGood({"episode", old.key}, "validate"));
  if (good) {
    return MakeError(
        reason::kKeyTaken,
        fmt::format("{} has changed since it was analysed as {}", ShownPath(old.video_path),
                    old.key),
        fmt::format("name the new one with --episode, or forget the old one's results with "
                    "`rollcall episodes remove {}`",
                    old.key));
  }
  // What is open is named, so that a person can wait for it or end it.
  ROLLCALL_TRY_ASSIGN(const auto latest, store_.RunLatest({"episode", old.key}, "validate"));
  if (latest && !domain::IsTerminal(latest->run.state)) {
    return NotFinished(latest->run, "its video cannot be replaced");
  }
  return store_.EpisodeReplace(fresh);
}

base::Error EpisodePlanner::Taken(const store::Episode& holder, const store::Episode& wanted,
                                  const EpisodeKey& key) {
  std::string message = fmt::format("{} is another video already: {}", key.text(),
                                    holder.video_path.empty() ? "?" : ShownPath(holder.video_path));
  for (int number = 2; number <= kSuffixMax; ++number) {
    const EpisodeKey offered = key.WithSuffix(number);
    const auto other = store_.EpisodeGet(offered.text());
    if (other.ok() && other->fingerprint != wanted.fingerprint) continue;
    if (!other.ok() && other.error().reason != reason::kEpisodeNotRegistered) return other.error();
    const std::string_view offer = other.ok() ? "this video is known under a key of its own: add"
                                              : "name this one, for example with";
    return MakeError(reason::kKeyTaken, std::move(message),
                     fmt::format("{} --episode {}", offer, offered.text()));
  }
  return MakeError(reason::kKeyTaken, std::move(message));
}

Result<store::Episode> EpisodePlanner::Find(const StartRequest& request) {
  if (!request.video.empty()) {
    ROLLCALL_TRY_ASSIGN(Registration registration, Register(request.video, request.episode));
    return std::move(registration.episode);
  }
  ROLLCALL_TRY_ASSIGN(const EpisodeKey key, EpisodeKey::Parse(request.episode));
  ROLLCALL_TRY_ASSIGN(store::Episode episode, store_.EpisodeGet(key.text()));
  if (episode.video_path.empty()) {
    return MakeError(reason::kEpisodeNotRegistered, "no video is known for " + key.text());
  }
  return episode;
}

Result<void> EpisodePlanner::RefuseIfRunning(const store::Episode& episode,
                                             const std::string& stage,
                                             const std::string& work_key) {
  ROLLCALL_TRY_ASSIGN(const auto history, store_.RunHistory({"episode", episode.key}, stage));
  for (const store::RunView& view : history) {
    if (view.run.work_key != work_key || domain::IsTerminal(view.run.state)) continue;
    return NotFinished(view.run, "it cannot start again from nothing");
  }
  return {};
}

Result<EpisodePlan> EpisodePlanner::Plan(const StartRequest& request,
                                         const FindReusable& find_reusable) {
  ROLLCALL_TRY_ASSIGN(const auto rerun_from, RerunFrom(request));
  const auto stages = StagesUpTo(request.kind == "analyze" ? "analytics" : request.kind);
  // Before anything is registered.
  if (std::ranges::count(stages, domain::Stage::kDetect, &WiredStage::stage) > 0) {
    ROLLCALL_TRY(vision::runtime::CheckProvider(request.provider));
  }
  EpisodePlan plan;
  ROLLCALL_TRY_ASSIGN(plan.episode, Find(request));
  plan.request.subject = {"episode", plan.episode.key};
  plan.request.kind = request.kind;
  Json asked = request.ToJson();
  asked["revisions"] = StageRevisions();
  plan.request.request_json = asked.dump();

  const Models models = DescribeModels(request.model_pack);
  const Json handler_parameters = HandlerParameters(plan.episode, request, models);
  std::map<domain::Stage, std::string> work_keys;
  std::map<domain::Stage, bool> is_reused;
  std::map<domain::Stage, Json> gaps;  // Of the results that are reused.
  bool is_video_needed = false;
  for (const WiredStage* stage : stages) {
    store::StageRequest wanted;
    wanted.name = stage->name();
    wanted.params_json = handler_parameters.dump();
    Json inputs = Json::array();
    if (stage->needs.empty()) inputs.push_back(plan.episode.fingerprint);
    bool can_reuse = !(rerun_from && DependsOn(*stage, *rerun_from));
    for (const domain::Stage need : stage->needs) inputs.push_back(work_keys.at(need));
    wanted.needs = EverythingBefore(*stage);
    wanted.work_key =
        WorkKey(plan.request.subject, *stage, ParametersOf(stage->stage, request, models), inputs);
    wanted.dedupe_key = wanted.work_key;
    if (!can_reuse) {
      ROLLCALL_TRY(RefuseIfRunning(plan.episode, wanted.name, wanted.work_key));
      wanted.drops_segments = true;
      wanted.skip = store::SkipWish::kNone;
    }
    std::set<std::string> input_gaps;
    for (const domain::Stage need : stage->needs) {
      can_reuse = can_reuse && is_reused.at(need);
      input_gaps.merge(TextsOf(gaps[need]));
    }
    if (can_reuse) {
      ROLLCALL_TRY_ASSIGN(wanted.reuse, find_reusable(wanted.work_key));
    }
    if (wanted.reuse) {
      // Made from results that lacked other parts of the video: it is made again.
      ROLLCALL_TRY_ASSIGN(const store::StageRun run, store_.RunGet(*wanted.reuse));
      gaps[stage->stage] = store::GapsOf(run.result_json);
      if (TextsOf(store::InputGapsOf(run.result_json)) != input_gaps) wanted.reuse.reset();
    }
    is_reused[stage->stage] = wanted.reuse.has_value();
    is_video_needed = is_video_needed || (!wanted.reuse && ReadsTheVideo(stage->stage));
    work_keys[stage->stage] = wanted.work_key;
    plan.request.stages.push_back(std::move(wanted));
  }
  if (is_video_needed && request.video.empty())
    ROLLCALL_TRY(CheckVideoFile(base::PathFromText(plan.episode.video_path)));
  return plan;
}

}  // namespace rollcall::app
