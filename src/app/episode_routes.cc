#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "api/params.h"
#include "app/api_routes.h"
#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"
#include "pipeline/stills_stage.h"
#include "projection/gather.h"
#include "subject/subject_kind.h"

namespace rollcall::app {
namespace {

using api::Answer;
using api::Request;
using base::Json;
using base::Result;
using Segments = std::vector<std::string>;
namespace reason = domain::reason;

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

// Those of `spans` ({start_ms, end_ms}) that reach into [from, to), whole.
Json Within(const Json& spans, std::int64_t from, std::int64_t to) {
  Json found = Json::array();
  for (const Json& span : spans) {
    const bool is_in = span.at("end_ms").get<std::int64_t>() > from &&
                       span.at("start_ms").get<std::int64_t>() < to;
    if (is_in) found.push_back(span);
  }
  return found;
}

class Episodes {
 public:
  explicit Episodes(const ApiParts& parts) : parts_(parts) {}

  Result<Answer> List() const {
    ROLLCALL_TRY_ASSIGN(const Json list, parts_.queries.EpisodeList());
    return api::JsonAnswer(list);
  }
  Result<Answer> Add(const Request& request) const {
    ROLLCALL_TRY(CheckNamesNoFile(request));
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json added, owner->EpisodeAdd(request.body));
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
    using Files = EngineService::Files;
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(
        const Json removed,
        owner->EpisodeRemove(typed, keeps == "true" ? Files::kKeep : Files::kRemove));
    return api::JsonAnswer(removed);
  }

  Result<Answer> Show(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    ROLLCALL_TRY_ASSIGN(const Json details, parts_.queries.EpisodeShow(episode.key));
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
    ROLLCALL_TRY_ASSIGN(auto path, PathOf(episode, name));
    return FileAnswer(std::move(path), name);
  }
  // Of a track's best face.
  Result<Answer> Still(const std::string& typed, const std::string& track) const {
    const auto nothing = [&] {
      return domain::MakeError(reason::kNoSuchResource,
                               fmt::format("there is no still of track {}", base::Shown(track)),
                               "");
    };
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    std::int64_t id = 0;
    const char* end = track.data() + track.size();
    const auto [stop, failure] = std::from_chars(track.data(), end, id);
    if (failure != std::errc{} || stop != end || id < 0) return nothing();
    ROLLCALL_TRY_ASSIGN(const auto stills, PathOf(episode, "stills"));
    const std::filesystem::path still = stills / pipeline::StillFileName(id);
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(still, ignored)) return nothing();
    return FileAnswer(still, still.filename());
  }
  // Who is on screen when, of report.json, between two times of the file.
  Result<Answer> Timeline(const std::string& typed, const Request& request) const {
    constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();
    ROLLCALL_TRY_ASSIGN(const std::int64_t from, api::IntegerQuery(request, "from_ms", 0));
    ROLLCALL_TRY_ASSIGN(const std::int64_t to, api::IntegerQuery(request, "to_ms", kEver));
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    ROLLCALL_TRY_ASSIGN(const auto path, PathOf(episode, "report.json"));
    ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
    ROLLCALL_TRY_ASSIGN(const Json report, base::ParseJson(text, "report.json"));
    Json people = Json::array();
    for (const Json& person : report.at("people")) {
      Json seen = Within(person.at("seen"), from, to);
      Json intervals = Within(person.at("intervals"), from, to);
      if (intervals.empty() && seen.empty()) continue;
      people.push_back({{"id", person.at("id")},
                        {"name", person.at("name")},
                        {"is_named", person.at("is_named")},
                        {"seen", std::move(seen)},
                        {"intervals", std::move(intervals)}});
    }
    return At(api::JsonAnswer({{"episode_key", episode.key}, {"people", std::move(people)}}),
              "/api/episodes/" + episode.key + "/timeline");
  }
  Result<Answer> Video(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, EpisodeOf(typed));
    const std::filesystem::path video = base::PathFromText(episode.video_path);
    return FileAnswer(video, video.filename());
  }

 private:
  const subject::SubjectKind& kind() const { return *parts_.engine.kinds().Find(episode::kKind); }
  Result<store::Episode> EpisodeOf(const std::string& typed) const {
    return parts_.queries.FindEpisode(typed);
  }
  Result<subject::SubjectFacts> FactsOf(const store::Episode& episode) const {
    return projection::GatherSubject(parts_.store, parts_.engine.vault(), kind(), episode.key);
  }

  Result<std::filesystem::path> PathOf(const store::Episode& episode, std::string_view name) const {
    ROLLCALL_TRY_ASSIGN(const auto facts, FactsOf(episode));
    for (const subject::StageFacts& stage : facts.stages) {
      for (const domain::Artifact& artifact : stage.artifacts) {
        if (std::filesystem::path(artifact.name).filename() != name) continue;
        return parts_.engine.vault().Fetch(artifact.path);
      }
    }
    return domain::MakeError(reason::kNoSuchResource,
                             fmt::format("{} has no file of that name", episode.key),
                             fmt::format("GET /api/episodes/{}/files lists them", episode.key));
  }

  // Any spelling of a key answers; where it is at home is said.
  static Answer At(Answer answer, std::string_view path) {
    answer.fields.emplace_back("Content-Location", std::string(path));
    return answer;
  }
  // `name`: what whoever asks calls it; the file itself has its run's number behind that.
  static Answer FileAnswer(std::filesystem::path path, const std::filesystem::path& name) {
    return {.content_type = "",
            .file = api::FileBody{.path = std::move(path),
                                  .content_type = std::string(ContentTypeOf(name)),
                                  .name = name.string()}};
  }

  ApiParts parts_;
};

}  // namespace

std::vector<server::Route> EpisodeRoutes(const ApiParts& parts) {
  const Episodes episodes(parts);
  return {
      {.method = "GET",
       .pattern = "/api/episodes",
       .run = [episodes](const Segments&, const Request&) { return episodes.List(); }},
      {.method = "POST",
       .pattern = "/api/episodes",
       .run = [episodes](const Segments&,
                         const Request& request) { return episodes.Add(request); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}",
       .run = [episodes](const Segments& at, const Request&) { return episodes.Show(at[0]); }},
      {.method = "DELETE",
       .pattern = "/api/episodes/{key}",
       .run = [episodes](const Segments& at,
                         const Request& request) { return episodes.Forget(at[0], request); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/state",
       .run = [episodes](const Segments& at, const Request&) { return episodes.State(at[0]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/active",
       .run = [episodes](const Segments& at, const Request&) { return episodes.Active(at[0]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/report",
       .run = [episodes](const Segments& at,
                         const Request&) { return episodes.File(at[0], "report.json"); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/files",
       .run = [episodes](const Segments& at, const Request&) { return episodes.Files(at[0]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/files/{name}",
       .run = [episodes](const Segments& at,
                         const Request&) { return episodes.File(at[0], at[1]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/timeline",
       .run = [episodes](const Segments& at,
                         const Request& request) { return episodes.Timeline(at[0], request); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/tracks/{id}/still",
       .run = [episodes](const Segments& at,
                         const Request&) { return episodes.Still(at[0], at[1]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/video",
       .run = [episodes](const Segments& at, const Request&) { return episodes.Video(at[0]); }},
  };
}

}  // namespace rollcall::app
