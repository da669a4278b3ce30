#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "people/edit.h"

namespace rollcall::people {

// Finds the sights of edits again among other tracks: whose box covers a sight best (intersection
// over union ≥ 0.3) when it was seen, within 150 ms of a sighting or, where fewer pictures were
// looked at, between two sightings of one track, whose box is then taken to move evenly.
//
// First Create, then each sighting in time order, then Find. Holds the sights, and the last
// sighting of each track. Thread-compatible.
class SightMatcher {
 public:
  explicit SightMatcher(std::vector<Sight> sights);
  // The sights of edits that are of other tracks than these.
  static SightMatcher For(std::span<const Edit> edits, std::string_view tracks);

  bool is_needed() const { return !sights_.empty(); }
  void Take(std::int64_t track_id, domain::MediaTime pts, const domain::PixelBox& box);
  // nullopt also for a sight that is none of those.
  std::optional<std::int64_t> Find(const Sight& sight) const;

 private:
  struct Wanted {
    Sight sight;
    float iou = 0;
    std::optional<std::int64_t> track_id;
  };
  struct Seen {
    domain::MediaTime pts{};
    domain::PixelBox box{};
  };
  void Compare(Wanted& wanted, std::int64_t track_id, const domain::PixelBox& box) const;

  std::vector<Wanted> sights_;  // By time.
  std::map<std::int64_t, Seen> last_;
};

}  // namespace rollcall::people
