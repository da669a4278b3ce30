#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compose/truth.h"

// An analysis against the truth of a composed episode. Pure functions.
namespace rollcall::bench {

struct FoundPerson {
  std::int64_t id = 0;  // Of the cluster.
  std::string name;
  std::int64_t seen_ms = 0;
  std::vector<compose::TruthInterval> seen;
};

struct FoundFace {
  std::int64_t t_ms = 0;
  std::int64_t for_ms = 100;  // Until the next sample.
  double centre_x = 0;        // Pixels of the frame.
  double centre_y = 0;
  bool is_tracked = false;             // False: the program did not believe in it.
  std::optional<std::int64_t> person;  // The cluster of its track.
};

struct Findings {
  std::int64_t duration_ms = 0;
  std::vector<FoundPerson> people;
  std::vector<FoundFace> faces;
};

struct PersonScore {
  std::string truth_id;
  std::optional<std::int64_t> found_id;  // Who overlaps most; nobody: not found.
  std::int64_t truth_ms = 0;
  std::int64_t seen_ms = 0;
  std::int64_t worst_edge_ms = 0;

  std::int64_t error_ms() const { return seen_ms - truth_ms; }
};

// Over all pairs of faces, each by the time for which it stands, so that looking closely somewhere
// counts for no more: same person in the truth against same person found. A face of nobody, or
// one that was given to nobody, is a person of its own. Left out: what the program rejected and was
// nobody, or lies in the place of somebody who is seen in the same frame anyway.
struct PairScore {
  std::int64_t faces = 0;
  double precision = 1;
  double recall = 1;

  double f() const {
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
  }
};

// Who of the truth has faces in whom. Less than kShareMs of one in another is the blur of a change
// of people.
struct GroupScore {
  std::vector<std::pair<std::string, std::int64_t>> mixed;  // Not the one that person is most.
  std::vector<std::string> split;  // Once for every person too many that one was made.
};

inline constexpr std::int64_t kShareMs = 300;

struct EpisodeScore {
  std::int64_t duration_ms = 0;
  std::size_t people_truth = 0;
  std::size_t people_found = 0;
  std::vector<PersonScore> people;
  std::vector<FoundPerson> extras;  // Who is nobody of the truth.
  PairScore pairs;
  GroupScore groups;

  std::int64_t WorstErrorMs() const;  // Largest absolute error of a person's time.
  double MeanErrorMs() const;
  std::int64_t WorstEdgeMs() const;
};

struct Limits {
  std::int64_t error_ms = 500;
  double error_share = 0.01;  // Of the episode's length; both hold.
  std::int64_t edge_ms = 200;
  double pair_f = 0.95;
  std::size_t splits = 1;  // Of GroupFailuresOf.
};

EpisodeScore ScoreEpisode(const compose::Truth& truth, const Findings& findings);
GroupScore ScoreGroups(const compose::Truth& truth, const std::vector<FoundFace>& faces);
// Whom of the truth a found person mostly is, by faces that are seen; nobody's are missing.
std::map<std::int64_t, std::size_t> MostlyWho(const compose::Truth& truth,
                                              const std::vector<FoundFace>& faces);

// Where grouping is made hard, and seeing too: nobody mixed, at most one split, and F.
std::vector<std::string> GroupFailuresOf(const EpisodeScore& score, const Limits& limits);

// Sentences; none: passed.
std::vector<std::string> FailuresOf(const EpisodeScore& score, const Limits& limits);

// Whose face is it: the nearest of the places that hold its centre, of somebody hidden only if
// there is no other.
struct FaceOwner {
  std::size_t person = 0;  // Of truth.people.
  bool is_hidden = false;
};
std::optional<FaceOwner> OwnerOf(const compose::Truth& truth, const FoundFace& face);

// In order, overlapping ones and those with a gap of at most `hair_ms` between them as one.
std::vector<compose::TruthInterval> Joined(std::vector<compose::TruthInterval> intervals,
                                           std::int64_t hair_ms);

// The largest distance from an edge of one list to the nearest like edge (start or end) of the
// other, both ways. Gaps of at most `hair_ms` in either are no edges. 0 if one list is empty.
std::int64_t WorstEdge(const std::vector<compose::TruthInterval>& truth,
                       const std::vector<compose::TruthInterval>& found, std::int64_t hair_ms);

}  // namespace rollcall::bench
