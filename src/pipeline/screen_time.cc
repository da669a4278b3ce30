#include "pipeline/screen_time.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;

constexpr std::int64_t kNoFrame = -1;

// Somebody's piece of a track.
struct PersonPiece {
  people::Piece piece;
  std::size_t person = 0;
  bool has_best = false;  // The face that the track's still shows is in it.
};

// A track of which a piece is somebody's, and its first and last sighting.
struct PersonTrack {
  std::int64_t id = 0;
  std::optional<TrackQuality> quality;  // Nothing: the track is not known.
  std::int64_t first_frame = kNoFrame;
  std::int64_t last_frame = kNoFrame;
  MediaTime first{};
  MediaTime last{};
};

// Tracks in order of id and pieces in order of track and time, so that they are found.
class PeoplesPieces {
 public:
  PeoplesPieces(std::span<const people::Person> people, std::span<const TrackQuality> qualities) {
    for (std::size_t i = 0; i < people.size(); ++i) {
      for (const people::Piece& piece : people[i].pieces) {
        pieces_.push_back({.piece = piece, .person = i});
      }
    }
    std::ranges::sort(pieces_, {}, [](const PersonPiece& piece) {
      return std::tuple(piece.piece.track_id, piece.piece.from);
    });
    for (const PersonPiece& piece : pieces_) {
      if (tracks_.empty() || tracks_.back().id != piece.piece.track_id) {
        tracks_.push_back({.id = piece.piece.track_id, .quality = {}});
      }
    }
    for (const TrackQuality& track : qualities) {
      if (PersonTrack* known = TrackOf(track.track_id)) known->quality = track;
    }
  }

  // Null for a track of nobody.
  PersonTrack* TrackOf(std::int64_t id) {
    const auto found = std::ranges::lower_bound(tracks_, id, {}, &PersonTrack::id);
    return found == tracks_.end() || found->id != id ? nullptr : &*found;
  }
  // Null where the track is nobody's at that time.
  PersonPiece* PieceAt(std::int64_t track_id, MediaTime at) {
    const auto behind = std::ranges::upper_bound(
        pieces_, std::tuple(track_id, at), {}, [](const PersonPiece& piece) {
          return std::tuple(piece.piece.track_id, piece.piece.from);
        });
    if (behind == pieces_.begin()) return nullptr;
    PersonPiece& piece = *std::prev(behind);
    return piece.piece.track_id == track_id && at < piece.piece.to ? &piece : nullptr;
  }
  const std::vector<PersonPiece>& pieces() const { return pieces_; }

 private:
  std::vector<PersonTrack> tracks_;
  std::vector<PersonPiece> pieces_;
};

// Adds the sightings of one person up, per interval and all together.
class Tally {
 public:
  explicit Tally(PersonTime& person)
      : person_(person), last_frame_(person.intervals.size(), kNoFrame) {
    person_.sighted.resize(person_.intervals.size());
  }

  void Add(const Sighting& sighting) {
    // Intervals are in time order and apart.
    const auto behind =
        std::ranges::upper_bound(person_.intervals, sighting.pts, {}, &PresenceInterval::start);
    if (behind == person_.intervals.begin()) return;
    const auto within = std::prev(behind);
    if (sighting.pts >= within->end) return;
    const auto i = static_cast<std::size_t>(within - person_.intervals.begin());
    IntervalSightings& sighted = person_.sighted[i];
    if (last_frame_[i] != sighting.frame_id) ++sighted.frames;
    last_frame_[i] = sighting.frame_id;
    ++sighted.faces;
    sighted.score_sum += sighting.score;
  }

 private:
  PersonTime& person_;
  std::vector<std::int64_t> last_frame_;  // Of each interval.
};

// What the first look gives of one person: all sightings together.
struct Scores {
  double sum = 0;
  std::int64_t count = 0;
};

base::Result<std::vector<Scores>> FindExtents(SightingSource& sightings, PeoplesPieces& pieces,
                                              std::size_t people) {
  std::vector<Scores> scores(people);
  ROLLCALL_TRY(sightings.ForEach([&](const Sighting& sighting) -> base::Result<void> {
    PersonTrack* track = pieces.TrackOf(sighting.track_id);
    if (track == nullptr) return {};
    if (track->first_frame == kNoFrame) {
      track->first_frame = sighting.frame_id;
      track->first = sighting.pts;
    }
    track->last_frame = sighting.frame_id;
    track->last = sighting.pts;
    PersonPiece* piece = pieces.PieceAt(sighting.track_id, sighting.pts);
    if (piece == nullptr) return {};
    if (track->quality && track->quality->best_frame_id == sighting.frame_id) {
      piece->has_best = true;
    }
    scores[piece->person].sum += sighting.score;
    ++scores[piece->person].count;
    return {};
  }));
  return scores;
}

// The part of a track's presence that a piece has; nullopt if none.
std::optional<PresenceInterval> PartOf(PresenceInterval presence, const PersonTrack& track,
                                       const people::Piece& piece) {
  if (piece.from > track.first) {
    presence.start = std::max(presence.start, piece.from);
    presence.start_gap = MediaTime{0};
  }
  if (piece.to <= track.last) {
    presence.end = std::min(presence.end, piece.to);
    presence.end_gap = MediaTime{0};
  }
  if (presence.end <= presence.start) return std::nullopt;
  return presence;
}

// Where everybody was there, by person, and which track shows each best.
struct Presences {
  std::vector<std::vector<PresenceInterval>> of_person;
  std::vector<std::optional<std::tuple<bool, float, std::int64_t>>> best;  // And the track's id.
};

