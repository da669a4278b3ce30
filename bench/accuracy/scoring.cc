#include "scoring.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

namespace rollcall::bench {
namespace {

using compose::TruthInterval;
using compose::TruthKey;
using compose::TruthPerson;
using compose::TruthPlace;

// Boxes differ between detectors: a face's centre may lie this part of the place's size outside it.
constexpr double kPlaceMargin = 0.15;

std::int64_t OverlapMs(const std::vector<TruthInterval>& a, const std::vector<TruthInterval>& b) {
  std::int64_t sum = 0;
  for (const TruthInterval& x : a) {
    for (const TruthInterval& y : b) {
      sum += std::max<std::int64_t>(
          0, std::min(x.end_ms, y.end_ms) - std::max(x.start_ms, y.start_ms));
    }
  }
  return sum;
}

// Pairs by overlap, the largest first; ties by order.
std::vector<std::optional<std::size_t>> Paired(const std::vector<TruthPerson>& truth,
                                               const std::vector<FoundPerson>& found) {
  std::vector<std::tuple<std::int64_t, std::size_t, std::size_t>> candidates;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    for (std::size_t k = 0; k < found.size(); ++k) {
      const std::int64_t overlap = OverlapMs(truth[i].intervals, found[k].seen);
      if (overlap > 0) candidates.emplace_back(-overlap, i, k);
    }
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<std::optional<std::size_t>> pairs(truth.size());
  std::vector<bool> is_taken(found.size());
  for (const auto& [overlap, i, k] : candidates) {
    if (pairs[i] || is_taken[k]) continue;
    pairs[i] = k;
    is_taken[k] = true;
  }
  return pairs;
}

std::int64_t Furthest(const std::vector<TruthInterval>& from, const std::vector<TruthInterval>& to,
                      std::int64_t TruthInterval::*edge) {
  std::int64_t furthest = 0;
  for (const TruthInterval& each : from) {
    std::int64_t nearest = std::numeric_limits<std::int64_t>::max();
    for (const TruthInterval& other : to) {
      nearest = std::min(nearest, std::abs(each.*edge - other.*edge));
    }
    furthest = std::max(furthest, nearest);
  }
  return furthest;
}

// Of some faces.
struct Weight {
  double sum = 0;
  double squares = 0;

