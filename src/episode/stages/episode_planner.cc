#include "episode/stages/episode_planner.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "api/params.h"
#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "domain/job_state.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"
#include "episode/stages/episode_edits.h"
#include "episode/stages/episode_stages.h"
#include "store/poison.h"
#include "vision/model_pack.h"
#include "vision/runtime/session.h"

namespace rollcall::episode {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
using domain::EpisodeKey;
using domain::MakeError;
namespace reason = domain::reason;

// The kind of a job that runs all stages.
constexpr std::string_view kEverything = "analyze";

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
  Json list = Json::array();            // For the report: role, name, kind, sha256.
  std::vector<vision::PackRole> roles;  // Those that a stage uses.
  std::string error;                    // Why the pack cannot be read; empty if it can.
  float same_person = vision::ModelPack::Thresholds{}.same_person;
};

bool IsUsed(const subject::StageTable& table, const vision::PackRole& role) {
  return std::ranges::any_of(table.rows(), [&](const subject::StageRow& row) {
    return std::ranges::count(row.models, role.role) > 0;
  });
}

Models DescribeModels(const subject::StageTable& table, const fs::path& folder) {
  Models models;
  models.name = base::ShownBytes(folder.filename().native());
  auto pack = vision::ModelPack::Load(folder);
  if (!pack.ok()) {
    models.error = pack.error().reason;
    return models;
  }
  models.name = pack->name();
  models.same_person = pack->thresholds().same_person;
  for (const vision::PackRole& role : pack->roles()) {
    if (!IsUsed(table, role)) continue;
    models.list.push_back(
        {{"role", role.role}, {"name", role.file}, {"kind", role.kind}, {"sha256", role.sha256}});
    models.roles.push_back(role);
  }
  return models;
}

// What a stage's result depends on of the models: the numbers beside the files (thresholds, sizes)
// are part of what they do. Roles that it does not use are not among it: a new expression model
// makes no faces stale.
Json IdentityOf(const subject::StageRow& row, const Models& models) {
  if (!models.error.empty()) return Json::array({models.error});
  Json identity = Json::array();
  for (const vision::PackRole& role : models.roles) {
    if (std::ranges::count(row.models, role.role) == 0) continue;
    identity.push_back({role.role, role.sha256, role.table_sha256});
  }
  return identity;
}

Json HandlerParameters(const store::Episode& episode, const StartRequest& request,
                       const Models& models, const base::Json& revisions, const EditsOf& edits) {
  return {{"video_path", episode.video_path},
          {"fingerprint", episode.fingerprint},
          {"episode_key", episode.key},
          {"display", episode.display},
          {"effort", request.effort},
          {"model_pack", models.name},
          {"model_pack_path", base::PathToText(request.model_pack)},
          {"models", models.list},
          {"provider", request.provider},
          {"edits", edits.standing},
          {"edits_digest", edits.digest},
          {"last_label", edits.last_label},
          {"revisions", revisions},
          {"settings", {{"cluster_cosine_min", models.same_person}}}};
}

// What changes the stage's own result, apart from its inputs.
Json ParametersOf(const subject::StageRow& row, const Json& all, const Models& models) {
  Json parameters = Json::object();
  for (const std::string& name : row.parameters) parameters[name] = all.at(name);
  if (!row.models.empty()) parameters["models"] = IdentityOf(row, models);
  return parameters;
}

std::string WorkKey(const store::Subject& subject, const subject::StageRow& row,
                    const Json& parameters, const Json& inputs) {
  const Json identity{{"subject", {subject.kind, subject.id}},
                      {"stage", row.name},
                      {"revision", row.revision},
                      {"parameters", parameters},
                      {"inputs", inputs}};
  return base::Sha256(identity.dump());
}

const subject::StageRow* Runnable(std::string_view name) {
  const subject::StageRow* row = EpisodeStages().Find(name);
  return row != nullptr && row->handler ? row : nullptr;
}

