#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "domain/geometry.h"
#include "domain/media_time.h"

namespace rollcall::people {

// A track, or what is left of one between two cuts: [from, to).
struct Piece {
  std::int64_t track_id = 0;
  domain::MediaTime from{};
  domain::MediaTime to{};
  friend bool operator==(const Piece&, const Piece&) = default;
};

// Where a face of it was seen.
struct Sight {
  domain::MediaTime at{};
  domain::PixelBox box{};
};

inline constexpr std::size_t kSightsMax = 5;
// Of a person, the longest pieces.
inline constexpr std::size_t kAnchorsMax = 32;

// What an edit holds on to: a piece, as it was when the edit was made, and how to find it again
// where tracks are numbered anew.
struct Anchor {
  Piece piece;
  std::vector<Sight> sights;  // Spread over the piece, kSightsMax at the most; not empty.
};

enum class EditKind {
  kLabel,
  kName,
  kMerge,
  kSame,
  kSplit,
  kMove,
  kCut,
  kNot,
  kIgnore,
  kFace,
  kExclude,
};
std::string_view EditKindName(EditKind kind);
std::optional<EditKind> EditKindFromName(std::string_view name);

// What somebody said of an episode's people: docs/people.md. Which members mean something depends
// on the kind.
struct Edit {
  std::int64_t sequence = 0;  // In the log.
  EditKind kind{};
  std::string tracks;           // Work key of the tracks that its track ids are of.
  std::vector<Anchor> subject;  // Who or what it is about.
  std::vector<Anchor> other;    // A person that it names beside that.
  int label = 0;                // kLabel, kSplit.
  std::string name;             // kName.
  domain::MediaTime at{};       // kCut, kFace.
  domain::MediaTime from{};     // kFace, kExclude.
  domain::MediaTime to{};
  domain::PixelBox box{};  // kFace.
};

// The body of the log's line, without sequence and kind.
base::Json BodyToJson(const Edit& edit);
// kDataLoss / ERR_STORE_DAMAGED for what no program wrote.
base::Result<Edit> EditFrom(std::int64_t sequence, std::string_view kind, const base::Json& body);

}  // namespace rollcall::people
