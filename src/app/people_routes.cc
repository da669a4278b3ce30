#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "app/api_routes.h"
#include "domain/reasons.h"
#include "episode/people/people_views.h"

namespace rollcall::app {
namespace {

using api::Answer;
using api::Request;
using base::Json;
using base::Result;
using Segments = std::vector<std::string>;
namespace reason = domain::reason;

constexpr std::size_t kEditBytesMax = 256 * 1024;

// -1 for what is no number: nobody has that one.
std::int64_t NumberOf(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  const bool is_number = failure == std::errc{} && stop == end && number >= 0 &&
                         number <= std::numeric_limits<std::int32_t>::max();
  return is_number ? number : -1;
}

class People {
 public:
  explicit People(const ApiParts& parts) : parts_(parts) {}

  Result<Answer> List(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const auto snapshot, SnapshotOf(typed));
    return At(api::JsonAnswer(episode::PeopleJson(*snapshot)), snapshot->key, "people");
  }
  Result<Answer> Show(const std::string& typed, const std::string& label) const {
    ROLLCALL_TRY_ASSIGN(const auto snapshot, SnapshotOf(typed));
    ROLLCALL_TRY_ASSIGN(const Json person, episode::PersonJson(*snapshot, NumberOf(label)));
    return At(api::JsonAnswer(person), snapshot->key, "people/" + label);
  }
  Result<Answer> Suggestions(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const auto snapshot, SnapshotOf(typed));
    return At(api::JsonAnswer(episode::SuggestionsJson(*snapshot)), snapshot->key,
              "people/suggestions");
  }
  Result<Answer> Track(const std::string& typed, const std::string& track) const {
    ROLLCALL_TRY_ASSIGN(const auto snapshot, SnapshotOf(typed));
    ROLLCALL_TRY_ASSIGN(const Json json, episode::TrackJson(*snapshot, NumberOf(track)));
    return At(api::JsonAnswer(json), snapshot->key, "tracks/" + track);
  }
  Result<Answer> History(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const std::string key, KeyOf(typed));
    ROLLCALL_TRY_ASSIGN(const auto log, parts_.store.EditList({.kind = "episode", .id = key}));
    return At(api::JsonAnswer(episode::HistoryJson(key, log)), key, "edits");
  }
  Result<Answer> Edit(const std::string& typed, const Request& request) const {
    ROLLCALL_TRY_ASSIGN(const std::string key, KeyOf(typed));
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json written,
                        owner->people().Edit(key, request.body, request.Field("idempotency-key")));
    return At(api::JsonAnswer(written, 201), key, "edits");
  }
  Result<Answer> Take(const std::string& typed, PeopleService::Step step,
                      const Request& request) const {
    ROLLCALL_TRY_ASSIGN(const std::string key, KeyOf(typed));
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json written, owner->people().Take(key, step, request.body,
                                                                 request.Field("idempotency-key")));
    return At(api::JsonAnswer(written, 201), key, "edits");
  }

 private:
  Result<std::string> KeyOf(const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const store::Episode episode, parts_.queries.FindEpisode(typed));
    return episode.key;
  }
  // With every number written down, where somebody may write.
  Result<std::shared_ptr<const episode::PeopleSnapshot>> SnapshotOf(
      const std::string& typed) const {
    ROLLCALL_TRY_ASSIGN(const std::string key, KeyOf(typed));
    if (parts_.service != nullptr) ROLLCALL_TRY(parts_.service->people().GiveLabels(key));
    return parts_.queries.people().Read(key);
  }
  static Answer At(Answer answer, const std::string& key, std::string_view rest) {
    answer.fields.emplace_back("Content-Location",
                               "/api/episodes/" + key + "/" + std::string(rest));
    return answer;
  }

  ApiParts parts_;
};

}  // namespace

std::vector<server::Route> PeopleRoutes(const ApiParts& parts) {
  const People people(parts);
  const auto take = [people](const char* pattern, PeopleService::Step step) {
    return server::Route{
        .method = "POST",
        .pattern = pattern,
        .run = [people, step](const Segments& at,
                              const Request& request) { return people.Take(at[0], step, request); },
        .body_bytes_max = kEditBytesMax};
  };
  return {
      {.method = "GET",
       .pattern = "/api/episodes/{key}/people",
       .run = [people](const Segments& at, const Request&) { return people.List(at[0]); }},
      // Before the next, which would take it for a number.
      {.method = "GET",
       .pattern = "/api/episodes/{key}/people/suggestions",
       .run = [people](const Segments& at, const Request&) { return people.Suggestions(at[0]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/people/{person}",
       .run = [people](const Segments& at, const Request&) { return people.Show(at[0], at[1]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/tracks/{id}",
       .run = [people](const Segments& at, const Request&) { return people.Track(at[0], at[1]); }},
      {.method = "GET",
       .pattern = "/api/episodes/{key}/edits",
       .run = [people](const Segments& at, const Request&) { return people.History(at[0]); }},
      {.method = "POST",
       .pattern = "/api/episodes/{key}/edits",
       .run = [people](const Segments& at,
                       const Request& request) { return people.Edit(at[0], request); },
       .body_bytes_max = kEditBytesMax},
      take("/api/episodes/{key}/edits/undo", PeopleService::Step::kUndo),
      take("/api/episodes/{key}/edits/redo", PeopleService::Step::kRedo),
  };
}

}  // namespace rollcall::app