// The stage that runs again, with those that need it; empty if it is none, or all.
Result<std::string> RerunFrom(const StartRequest& request) {
  if (!request.from.empty() && Runnable(request.from) == nullptr) {
    return MakeError(reason::kBadParams, "there is no stage \"" + request.from + "\"");
  }
  if (!request.from.empty() || !request.is_forced) return request.from;
  return request.kind == kEverything ? "" : request.kind;
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
  if (request.kind != kEverything && Runnable(request.kind) == nullptr) {
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
  return AsNew(Replace(*old, fresh, key));
}

// The same path holds other bytes now. If nothing was ever made of the old ones (a copy that was
// not finished, a damaged file since mended), the new ones simply take their place.
Result<store::Episode> EpisodePlanner::Replace(const store::Episode& old,
                                               const store::Episode& fresh, const EpisodeKey& key) {
  ROLLCALL_TRY_ASSIGN(const auto good,
                      store_.RunLastGood({kKind, old.key}, stages_.rows().front().name));
  if (good) {
    ROLLCALL_TRY_ASSIGN(const Offer offer, OfferFor(fresh, key));
    return MakeError(
        reason::kKeyTaken,
        fmt::format("{} has changed since it was analysed as {}", ShownPath(old.video_path),
                    old.key),
        fmt::format("name the new one, for example with --episode {}, or forget the old one's "
                    "results with `rollcall episodes remove {}`",
                    offer.key.empty() ? "KEY" : offer.key, old.key));
  }
  return store_.EpisodeReplace(fresh);
}

Result<EpisodePlanner::Offer> EpisodePlanner::OfferFor(const store::Episode& wanted,
                                                       const EpisodeKey& key) {
  for (int number = 2; number <= kSuffixMax; ++number) {
    std::string offered = key.WithSuffix(number).text();
    const auto other = store_.EpisodeGet(offered);
    if (other.ok() && other->fingerprint != wanted.fingerprint) continue;
    if (!other.ok() && other.error().reason != reason::kEpisodeNotRegistered) return other.error();
    return Offer{.key = std::move(offered), .is_known = other.ok()};
  }
  return Offer{};
}

base::Error EpisodePlanner::Taken(const store::Episode& holder, const store::Episode& wanted,
                                  const EpisodeKey& key) {
  std::string message = fmt::format("{} is another video already: {}", key.text(),
                                    holder.video_path.empty() ? "?" : ShownPath(holder.video_path));
  const auto offer = OfferFor(wanted, key);
  if (!offer.ok()) return offer.error();
  if (offer->key.empty()) return MakeError(reason::kKeyTaken, std::move(message));
  const std::string_view words = offer->is_known ? "this video is known under a key of its own: add"
                                                 : "name this one, for example with";
  return MakeError(reason::kKeyTaken, std::move(message),
                   fmt::format("{} --episode {}", words, offer->key));
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

// Made from results that lacked other parts of the video, it is made again.
Result<bool> EpisodePlanner::HasTheseGaps(store::StageRunId run, const std::set<std::string>& gaps,
                                          Json& own_gaps) {
  ROLLCALL_TRY_ASSIGN(const store::StageRun made, store_.RunGet(run));
  own_gaps = store::GapsOf(made.result_json);
  return TextsOf(store::InputGapsOf(made.result_json)) == gaps;
}

Result<EpisodePlan> EpisodePlanner::Plan(const StartRequest& request,
                                         const FindReusable& find_reusable) {
  const subject::StageTable& table = stages_;
  ROLLCALL_TRY_ASSIGN(const std::string rerun_from, RerunFrom(request));
  const bool is_everything = request.kind == kEverything;
  const bool runs_all_again = is_everything && request.is_forced && request.from.empty();
  const auto rows = is_everything ? table.Runnable() : table.UpTo(request.kind);
  // Before anything is registered.
  if (std::ranges::any_of(rows, [](const auto* row) { return !row->models.empty(); })) {
    ROLLCALL_TRY(vision::runtime::CheckProvider(request.provider));
  }
  EpisodePlan plan;
  ROLLCALL_TRY_ASSIGN(plan.episode, Find(request));
  plan.request.subject = {kKind, plan.episode.key};
  plan.request.kind = request.kind;
  Json asked = request.ToJson();
  asked["revisions"] = table.Revisions();
  plan.request.request_json = asked.dump();
  const Models models = DescribeModels(table, request.model_pack);
  ROLLCALL_TRY_ASSIGN(const auto log, store_.EditList(plan.request.subject));
  const Json handler_parameters =
      HandlerParameters(plan.episode, request, models, table.Revisions(), StandingEdits(log));

  std::map<std::string, std::string> work_keys;
  std::map<std::string, bool> is_reused;
  std::map<std::string, Json> gaps;  // Of the results that are reused.
  bool is_video_needed = false;
  for (const subject::StageRow* row : rows) {
    store::StageRequest wanted;
    wanted.name = row->name;
    wanted.params_json = handler_parameters.dump();
    wanted.needs = table.Before(row->name);
    Json inputs = Json::array();
    if (row->needs.empty()) inputs.push_back(plan.episode.fingerprint);
    for (const std::string& need : row->needs) inputs.push_back(work_keys.at(need));
    wanted.work_key =
        WorkKey(plan.request.subject, *row, ParametersOf(*row, handler_parameters, models), inputs);
    wanted.dedupe_key = wanted.work_key;
    const bool runs_again = runs_all_again || table.DependsOn(row->name, rerun_from);
    if (runs_again) {
      wanted.drops_segments = true;
      wanted.skip = store::SkipWish::kNone;
    }
    bool can_reuse = !runs_again;
    std::set<std::string> input_gaps;
    for (const std::string& need : row->needs) {
      can_reuse = can_reuse && is_reused.at(need);
      input_gaps.merge(TextsOf(gaps[need]));
    }
    if (can_reuse) {
      ROLLCALL_TRY_ASSIGN(wanted.reuse, find_reusable(wanted.work_key));
    }
    if (wanted.reuse) {
      ROLLCALL_TRY_ASSIGN(const bool fits,
                          HasTheseGaps(*wanted.reuse, input_gaps, gaps[row->name]));
      if (!fits) wanted.reuse.reset();
    }
    is_reused[row->name] = wanted.reuse.has_value();
    is_video_needed = is_video_needed || (!wanted.reuse && row->reads_source);
    work_keys[row->name] = wanted.work_key;
    plan.request.stages.push_back(std::move(wanted));
  }
  if (is_video_needed && request.video.empty()) {
    ROLLCALL_TRY(CheckVideoFile(base::PathFromText(plan.episode.video_path)));
  }
  return plan;
}

}  // namespace rollcall::episode
