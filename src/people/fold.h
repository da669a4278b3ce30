#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "people/edit.h"

namespace rollcall::people {

// A track as far as the fold needs it.
struct TrackSpan {
  std::int64_t id = 0;
  domain::MediaTime from{};  // Of its first sighting.
  domain::MediaTime to{};    // When the picture of the last one goes.
};

// What clustering found: tracks of one face.
struct Group {
  std::int64_t id = 0;
  std::vector<std::int64_t> track_ids;
  bool is_low_confidence = false;
};

struct AddedFace {
  std::int64_t sequence = 0;  // Of its edit.
  domain::MediaTime from{};
  domain::MediaTime to{};
  Sight sight;
};

struct Exclusion {
  domain::MediaTime from{};
  domain::MediaTime to{};
};

struct Person {
  int label = 0;              // 0: none was given yet.
  std::string name;           // What somebody called it; empty: nobody did.
  std::int64_t group_id = 0;  // Of the group that it comes from; 0: an edit made it.
  bool is_low_confidence = false;
  std::vector<Piece> pieces;  // By track and time.
  std::vector<AddedFace> added;
  std::vector<Exclusion> excluded;
};

// "Anna", or "Person 3".
std::string ShownName(const Person& person);

// An edit that found nothing to hold on to, or not all that it names.
struct Unattached {
  std::int64_t sequence = 0;
  bool is_partly = false;  // It holds on to the rest.
  std::string why;         // A sentence.
};

struct Folded {
  std::vector<Person>
      people;  // Those with pieces or added faces; by their first track, then edits'.
  std::vector<Piece> nobodys;  // Not ignored, and no person's.
  std::vector<Piece> ignored;
  std::vector<Exclusion> excluded;  // Of everybody.
  std::vector<Unattached> unattached;
  // What somebody said is not one: a piece, and an index into people.
  std::vector<std::pair<Piece, std::size_t>> apart;
};

// Finds the track that had a face at a place; nullopt if none had. Asked only for edits whose
// tracks are not those of now.
using FindTrack = std::function<std::optional<std::int64_t>(const Sight& sight)>;

struct FoldInput {
  std::string tracks;                // Work key of the tracks.
  std::span<const TrackSpan> spans;  // By id.
  std::span<const Group> groups;
  std::span<const Edit> edits;  // Those that stand, in their order.
  FindTrack find_track = {};
};

// docs/people.md, Fold. Every piece of every track is in one place of the result. The same whatever
// number a group has.
Folded Fold(const FoldInput& input);

}  // namespace rollcall::people