base::Result<Presences> FindPresences(const people::Folded& folded, PeoplesPieces& pieces,
                                      const SampleGrid& grid, const ScreenTimeOptions& options) {
  Presences presences{.of_person = {}, .best = {}};
  presences.of_person.resize(folded.people.size());
  presences.best.resize(folded.people.size());
  for (const PersonPiece& piece : pieces.pieces()) {
    const PersonTrack* track = pieces.TrackOf(piece.piece.track_id);
    if (!track->quality || track->first_frame == kNoFrame) continue;
    ROLLCALL_TRY_ASSIGN(const std::size_t first, grid.IndexOf(track->first_frame));
    ROLLCALL_TRY_ASSIGN(const std::size_t last, grid.IndexOf(track->last_frame));
    ROLLCALL_TRY_ASSIGN(
        const PresenceInterval whole,
        grid.Presence(first, last,
                      {.snap = options.snap, .needs_tiles = track->quality->needs_tiles}));
    const auto part = PartOf(whole, *track, piece.piece);
    if (!part) continue;
    presences.of_person[piece.person].push_back(*part);
    // The earliest of those that are equally good.
    const std::tuple shown(piece.has_best, track->quality->quality, -track->id);
    auto& best = presences.best[piece.person];
    if (!best || shown > *best) best = shown;
  }
  for (std::size_t i = 0; i < folded.people.size(); ++i) {
    for (const people::AddedFace& face : folded.people[i].added) {
      PresenceInterval there;
      there.start = face.from;
      there.end = face.to;
      presences.of_person[i].push_back(there);
    }
  }
  return presences;
}

std::vector<Interval> ExcludedOf(const people::Folded& folded, std::size_t person) {
  std::vector<Interval> excluded;
  const auto add = [&excluded](const std::vector<people::Exclusion>& ranges) {
    for (const people::Exclusion& range : ranges) {
      excluded.push_back({.start = range.from, .end = range.to});
    }
  };
  add(folded.excluded);
  add(folded.people[person].excluded);
  return excluded;
}

base::Result<PersonTime> Measure(const people::Folded& folded, std::size_t i,
                                 std::vector<PresenceInterval> presences, const Scores& scores,
                                 const SampleGrid& grid, const ScreenTimeOptions& options) {
  const people::Person& person = folded.people[i];
  PersonTime time{.person = i,
                  .label = person.label,
                  .name = person.name,
                  .is_named = !person.name.empty(),
                  .seen = {},
                  .intervals = {},
                  .sighted = {},
                  .is_low_confidence = person.is_low_confidence};
  ROLLCALL_TRY_ASSIGN(time.seen, UnitePresence(std::move(presences), grid, options.bridge));
  time.intervals =
      MergeIntervals(time.seen, grid, {.merge_gap = options.merge_gap, .blip = options.blip});
  if (const auto excluded = ExcludedOf(folded, i); !excluded.empty()) {
    time.seen = WithoutIntervals(std::move(time.seen), excluded);
    time.intervals = WithoutIntervals(std::move(time.intervals), excluded);
    std::erase_if(time.intervals, [&](const PresenceInterval& interval) {
      return interval.length() < options.blip;
    });
  }
  if (scores.count > 0) time.mean_confidence = scores.sum / static_cast<double>(scores.count);
  return time;
}

// Longest on screen first; those without a number get the next ones in that order.
void OrderAndLabel(const people::Folded& folded, int last_label, std::vector<PersonTime>& people) {
  std::ranges::sort(people, {}, [&](const PersonTime& person) {
    return std::tuple(-person.total_length().count(), -person.seen_length().count(),
                      person.intervals.front().start, folded.people[person.person].group_id,
                      person.person);
  });
  for (PersonTime& person : people) {
    if (person.label == 0) person.label = ++last_label;
    if (!person.is_named) person.name = "Person " + std::to_string(person.label);
  }
}

}  // namespace

ScreenTimeOptions ScreenTimeOptions::From(const base::Json& settings) {
  ScreenTimeOptions options;
  const auto millis = [&](const char* name, MediaTime& value) {
    if (settings.contains(name)) value = std::chrono::milliseconds{settings.at(name)};
  };
  millis("merge_gap_ms", options.merge_gap);
  millis("blip_ms", options.blip);
  millis("bridge_ms", options.bridge);
  millis("snap_ms", options.snap);
  return options;
}

base::Result<std::vector<PersonTime>> MeasureScreenTime(
    const people::Folded& folded, int last_label, std::span<const TrackQuality> tracks,
    const SampleGrid& grid, SightingSource& sightings, const ScreenTimeOptions& options) {
  const std::size_t count = folded.people.size();
  PeoplesPieces pieces(folded.people, tracks);
  ROLLCALL_TRY_ASSIGN(const std::vector<Scores> scores, FindExtents(sightings, pieces, count));
  ROLLCALL_TRY_ASSIGN(Presences presences, FindPresences(folded, pieces, grid, options));
  std::vector<PersonTime> people;
  std::vector<Tally> tallies;
  people.reserve(count);  // Tallies borrow them.
  for (std::size_t i = 0; i < count; ++i) {
    ROLLCALL_TRY_ASSIGN(PersonTime person, Measure(folded, i, std::move(presences.of_person[i]),
                                                   scores[i], grid, options));
    if (presences.best[i]) person.best_track_id = -std::get<2>(*presences.best[i]);
    tallies.emplace_back(people.emplace_back(std::move(person)));
  }
  ROLLCALL_TRY(sightings.ForEach([&](const Sighting& sighting) -> base::Result<void> {
    if (const PersonPiece* piece = pieces.PieceAt(sighting.track_id, sighting.pts)) {
      tallies[piece->person].Add(sighting);
    }
    return {};
  }));
  std::erase_if(people, [](const PersonTime& person) { return person.intervals.empty(); });
  OrderAndLabel(folded, last_label, people);
  return people;
}

}  // namespace rollcall::pipeline
