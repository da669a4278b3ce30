#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "people/edit.h"

namespace rollcall::people {

// Finds the sights of edits again among other tracks: whose box covers a sight best (intersection
// over union ≥ 0.3) within 150 ms of when it was seen, or between two sightings of one track, whose
// box is then taken to move evenly. Where fewer pictures were looked at, the nearest in time within
// 6 s does, in the same shot.
//
// First the cuts, then each sighting in time order, then Find. Holds the sights, the cuts, and the
// last sighting of each track. Thread-compatible.
class SightMatcher {
 public:
  explicit SightMatcher(std::vector<Sight> sights);
  // The sights of edits that are of other tracks than these.
  static SightMatcher For(std::span<const Edit> edits, std::string_view tracks);

  bool is_needed() const { return !sights_.empty(); }
  // A shot begins with the picture of that time; in time order.
  void TakeCut(domain::MediaTime at) { cuts_.push_back(at); }
  void Take(std::int64_t track_id, domain::MediaTime pts, const domain::PixelBox& box);
  // nullopt also for a sight that is none of those.
  std::optional<std::int64_t> Find(const Sight& sight) const;

 private:
  struct Wanted {
    Sight sight;
    float iou = 0;
    domain::MediaTime away{};  // Of what it was found by; zero within 150 ms.
    std::optional<std::int64_t> track_id;
  };
  struct Seen {
    domain::MediaTime pts{};
    domain::PixelBox box{};
  };
  static void Compare(Wanted& wanted, std::int64_t track_id, const domain::PixelBox& box,
                      domain::MediaTime away);
  bool IsOneShot(domain::MediaTime a, domain::MediaTime b) const;

  std::vector<Wanted> sights_;  // By time.
  std::vector<domain::MediaTime> cuts_;
  std::map<std::int64_t, Seen> last_;
};

}  // namespace rollcall::people
