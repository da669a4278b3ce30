#include "app/api_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "app/job_stream.h"
#include "base/path_text.h"
#include "control/protocol.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"
#include "projection/gather.h"
#include "subject/subject_kind.h"

namespace rollcall::app {
namespace {

using api::Answer;
using api::Request;
using base::Json;
using base::Result;
using Parts = std::vector<std::string>;
namespace method = control::method;
namespace reason = domain::reason;

constexpr std::size_t kStartBytesMax = 64 * 1024;

Result<std::int64_t> NumberOf(const Request& request, std::string_view name,
                              std::int64_t fallback) {
  const auto text = request.Query(name);
  if (!text) return fallback;
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, number);
  if (failure == std::errc{} && stop == end && number >= 0) return number;
  return domain::MakeError(reason::kBadRequest, fmt::format("{} is no number", name), "");
}

Result<std::int64_t> JobIdOf(std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && stop == text.data() + text.size() && number > 0) return number;
  return domain::MakeError(reason::kJobNotFound, "a job is named by its number",
                           "GET /api/jobs lists them");
}

// By its ending; what a browser can show is shown.
std::string_view ContentTypeOf(const std::filesystem::path& path) {
  struct Type {
    std::string_view ending;
    std::string_view type;
  };
  static constexpr std::array<Type, 13> kTypes{{
      {".csv", "text/csv; charset=utf-8"},
      {".jpg", "image/jpeg"},
      {".json", "application/json"},
      {".m4v", "video/mp4"},
      {".mkv", "video/x-matroska"},
      {".mov", "video/quicktime"},
      {".mp4", "video/mp4"},
      {".ogv", "video/ogg"},
      {".parquet", "application/vnd.apache.parquet"},
      {".vtt", "text/vtt; charset=utf-8"},
      {".webm", "video/webm"},
      {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
      {".avi", "video/x-msvideo"},
  }};
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  const auto* const found = std::ranges::find(kTypes, ending, &Type::ending);
  return found != kTypes.end() ? found->type : "application/octet-stream";
}

// The routes' common ground.
class Api {
 public:
  explicit Api(const ApiParts& parts) : parts_(parts) {}

  Result<Json> Call(std::string_view name, const Json& params) const {
    return parts_.service.Call(name, params);
  }
  Result<Answer> Document(std::string_view name, const Json& params) const {
    ROLLCALL_TRY_ASSIGN(const Json document, Call(name, params));
    return api::JsonAnswer(document);
  }

  const subject::SubjectKind& kind() const { return *parts_.engine.kinds().Find(episode::kKind); }
  Result<store::Episode> EpisodeOf(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const auto key, domain::EpisodeKey::Parse(typed));
    return parts_.store.EpisodeGet(key.text());
  }
  Result<subject::SubjectFacts> FactsOf(const store::Episode& episode) const {
    return projection::GatherSubject(parts_.store, parts_.engine.vault(), kind(), episode.key);
  }

  // Any spelling of a key answers; where it is at home is said.
  static Answer At(Answer answer, std::string_view path) {
    answer.fields.emplace_back("Content-Location", std::string(path));
    return answer;
  }

  Result<Answer> Episode(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    ROLLCALL_TRY_ASSIGN(const Json details, Call(method::kEpisodeShow, {{"episode", episode.key}}));
    return At(api::JsonAnswer(details), "/api/episodes/" + episode.key);
  }
  // As episodes/<key>/state.json.
  Result<Answer> State(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    ROLLCALL_TRY_ASSIGN(const auto facts, FactsOf(episode));
    ROLLCALL_TRY_ASSIGN(const auto document, kind().projection.Registry(parts_.store, facts));
    return At({.body = document.text}, "/api/episodes/" + episode.key + "/state");
  }
  Result<Answer> Active(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
    Json open = Json::array();
    for (const store::Job& job : jobs) {
      const bool is_its = job.subject == store::Subject{episode::kKind, episode.key};
      if (!is_its || domain::IsTerminal(job.state)) continue;
      ROLLCALL_TRY_ASSIGN(const api::JobView view, parts_.engine.View(job.id));
      open.push_back(ToJson(view));
    }
    return At(api::JsonAnswer({{"episode_key", episode.key}, {"jobs", std::move(open)}}),
              "/api/episodes/" + episode.key + "/active");
  }

  Result<Answer> Files(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    ROLLCALL_TRY_ASSIGN(const auto facts, FactsOf(episode));
    Json files = Json::array();
    for (const subject::StageFacts& stage : facts.stages) {
      for (const domain::Artifact& artifact : stage.artifacts) {
        const std::string name = std::filesystem::path(artifact.name).filename().string();
        files.push_back({{"name", name},
                         {"stage", stage.row->name},
                         {"size_bytes", artifact.size_bytes},
                         {"sha256", artifact.sha256},
                         {"count", artifact.count}});
      }
    }
    return At(api::JsonAnswer({{"episode_key", episode.key}, {"files", std::move(files)}}),
              "/api/episodes/" + episode.key + "/files");
  }
  // Only what a stage's last good run has made has a name here: no path can lead elsewhere.
  Result<Answer> File(const std::string& typed, const std::string& name) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    ROLLCALL_TRY_ASSIGN(const auto facts, FactsOf(episode));
    for (const subject::StageFacts& stage : facts.stages) {
      for (const domain::Artifact& artifact : stage.artifacts) {
        if (std::filesystem::path(artifact.name).filename() != name) continue;
        ROLLCALL_TRY_ASSIGN(auto path, parts_.engine.vault().Fetch(artifact.path));
        return FileAnswer(std::move(path));
      }
    }
    return domain::MakeError(reason::kNoSuchResource,
                             fmt::format("{} has no file of that name", episode.key),
                             fmt::format("GET /api/episodes/{}/files lists them", episode.key));
  }
  Result<Answer> Video(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    return FileAnswer(base::PathFromText(episode.video_path));
  }
  static Answer FileAnswer(std::filesystem::path path) {
    std::string type(ContentTypeOf(path));
    return {.content_type = "",
            .file = api::FileBody{.path = std::move(path), .content_type = std::move(type)}};
  }

  Result<Answer> Start(const Request& request) const {
    ROLLCALL_TRY(CheckPaths(request));
    Json params = request.body;
    const auto fill = [&params](const char* name, std::string value) {
      if (!params.contains(name)) params[name] = std::move(value);
    };
    fill("effort", parts_.effort);
    fill("model_pack", base::PathToText(parts_.model_pack));
    fill("provider", parts_.provider);
    ROLLCALL_TRY_ASSIGN(const Json answer, Call(method::kJobStart, params));
    const bool is_refused = answer.value("existing", false) && !answer.value("resumed", false);
    Answer started = api::JsonAnswer(answer, is_refused ? 409 : 202);
    const auto id = answer.at("job").at("job_id").get<std::int64_t>();
    started.fields.emplace_back("Location", fmt::format("/api/jobs/{}", id));
    return started;
  }
  Result<Answer> Add(const Request& request) const {
    ROLLCALL_TRY(CheckPaths(request));
    ROLLCALL_TRY_ASSIGN(const Json added, Call(method::kEpisodeAdd, request.body));
    const bool is_new = added.value("is_new", false);
    return At(api::JsonAnswer(added, is_new ? 201 : 200),
              "/api/episodes/" + added.at("episode_key").get<std::string>());
  }
  // A misspelt wish to keep the files removes none.
  Result<Answer> Forget(const std::string& typed, const Request& request) const {
    const std::string keeps = request.Query("keep_files").value_or("false");
    if (keeps != "true" && keeps != "false") {
      return domain::MakeError(reason::kBadRequest, "keep_files is true or false", "");
    }
    return Document(method::kEpisodeRemove, {{"episode", typed}, {"keep_files", keeps == "true"}});
  }
  // Over TCP nobody names a file of this host: it could be any.
  static Result<void> CheckPaths(const Request& request) {
    if (request.door == api::Door::kUnixSocket) return {};
    for (const char* name : {"video", "model_pack"}) {
      if (!request.body.contains(name)) continue;
      return domain::MakeError(
          reason::kForbidden, fmt::format("{} cannot be named over TCP", name),
          "add the video with `rollcall episodes add VIDEO`, and name the episode's key here");
    }
    return {};
  }

  // Job `typed` with further parameters.
  Result<Answer> OfJob(std::string_view name, const std::string& typed, Json params) const {
    ROLLCALL_TRY_ASSIGN(params["job_id"], JobIdOf(typed));
    return Document(name, params);
  }
  Result<Answer> Events(const Request& request) const {
    const std::string topics = request.Query("topics").value_or("");
    constexpr std::string_view kJob = "job:";
    if (!topics.starts_with(kJob)) {
      return domain::MakeError(reason::kBadRequest, "topics is not job:NUMBER", "");
    }
    ROLLCALL_TRY_ASSIGN(const std::int64_t id, JobIdOf(topics.substr(kJob.size())));
    ROLLCALL_TRY(parts_.service.View(id));
    return Answer{.events = std::make_shared<JobStream>(parts_.service, id)};
  }
  Result<Answer> Metrics() const {
    ROLLCALL_TRY_ASSIGN(const Json metrics, Call(method::kMetrics, Json::object()));
    return Answer{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = metrics.at("text")};
  }
  Result<Answer> Ready() const {
    ROLLCALL_TRY_ASSIGN(const Json hello, Call(method::kHello, Json::object()));
    return api::JsonAnswer({{"ready", true}, {"is_working", hello.at("is_working")}});
  }

 private:
  ApiParts parts_;
};

}  // namespace

