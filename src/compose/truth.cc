#include "compose/truth.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::compose {
namespace {

using base::Json;

double Tenths(double value) { return std::round(value * 10) / 10; }

Json ToJson(const TruthPlace& place) {
  Json keys = Json::array();
  for (const TruthKey& key : place.keys) {
    keys.push_back({{"t_ms", key.t_ms},
                    {"x", Tenths(key.x)},
                    {"y", Tenths(key.y)},
                    {"width", Tenths(key.width)},
                    {"height", Tenths(key.height)}});
  }
  Json json{{"start_ms", place.when.start_ms}, {"end_ms", place.when.end_ms}, {"keys", keys}};
  if (place.is_hidden) json["hidden"] = true;
  return json;
}

TruthInterval IntervalFrom(const Json& json) {
  return {.start_ms = json.at("start_ms").get<std::int64_t>(),
          .end_ms = json.at("end_ms").get<std::int64_t>()};
}

TruthPerson PersonFrom(const Json& json) {
  TruthPerson person{.id = json.at("id").get<std::string>(),
                     .seen_ms = json.at("seen_ms").get<std::int64_t>(),
                     .intervals = {},
                     .places = {}};
  for (const Json& interval : json.at("intervals")) {
    person.intervals.push_back(IntervalFrom(interval));
  }
  for (const Json& place : json.at("places")) {
    TruthPlace read{
        .when = IntervalFrom(place), .is_hidden = place.value("hidden", false), .keys = {}};
    for (const Json& key : place.at("keys")) {
      read.keys.push_back({.t_ms = key.at("t_ms").get<std::int64_t>(),
                           .x = key.at("x").get<double>(),
                           .y = key.at("y").get<double>(),
                           .width = key.at("width").get<double>(),
                           .height = key.at("height").get<double>()});
    }
    person.places.push_back(std::move(read));
  }
  return person;
}

}  // namespace

TruthKey TruthPlace::At(std::int64_t t_ms) const {
  ROLLCALL_CHECK(!keys.empty());
  const auto after =
      std::upper_bound(keys.begin(), keys.end(), t_ms,
                       [](std::int64_t t, const TruthKey& key) { return t < key.t_ms; });
  if (after == keys.begin()) return keys.front();
  if (after == keys.end()) return keys.back();
  const TruthKey& a = *(after - 1);
  const TruthKey& b = *after;
  const double part = static_cast<double>(t_ms - a.t_ms) / static_cast<double>(b.t_ms - a.t_ms);
  return {.t_ms = t_ms,
          .x = std::lerp(a.x, b.x, part),
          .y = std::lerp(a.y, b.y, part),
          .width = std::lerp(a.width, b.width, part),
          .height = std::lerp(a.height, b.height, part)};
}

void Truth::AddPlace(const std::string& id, TruthPlace place) {
  auto person = std::find_if(people.begin(), people.end(),
                             [&id](const TruthPerson& each) { return each.id == id; });
  if (person == people.end()) {
    people.push_back({.id = id, .seen_ms = 0, .intervals = {}, .places = {}});
    person = people.end() - 1;
  }
  if (place.is_hidden) {
    person->places.push_back(std::move(place));
    return;
  }
  std::vector<TruthInterval>& intervals = person->intervals;
  if (!intervals.empty() && intervals.back().end_ms == place.when.start_ms) {
    intervals.back().end_ms = place.when.end_ms;
  } else {
    intervals.push_back(place.when);
  }
  person->seen_ms += place.when.length_ms();
  person->places.push_back(std::move(place));
}

Json TruthToJson(const Truth& truth) {
  Json people = Json::array();
  for (const TruthPerson& person : truth.people) {
    Json intervals = Json::array();
    for (const TruthInterval& interval : person.intervals) {
      intervals.push_back({{"start_ms", interval.start_ms}, {"end_ms", interval.end_ms}});
    }
    Json places = Json::array();
    for (const TruthPlace& place : person.places) places.push_back(ToJson(place));
    people.push_back({{"id", person.id},
                      {"seen_ms", person.seen_ms},
                      {"intervals", intervals},
                      {"places", places}});
  }
  return {{"format", 1},
          {"width", truth.width},
          {"height", truth.height},
          {"fps", truth.frames_per_second},
          {"frames", truth.frames},
          {"duration_ms", truth.duration_ms},
          {"cuts_ms", truth.cuts_ms},
          {"people", people}};
}

base::Result<Truth> TruthFromJson(const Json& json) {
  try {
    Truth truth{.width = json.at("width").get<int>(),
                .height = json.at("height").get<int>(),
                .frames_per_second = json.at("fps").get<double>(),
                .frames = json.at("frames").get<std::int64_t>(),
                .duration_ms = json.at("duration_ms").get<std::int64_t>(),
                .cuts_ms = json.at("cuts_ms").get<std::vector<std::int64_t>>(),
                .people = {}};
    for (const Json& person : json.at("people")) truth.people.push_back(PersonFrom(person));
    return truth;
  } catch (const Json::exception& error) {
    return domain::MakeError(domain::reason::kArtifactCorrupt,
                             std::string("not the truth of a composed episode: ") + error.what());
  }
}

base::Result<Truth> ReadTruth(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
  ROLLCALL_TRY_ASSIGN(const Json json, base::ParseJson(text, path.filename().string()));
  return TruthFromJson(json);
}

}  // namespace rollcall::compose
