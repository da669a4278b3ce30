#include "cli/truth_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "cli/text_table.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using base::Json;
using compose::TruthInterval;

struct Seen {
  std::string name;
  std::int64_t seen_ms = 0;
  std::vector<TruthInterval> intervals;
  bool is_taken = false;
};

std::vector<Seen> PeopleOf(const Json& report) {
  std::vector<Seen> people;
  for (const Json& person : report.at("people")) {
    Seen seen{.name = person.at("name"), .seen_ms = person.at("seen_ms"), .intervals = {}};
    for (const Json& interval : person.at("seen")) {
      seen.intervals.push_back(
          {.start_ms = interval.at("start_ms"), .end_ms = interval.at("end_ms")});
    }
    people.push_back(std::move(seen));
  }
  return people;
}

std::int64_t Together(const std::vector<TruthInterval>& a, const std::vector<TruthInterval>& b) {
  std::int64_t together = 0;
  for (const TruthInterval& one : a) {
    for (const TruthInterval& other : b) {
      together += std::max<std::int64_t>(
          0, std::min(one.end_ms, other.end_ms) - std::max(one.start_ms, other.start_ms));
    }
  }
  return together;
}

// Index pairs (truth, report).
std::vector<std::pair<std::size_t, std::size_t>> Pair(const compose::Truth& truth,
                                                      std::vector<Seen>& people) {
  struct Candidate {
    std::int64_t together = 0;
    std::size_t truth = 0;
    std::size_t person = 0;
  };
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < truth.people.size(); ++i) {
    for (std::size_t j = 0; j < people.size(); ++j) {
      const std::int64_t together = Together(truth.people[i].intervals, people[j].intervals);
      if (together > 0) candidates.push_back({together, i, j});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.together > b.together; });
  std::vector<bool> is_found(truth.people.size(), false);
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const Candidate& candidate : candidates) {
    if (is_found[candidate.truth] || people[candidate.person].is_taken) continue;
    is_found[candidate.truth] = true;
    people[candidate.person].is_taken = true;
    pairs.emplace_back(candidate.truth, candidate.person);
  }
  return pairs;
}

}  // namespace

bool TruthComparison::Holds(std::int64_t error_ms_max) const {
  return std::all_of(rows.begin(), rows.end(), [&](const Row& row) {
    return !row.truth_id.empty() && !row.person_name.empty() &&
           std::abs(row.error_ms()) <= error_ms_max;
  });
}

std::string TruthComparison::ToString(const Paint& paint, std::int64_t error_ms_max) const {
  TextTable table({"  ", "In the video", "On screen", "Found as", "Measured", "Difference"});
  for (const Row& row : rows) {
    const bool is_right = !row.truth_id.empty() && !row.person_name.empty() &&
                          std::abs(row.error_ms()) <= error_ms_max;
    table.Add({"  " + (is_right ? paint.Good("✓") : paint.Bad("✗")),
               row.truth_id.empty() ? "nobody" : row.truth_id,
               PadLeft(ExactDuration(static_cast<double>(row.truth_ms) / 1000), 9),
               row.person_name.empty() ? "nobody" : row.person_name,
               PadLeft(ExactDuration(static_cast<double>(row.seen_ms) / 1000), 8),
               PadLeft(fmt::format("{:+.2f} s", static_cast<double>(row.error_ms()) / 1000), 10)});
  }
  return table.ToString(paint);
}

Json TruthComparison::ToJson() const {
  Json list = Json::array();
  for (const Row& row : rows) {
    list.push_back({{"truth", row.truth_id},
                    {"person", row.person_name},
                    {"truth_ms", row.truth_ms},
                    {"seen_ms", row.seen_ms},
                    {"error_ms", row.error_ms()}});
  }
  return list;
}

base::Result<TruthComparison> CompareWithTruth(const Json& report, const compose::Truth& truth) {
  std::vector<Seen> people;
  try {
    people = PeopleOf(report);
  } catch (const Json::exception& error) {
    return domain::MakeError(domain::reason::kArtifactCorrupt,
                             std::string("report.json is no report: ") + error.what());
  }
  const auto pairs = Pair(truth, people);
  TruthComparison comparison;
  for (std::size_t i = 0; i < truth.people.size(); ++i) {
    TruthComparison::Row row{
        .truth_id = truth.people[i].id, .person_name = {}, .truth_ms = truth.people[i].seen_ms};
    for (const auto& [truth_index, person] : pairs) {
      if (truth_index != i) continue;
      row.person_name = people[person].name;
      row.seen_ms = people[person].seen_ms;
    }
    comparison.rows.push_back(std::move(row));
  }
  for (const Seen& person : people) {
    if (person.is_taken) continue;
    comparison.rows.push_back(
        {.truth_id = {}, .person_name = person.name, .truth_ms = 0, .seen_ms = person.seen_ms});
  }
  return comparison;
}

}  // namespace rollcall::cli