  void Add(const FoundFace& face) {
    const auto ms = static_cast<double>(face.for_ms);
    sum += ms;
    squares += ms * ms;
  }
  double pairs() const { return (sum * sum - squares) / 2; }
};

PairScore ScorePairs(const compose::Truth& truth, const std::vector<FoundFace>& faces) {
  std::map<std::pair<std::size_t, std::int64_t>, Weight> both;
  std::map<std::size_t, Weight> by_owner;
  std::map<std::int64_t, Weight> by_person;
  std::set<std::pair<std::size_t, std::int64_t>> seen;  // Who, when.
  for (const FoundFace& face : faces) {
    if (!face.person) continue;
    if (const auto owner = OwnerOf(truth, face)) seen.insert({owner->person, face.t_ms});
  }
  PairScore score;
  for (const FoundFace& face : faces) {
    const std::optional<FaceOwner> owner = OwnerOf(truth, face);
    if (!face.person && (!owner || seen.contains({owner->person, face.t_ms}))) continue;
    ++score.faces;
    if (owner) by_owner[owner->person].Add(face);
    if (face.person) by_person[*face.person].Add(face);
    if (owner && face.person) both[{owner->person, *face.person}].Add(face);
  }
  double right = 0;
  double claimed = 0;
  double true_pairs = 0;
  for (const auto& [key, weight] : both) right += weight.pairs();
  for (const auto& [person, weight] : by_person) claimed += weight.pairs();
  for (const auto& [owner, weight] : by_owner) true_pairs += weight.pairs();
  if (claimed > 0) score.precision = right / claimed;
  if (true_pairs > 0) score.recall = right / true_pairs;
  return score;
}

// In ms, by person found.
std::map<std::int64_t, std::map<std::size_t, std::int64_t>> SharesOf(
    const compose::Truth& truth, const std::vector<FoundFace>& faces) {
  std::map<std::int64_t, std::map<std::size_t, std::int64_t>> shares;
  for (const FoundFace& face : faces) {
    if (!face.person) continue;
    const auto owner = OwnerOf(truth, face);
    if (owner && !owner->is_hidden) shares[*face.person][owner->person] += face.for_ms;
  }
  return shares;
}

std::size_t LargestOf(const std::map<std::size_t, std::int64_t>& shares) {
  return std::max_element(shares.begin(), shares.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

void AddPairFailure(const EpisodeScore& score, const Limits& limits,
                    std::vector<std::string>& failures) {
  if (score.pairs.f() >= limits.pair_f) return;
  failures.push_back(fmt::format("pairwise F {:.3f} (precision {:.3f}, recall {:.3f})",
                                 score.pairs.f(), score.pairs.precision, score.pairs.recall));
}

}  // namespace

std::vector<TruthInterval> Joined(std::vector<TruthInterval> intervals, std::int64_t hair_ms) {
  std::sort(intervals.begin(), intervals.end(),
            [](const TruthInterval& a, const TruthInterval& b) { return a.start_ms < b.start_ms; });
  std::vector<TruthInterval> joined;
  for (const TruthInterval& each : intervals) {
    if (!joined.empty() && each.start_ms - joined.back().end_ms <= hair_ms) {
      joined.back().end_ms = std::max(joined.back().end_ms, each.end_ms);
    } else {
      joined.push_back(each);
    }
  }
  return joined;
}

std::int64_t EpisodeScore::WorstErrorMs() const {
  std::int64_t worst = 0;
  for (const PersonScore& person : people) worst = std::max(worst, std::abs(person.error_ms()));
  return worst;
}

double EpisodeScore::MeanErrorMs() const {
  double sum = 0;
  for (const PersonScore& person : people) sum += static_cast<double>(std::abs(person.error_ms()));
  return people.empty() ? 0 : sum / static_cast<double>(people.size());
}

std::int64_t EpisodeScore::WorstEdgeMs() const {
  std::int64_t worst = 0;
  for (const PersonScore& person : people) worst = std::max(worst, person.worst_edge_ms);
  return worst;
}

std::optional<FaceOwner> OwnerOf(const compose::Truth& truth, const FoundFace& face) {
  std::optional<FaceOwner> owner;
  std::pair nearest{true, std::numeric_limits<double>::max()};  // Hidden, distance squared.
  for (std::size_t i = 0; i < truth.people.size(); ++i) {
    for (const TruthPlace& place : truth.people[i].places) {
      if (face.t_ms < place.when.start_ms || face.t_ms >= place.when.end_ms) continue;
      const TruthKey at = place.At(face.t_ms);
      const double dx = std::abs(face.centre_x - (at.x + at.width / 2));
      const double dy = std::abs(face.centre_y - (at.y + at.height / 2));
      if (dx > at.width * (0.5 + kPlaceMargin) || dy > at.height * (0.5 + kPlaceMargin)) continue;
      const std::pair distance{place.is_hidden, dx * dx + dy * dy};
      if (distance < nearest) {
        nearest = distance;
        owner = FaceOwner{.person = i, .is_hidden = place.is_hidden};
      }
    }
  }
  return owner;
}

std::int64_t WorstEdge(const std::vector<TruthInterval>& truth,
                       const std::vector<TruthInterval>& found, std::int64_t hair_ms) {
  if (truth.empty() || found.empty()) return 0;
  const std::vector<TruthInterval> a = Joined(truth, hair_ms);
  const std::vector<TruthInterval> b = Joined(found, hair_ms);
  return std::max({Furthest(a, b, &TruthInterval::start_ms), Furthest(a, b, &TruthInterval::end_ms),
                   Furthest(b, a, &TruthInterval::start_ms),
                   Furthest(b, a, &TruthInterval::end_ms)});
}

GroupScore ScoreGroups(const compose::Truth& truth, const std::vector<FoundFace>& faces) {
  GroupScore score;
  std::map<std::size_t, std::int64_t> found_as;
  for (const auto& [person, shares] : SharesOf(truth, faces)) {
    const std::size_t most = LargestOf(shares);
    for (const auto& [owner, ms] : shares) {
      if (ms < kShareMs) continue;
      if (owner == most) {
        ++found_as[owner];
      } else {
        score.mixed.emplace_back(truth.people[owner].id, person);
      }
    }
  }
  for (const auto& [owner, count] : found_as) {
    for (std::int64_t i = 1; i < count; ++i) score.split.push_back(truth.people[owner].id);
  }
  return score;
}

std::map<std::int64_t, std::size_t> MostlyWho(const compose::Truth& truth,
                                              const std::vector<FoundFace>& faces) {
  std::map<std::int64_t, std::size_t> mostly;
  for (const auto& [person, shares] : SharesOf(truth, faces)) mostly[person] = LargestOf(shares);
  return mostly;
}

EpisodeScore ScoreEpisode(const compose::Truth& truth, const Findings& findings) {
  EpisodeScore score{.duration_ms = truth.duration_ms,
                     .people_truth = truth.people.size(),
                     .people_found = findings.people.size(),
                     .people = {},
                     .extras = {},
                     .pairs = ScorePairs(truth, findings.faces),
                     .groups = ScoreGroups(truth, findings.faces)};
  const auto pairs = Paired(truth.people, findings.people);
  for (std::size_t k = 0; k < findings.people.size(); ++k) {
    if (std::find(pairs.begin(), pairs.end(), std::optional(k)) == pairs.end()) {
      score.extras.push_back(findings.people[k]);
    }
  }
  for (std::size_t i = 0; i < truth.people.size(); ++i) {
    const TruthPerson& person = truth.people[i];
    PersonScore each{.truth_id = person.id,
                     .found_id = std::nullopt,
                     .truth_ms = person.seen_ms,
                     .seen_ms = 0,
                     .worst_edge_ms = 0};
    if (pairs[i]) {
      const FoundPerson& found = findings.people[*pairs[i]];
      each.found_id = found.id;
      each.seen_ms = found.seen_ms;
      each.worst_edge_ms = WorstEdge(person.intervals, found.seen, Limits{}.edge_ms);
    }
    score.people.push_back(std::move(each));
  }
  return score;
}

std::vector<std::string> FailuresOf(const EpisodeScore& score, const Limits& limits) {
  std::vector<std::string> failures;
  if (score.people_found != score.people_truth) {
    failures.push_back(
        fmt::format("{} people found, there are {}", score.people_found, score.people_truth));
  }
  for (const FoundPerson& extra : score.extras) {
    std::string when;
    for (const TruthInterval& each : extra.seen) {
      when += fmt::format(" {:.2f}–{:.2f}", static_cast<double>(each.start_ms) / 1000,
                          static_cast<double>(each.end_ms) / 1000);
    }
    failures.push_back(fmt::format("person {} is one too many, at{} s", extra.id, when));
  }
  const auto allowed = std::min(
      limits.error_ms,
      static_cast<std::int64_t>(limits.error_share * static_cast<double>(score.duration_ms)));
  for (const PersonScore& person : score.people) {
    if (!person.found_id) {
      failures.push_back(fmt::format("{} was not found", person.truth_id));
      continue;
    }
    if (std::abs(person.error_ms()) > allowed) {
      failures.push_back(fmt::format(
          "{} (person {}): {:.2f} s seen, truth {:.2f} s, allowed ± {:.2f}", person.truth_id,
          *person.found_id, static_cast<double>(person.seen_ms) / 1000,
          static_cast<double>(person.truth_ms) / 1000, static_cast<double>(allowed) / 1000));
    }
    if (person.worst_edge_ms > limits.edge_ms) {
      failures.push_back(fmt::format("{} (person {}): an edge is off by {} ms", person.truth_id,
                                     *person.found_id, person.worst_edge_ms));
    }
  }
  AddPairFailure(score, limits, failures);
  return failures;
}

std::vector<std::string> GroupFailuresOf(const EpisodeScore& score, const Limits& limits) {
  std::vector<std::string> failures;
  for (const auto& [id, person] : score.groups.mixed) {
    failures.push_back(
        fmt::format("faces of {} are in person {}, who is somebody else", id, person));
  }
  if (score.groups.split.size() > limits.splits) {
    failures.push_back(fmt::format("split: {}", fmt::join(score.groups.split, ", ")));
  }
  AddPairFailure(score, limits, failures);
  return failures;
}

}  // namespace rollcall::bench
