#include "scene.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "domain/reasons.h"

namespace rollcall::bench {
namespace {

using compose::TruthInterval;
using compose::TruthKey;

std::int64_t ToMs(double seconds) { return std::llround(seconds * 1000); }

// A list of lists of `count` numbers; throws what toml++ and this file's reader do.
std::vector<std::vector<double>> Rows(const toml::table& table, std::string_view key,
                                      std::size_t count) {
  std::vector<std::vector<double>> rows;
  const toml::array* list = table[key].as_array();
  if (list == nullptr) return rows;
  for (const toml::node& node : *list) {
    std::vector<double> row;
    for (const toml::node& number : *node.as_array()) {
      row.push_back(number.value<double>().value());
    }
    if (row.size() != count) throw std::invalid_argument(std::string(key));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<TruthInterval> Intervals(const toml::table& table, std::string_view key) {
  std::vector<TruthInterval> intervals;
  for (const auto& row : Rows(table, key, 2)) {
    intervals.push_back({.start_ms = ToMs(row[0]), .end_ms = ToMs(row[1])});
  }
  return intervals;
}

void AddPerson(const toml::table& table, SceneTruth& scene) {
  const std::string name = table["name"].value<std::string>().value();
  std::vector<TruthKey> boxes;
  for (const auto& row : Rows(table, "boxes", 5)) {
    boxes.push_back({.t_ms = ToMs(row[0]),
                     .x = row[1],
                     .y = row[2],
                     .width = row[3] - row[1],
                     .height = row[4] - row[2]});
  }
  for (const TruthInterval& when : Intervals(table, "seen")) {
    scene.truth.AddPlace(name, {.when = when, .keys = boxes});
  }
  std::vector<TruthInterval> maybe = Intervals(table, "maybe");
  for (const TruthInterval& when : maybe) {
    scene.truth.AddPlace(name, {.when = when, .is_hidden = true, .keys = boxes});
  }
  scene.maybe.push_back(std::move(maybe));
}

// Of intervals that may overlap.
std::int64_t LengthOf(std::vector<TruthInterval> intervals) {
  std::int64_t length = 0;
  for (const TruthInterval& each : Joined(std::move(intervals), 0)) length += each.length_ms();
  return length;
}

}  // namespace

base::Result<SceneTruth> ReadScene(const std::filesystem::path& path) {
  SceneTruth scene;
  try {
    const toml::table table = toml::parse_file(path.string());
    scene.video = table["video"].value<std::string>().value();
    for (const toml::node& node : *table["person"].as_array()) {
      AddPerson(*node.as_table(), scene);
    }
  } catch (const std::exception& error) {
    return domain::MakeError(domain::reason::kBadParams, path.string() + ": " + error.what());
  }
  return scene;
}

std::int64_t ScenePersonScore::error_ms() const {
  if (found_ms < least_ms) return found_ms - least_ms;
  return std::max<std::int64_t>(0, found_ms - most_ms);
}

SceneScore ScoreScene(const SceneTruth& scene, const Findings& findings) {
  SceneScore score{.people = {},
                   .found = findings.people.size(),
                   .groups = ScoreGroups(scene.truth, findings.faces)};
  const auto mostly = MostlyWho(scene.truth, findings.faces);
  for (std::size_t i = 0; i < scene.truth.people.size(); ++i) {
    const compose::TruthPerson& person = scene.truth.people[i];
    if (person.seen_ms == 0) continue;
    std::vector<TruthInterval> found;
    for (const FoundPerson& each : findings.people) {
      const auto who = mostly.find(each.id);
      if (who != mostly.end() && who->second == i) {
        found.insert(found.end(), each.seen.begin(), each.seen.end());
      }
    }
    score.people.push_back({.name = person.id,
                            .least_ms = person.seen_ms,
                            .most_ms = person.seen_ms + LengthOf(scene.maybe[i]),
                            .found_ms = LengthOf(std::move(found))});
  }
  return score;
}

std::vector<std::string> SceneFailuresOf(const SceneScore& score, const Limits& limits) {
  std::vector<std::string> failures;
  for (const auto& [name, person] : score.groups.mixed) {
    failures.push_back(
        fmt::format("faces of {} are in person {}, who is somebody else", name, person));
  }
  for (const ScenePersonScore& person : score.people) {
    if (std::abs(person.error_ms()) <= limits.error_ms) continue;
    failures.push_back(fmt::format("{}: {:.2f} s, truth {:.2f} to {:.2f} s", person.name,
                                   static_cast<double>(person.found_ms) / 1000,
                                   static_cast<double>(person.least_ms) / 1000,
                                   static_cast<double>(person.most_ms) / 1000));
  }
  return failures;
}

}  // namespace rollcall::bench
