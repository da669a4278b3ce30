#include "episode/people/anchors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>

#include "base/shown_text.h"
#include "domain/media_time.h"
#include "domain/reasons.h"

namespace rollcall::episode {
namespace {

using people::Piece;
using pipeline::PresencePack;
using pipeline::TrackSummary;

const TrackSummary* TrackOf(const PresencePack& pack, std::int64_t id) {
  const auto found = std::ranges::lower_bound(pack.tracks, id, {}, &TrackSummary::id);
  return found == pack.tracks.end() || found->id != id ? nullptr : &*found;
}

// kSightsMax of them, spread evenly.
std::vector<people::Sight> Spread(const std::vector<people::Sight>& all) {
  if (all.size() <= people::kSightsMax) return all;
  std::vector<people::Sight> sights;
  for (std::size_t i = 0; i < people::kSightsMax; ++i) {
    sights.push_back(all[(2 * i + 1) * all.size() / (2 * people::kSightsMax)]);
  }
  return sights;
}

}  // namespace

std::string PieceName(const PresencePack& pack, const Piece& piece) {
  const TrackSummary* track = TrackOf(pack, piece.track_id);
  if (track == nullptr || piece.from <= track->start) return std::to_string(piece.track_id);
  return fmt::format("{}@{}", piece.track_id, domain::ToMillis(piece.from));
}

std::vector<Piece> AllPieces(const people::Folded& folded) {
  std::vector<Piece> pieces = folded.nobodys;
  pieces.insert(pieces.end(), folded.ignored.begin(), folded.ignored.end());
  for (const people::Person& person : folded.people) {
    pieces.insert(pieces.end(), person.pieces.begin(), person.pieces.end());
  }
  std::ranges::sort(pieces, {},
                    [](const Piece& piece) { return std::tuple(piece.track_id, piece.from); });
  return pieces;
}

base::Result<Piece> FindPiece(const PresencePack& pack, const people::Folded& folded,
                              std::string_view name) {
  std::int64_t track = 0;
  const auto [stop, failure] = std::from_chars(name.data(), name.data() + name.size(), track);
  if (failure == std::errc{} && stop != name.data()) {
    for (const Piece& piece : AllPieces(folded)) {
      if (piece.track_id == track && PieceName(pack, piece) == name) return piece;
    }
  }
  return domain::MakeError(domain::reason::kNoSuchPiece,
                           "there is no piece " + base::Shown(std::string(name)));
}

std::vector<people::Anchor> MakeAnchors(const PresencePack& pack, std::vector<Piece> pieces,
                                        AnchorsOf of) {
  if (of == AnchorsOf::kPerson && pieces.size() > people::kAnchorsMax) {
    std::ranges::sort(pieces, {}, [](const Piece& piece) {
      return std::tuple((piece.from - piece.to).count(), piece.track_id, piece.from);
    });
    pieces.resize(people::kAnchorsMax);
  }
  std::ranges::sort(pieces, {},
                    [](const Piece& piece) { return std::tuple(piece.track_id, piece.from); });
  std::map<std::int64_t, std::vector<std::size_t>> of_track;
  for (std::size_t i = 0; i < pieces.size(); ++i) of_track[pieces[i].track_id].push_back(i);
  std::vector<std::vector<people::Sight>> sights(pieces.size());
  for (const PresencePack::Seen& seen : pack.sightings) {
    const auto found = of_track.find(seen.track_id);
    if (found == of_track.end()) continue;
    const domain::MediaTime at = pack.AtOf(seen);
    for (const std::size_t i : found->second) {
      if (at >= pieces[i].from && at < pieces[i].to)
        sights[i].push_back({.at = at, .box = seen.box});
    }
  }
  std::vector<people::Anchor> anchors;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    anchors.push_back({.piece = pieces[i], .sights = Spread(sights[i])});
  }
  return anchors;
}

}  // namespace rollcall::episode
