#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/peoples_times.h"
#include "pipeline/presence_pack.h"

namespace rollcall::pipeline {

// Two who may be one. Indexes are into PeoplesTimes::times.
struct LikePair {
  std::size_t a = 0;  // The longer on screen.
  std::size_t b = 0;
  float cosine = 0;
  domain::MediaTime settled{};  // The screen time that a merge would settle: that of `b`.
};

// One track's face beside those of the people.
struct LikePerson {
  std::size_t person = 0;
  float cosine = 0;
};

// How alike the people of an episode are, by the mean of their tracks' vectors, each weighted as
// clustering does. Borrows both.
class PeopleLikeness {
 public:
  PeopleLikeness(const PresencePack& pack, const PeoplesTimes& people);

  // Pairs that are alike, but were never seen in one picture, in different places, and of whom
  // nobody said that they are not one: most screen time first, `limit` at the most.
  std::vector<LikePair> Suggestions(std::size_t limit) const;
  // All people by likeness to a track, most alike first; empty for a track without a vector.
  std::vector<LikePerson> NearestTo(const TrackSummary& track) const;

 private:
  bool AreApart(std::size_t a, std::size_t b) const;

  const PeoplesTimes& people_;
  std::vector<domain::Embedding> means_;                    // Of each of times; empty without one.
  std::vector<std::pair<std::size_t, std::size_t>> apart_;  // Sorted, lower first.
};

}  // namespace rollcall::pipeline