std::vector<server::Route> ApiRoutes(const ApiParts& parts) {
  const Api api(parts);
  return {
      {.method = "GET",
       .pattern = "/healthz",
       .run =
           [](const Parts&, const Request&) {
             return api::JsonAnswer({{"ok", true}});
           }},
      {.method = "GET",
       .pattern = "/readyz",
       .run = [api](const Parts&, const Request&) { return api.Ready(); }},
      {.method = "GET",
       .pattern = "/metrics",
       .run = [api](const Parts&, const Request&) { return api.Metrics(); }},
      {.method = "GET",
       .pattern = "/api/episodes",
       .run = [api](const Parts&,
                    const Request&) { return api.Document(method::kEpisodeList, Json::object()); }},
      {.method = "POST",
       .pattern = "/api/episodes",
       .run = [api](const Parts&, const Request& request) { return api.Add(request); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}",
       .run = [api](const Parts& at, const Request&) { return api.Episode(at[0]); }},
      {.method = "DELETE",
       .pattern = "/api/episodes/{key}",
       .run = [api](const Parts& at,
                    const Request& request) { return api.Forget(at[0], request); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/state",
       .run = [api](const Parts& at, const Request&) { return api.State(at[0]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/active",
       .run = [api](const Parts& at, const Request&) { return api.Active(at[0]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/report",
       .run = [api](const Parts& at, const Request&) { return api.File(at[0], "report.json"); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/files",
       .run = [api](const Parts& at, const Request&) { return api.Files(at[0]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/files/{name}",
       .run = [api](const Parts& at, const Request&) { return api.File(at[0], at[1]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/video",
       .run = [api](const Parts& at, const Request&) { return api.Video(at[0]); }},
      {.method = "GET",
       .pattern = "/api/jobs",
       .run = [api](const Parts&, const Request& request) -> Result<Answer> {
         ROLLCALL_TRY_ASSIGN(const std::int64_t limit, NumberOf(request, "limit", 20));
         return api.Document(method::kJobList, {{"limit", limit}});
       }},
      {.method = "POST",
       .pattern = "/api/jobs",
       .run = [api](const Parts&, const Request& request) { return api.Start(request); },
       .body_bytes_max = kStartBytesMax},
      {.method = "GET",
       .pattern = "/api/jobs/{id}",
       .run = [api](const Parts& at,
                    const Request&) { return api.OfJob(method::kJobShow, at[0], Json::object()); }},
      {.method = "GET",
       .pattern = "/api/jobs/{id}/events",
       .run = [api](const Parts& at, const Request& request) -> Result<Answer> {
         ROLLCALL_TRY_ASSIGN(const std::int64_t after, NumberOf(request, "after", 0));
         return api.OfJob(method::kJobEvents, at[0], {{"after", after}});
       }},
      {.method = "POST",
       .pattern = "/api/jobs/{id}/cancel",
       .run = [api](
                  const Parts& at,
                  const Request&) { return api.OfJob(method::kJobCancel, at[0], Json::object()); }},
      {.method = "POST",
       .pattern = "/api/jobs/{id}/resume",
       .run =
           [api](const Parts& at, const Request& request) {
             return api.OfJob(method::kJobResume, at[0],
                              {{"skip_poison", request.body.value("skip_poison", Json())}});
           }},
      {.method = "GET",
       .pattern = "/api/events",
       .run = [api](const Parts&, const Request& request) { return api.Events(request); }},
  };
}

}  // namespace rollcall::app
