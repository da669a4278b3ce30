#include "pipeline/people_likeness.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace rollcall::pipeline {
namespace {

// Below it two are no more alike than strangers may be (docs: different people's 99th percentile is
// 0.24).
constexpr float kSuggestedMin = 0.28F;

float WeightOf(const TrackSummary& track) {
  return track.quality *
         std::sqrt(static_cast<float>(std::min<std::int64_t>(track.embedding_count, 16)));
}

// Whose a sighting is.
class OwnerIndex {
 public:
  explicit OwnerIndex(const PeoplesTimes& people) {
    for (std::size_t i = 0; i < people.times.size(); ++i) {
      for (const people::Piece& piece : people.folded.people[people.times[i].person].pieces) {
        pieces_[piece.track_id].emplace_back(piece, i);
      }
    }
  }
  std::optional<std::size_t> Of(std::int64_t track_id, domain::MediaTime at) const {
    const auto found = pieces_.find(track_id);
    if (found == pieces_.end()) return std::nullopt;
    for (const auto& [piece, person] : found->second) {
      if (at >= piece.from && at < piece.to) return person;
    }
    return std::nullopt;
  }

 private:
  std::map<std::int64_t, std::vector<std::pair<people::Piece, std::size_t>>> pieces_;
};

}  // namespace

PeopleLikeness::PeopleLikeness(const PresencePack& pack, const PeoplesTimes& people)
    : people_(people), means_(people.times.size()) {
  std::map<std::int64_t, const TrackSummary*> tracks;
  for (const TrackSummary& track : pack.tracks) tracks.emplace(track.id, &track);
  std::map<std::size_t, std::size_t> place;  // Of folded people among times.
  for (std::size_t i = 0; i < people.times.size(); ++i) {
    place[people.times[i].person] = i;
    domain::Embedding& mean = means_[i];
    for (const people::Piece& piece : people.folded.people[people.times[i].person].pieces) {
      const auto found = tracks.find(piece.track_id);
      if (found == tracks.end() || found->second->embedding.empty()) continue;
      mean.resize(found->second->embedding.size(), 0.0F);
      for (std::size_t k = 0; k < mean.size(); ++k) {
        mean[k] += WeightOf(*found->second) * found->second->embedding[k];
      }
    }
    const float norm = mean.empty() ? 0 : std::sqrt(domain::Cosine(mean, mean));
    if (norm <= 0) mean.clear();
    for (float& x : mean) x /= norm;
  }
  std::set<std::pair<std::size_t, std::size_t>> apart;
  const OwnerIndex owners(people);
  for (const auto& [piece, person] : people.folded.apart) {
    const auto other = owners.Of(piece.track_id, piece.from);
    const auto known = place.find(person);
    if (other && known != place.end()) apart.insert(std::minmax(*other, known->second));
  }
  for (std::size_t i = 0; i < pack.sightings.size(); ++i) {
    for (std::size_t k = i + 1;
         k < pack.sightings.size() && pack.sightings[k].sample == pack.sightings[i].sample; ++k) {
      constexpr float kSamePlace = 0.3F;
      if (domain::Overlap(pack.sightings[i].box, pack.sightings[k].box) > kSamePlace) continue;
      const auto a = owners.Of(pack.sightings[i].track_id, pack.AtOf(pack.sightings[i]));
      const auto b = owners.Of(pack.sightings[k].track_id, pack.AtOf(pack.sightings[k]));
      if (a && b && *a != *b) apart.insert(std::minmax(*a, *b));
    }
  }
  apart_.assign(apart.begin(), apart.end());
}

bool PeopleLikeness::AreApart(std::size_t a, std::size_t b) const {
  const std::pair<std::size_t, std::size_t> pair = std::minmax(a, b);
  return std::ranges::binary_search(apart_, pair);
}

std::vector<LikePair> PeopleLikeness::Suggestions(std::size_t limit) const {
  std::vector<LikePair> pairs;
  for (std::size_t a = 0; a < means_.size(); ++a) {
    for (std::size_t b = a + 1; b < means_.size(); ++b) {
      if (means_[a].empty() || means_[a].size() != means_[b].size() || AreApart(a, b)) continue;
      const float cosine = domain::Cosine(means_[a], means_[b]);
      if (cosine < kSuggestedMin) continue;
      pairs.push_back(
          {.a = a, .b = b, .cosine = cosine, .settled = people_.times[b].total_length()});
    }
  }
  std::ranges::sort(pairs, {}, [](const LikePair& pair) {
    return std::tuple(-pair.settled.count(), -pair.cosine, pair.a, pair.b);
  });
  if (pairs.size() > limit) pairs.resize(limit);
  return pairs;
}

std::vector<LikePerson> PeopleLikeness::NearestTo(const TrackSummary& track) const {
  std::vector<LikePerson> nearest;
  for (std::size_t i = 0; i < means_.size(); ++i) {
    if (track.embedding.empty() || means_[i].size() != track.embedding.size()) continue;
    nearest.push_back({.person = i, .cosine = domain::Cosine(track.embedding, means_[i])});
  }
  std::ranges::sort(nearest, {},
                    [](const LikePerson& like) { return std::tuple(-like.cosine, like.person); });
  return nearest;
}

}  // namespace rollcall::pipeline
