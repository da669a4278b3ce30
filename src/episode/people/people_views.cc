#include "episode/people/people_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "domain/reasons.h"
#include "episode/people/anchors.h"
#include "pipeline/people_likeness.h"

namespace rollcall::episode {
namespace {

using base::Json;
using domain::ToMillis;
using pipeline::PersonTime;

double RoundedShare(double value) { return std::round(value * 1e6) / 1e6; }
double RoundedCosine(double value) { return std::round(value * 1e4) / 1e4; }

Json Summary(const PeopleSnapshot& snapshot, const PersonTime& time) {
  const auto whole = static_cast<double>(snapshot.pack->facts.pictures.length().count());
  const people::Person& person = snapshot.PersonOf(time);
  return {
      {"person", time.label},
      {"name", time.name},
      {"is_named", time.is_named},
      {"seen_ms", ToMillis(time.seen_length())},
      {"total_ms", ToMillis(time.total_length())},
      {"error_ms", ToMillis(time.error())},
      {"share",
       whole > 0 ? RoundedShare(static_cast<double>(time.total_length().count()) / whole) : 0.0},
      {"appearances", time.intervals.size()},
      {"first_ms", ToMillis(time.intervals.front().start)},
      {"last_ms", ToMillis(time.intervals.back().end)},
      {"mean_confidence", RoundedCosine(time.mean_confidence)},
      {"is_low_confidence", time.is_low_confidence},
      {"best_track", time.best_track_id},
      {"pieces", person.pieces.size()}};
}

std::size_t TracksAmong(const std::vector<people::Piece>& pieces) {
  std::set<std::int64_t> ids;
  for (const people::Piece& piece : pieces) ids.insert(piece.track_id);
  return ids.size();
}

Json IntervalsJson(const std::vector<pipeline::PresenceInterval>& intervals) {
  Json list = Json::array();
  for (const auto& interval : intervals) {
    list.push_back({{"start_ms", ToMillis(interval.start)}, {"end_ms", ToMillis(interval.end)}});
  }
  return list;
}

Json PieceJson(const PeopleSnapshot& snapshot, const people::Piece& piece) {
  return {{"piece", PieceName(*snapshot.pack, piece)},
          {"track", piece.track_id},
          {"from_ms", ToMillis(piece.from)},
          {"to_ms", ToMillis(piece.to)}};
}

bool Has(const std::vector<people::Piece>& pieces, const people::Piece& piece) {
  return std::ranges::find(pieces, piece) != pieces.end();
}

// Whose a piece is; nullopt for nobody's.
const PersonTime* OwnerOf(const PeopleSnapshot& snapshot, const people::Piece& piece) {
  for (const PersonTime& time : snapshot.people.times) {
    if (Has(snapshot.PersonOf(time).pieces, piece)) return &time;
  }
  return nullptr;
}

bool WasSplitByHand(const PeopleSnapshot& snapshot, const people::Piece& piece) {
  return std::ranges::any_of(snapshot.people.folded.apart,
                             [&](const auto& apart) { return apart.first == piece; });
}

// Why a piece is where it is, in a sentence.
std::string WhyOf(const PeopleSnapshot& snapshot, const pipeline::TrackSummary& track,
                  const people::Piece& piece, const std::vector<pipeline::LikePerson>& nearest) {
  constexpr float kPoor = 0.25F;  // As clustering has it.
  if (const PersonTime* owner = OwnerOf(snapshot, piece)) {
    const auto like = std::ranges::find_if(nearest, [&](const pipeline::LikePerson& each) {
      return &snapshot.people.times[each.person] == owner;
    });
    if (like == nearest.end()) return fmt::format("{}: an edit says so", owner->name);
    return fmt::format("{}, whom it is like by {:.2f}", owner->name, like->cosine);
  }
  if (Has(snapshot.people.folded.ignored, piece)) return "ignored: an edit says so";
  if (WasSplitByHand(snapshot, piece)) return "nobody's: an edit says whom it is not";
  if (track.embedding.empty() || track.quality < kPoor) {
    return "nobody's: no picture of it is good enough to tell who it is";
  }
  for (const people::Person& person : snapshot.people.folded.people) {
    if (Has(person.pieces, piece)) return "seen for too short to be counted";
  }
  if (nearest.empty()) return "nobody's: there is nobody to compare it with";
  return fmt::format("nobody's: like nobody enough; most of all like {} ({:.2f})",
                     snapshot.people.times[nearest.front().person].name, nearest.front().cosine);
}

}  // namespace

Json PeopleJson(const PeopleSnapshot& snapshot) {
  Json people = Json::array();
  for (const PersonTime& time : snapshot.people.times) people.push_back(Summary(snapshot, time));
  Json unattached = Json::array();
  for (const people::Unattached& edit : snapshot.people.folded.unattached) {
    unattached.push_back(
        {{"sequence", edit.sequence}, {"is_partly", edit.is_partly}, {"why", edit.why}});
  }
  return {{"episode_key", snapshot.key},
          {"people", std::move(people)},
          {"video_ms", ToMillis(snapshot.pack->facts.pictures.length())},
          {"tracks_unidentified", TracksAmong(snapshot.people.folded.nobodys)},
          {"tracks_ignored", TracksAmong(snapshot.people.folded.ignored)},
          {"edit_sequence", snapshot.log.empty() ? 0 : snapshot.log.back().sequence},
          {"unattached", std::move(unattached)},
          {"files_are_current", snapshot.files_are_current}};
}

base::Result<Json> PersonJson(const PeopleSnapshot& snapshot, std::int64_t label) {
  const PersonTime* time = snapshot.Labelled(static_cast<int>(label));
  if (time == nullptr) {
    return domain::MakeError(domain::reason::kNoSuchPerson,
                             fmt::format("{} has no person {}", snapshot.key, label));
  }
  Json person = Summary(snapshot, *time);
  Json pieces = Json::array();
  for (const people::Piece& piece : snapshot.PersonOf(*time).pieces) {
    pieces.push_back(PieceJson(snapshot, piece));
  }
  Json added = Json::array();
  for (const people::AddedFace& face : snapshot.PersonOf(*time).added) {
    added.push_back({{"sequence", face.sequence},
                     {"from_ms", ToMillis(face.from)},
                     {"to_ms", ToMillis(face.to)}});
  }
  person["pieces"] = std::move(pieces);
  person["added"] = std::move(added);
  person["seen"] = IntervalsJson(time->seen);
  person["intervals"] = IntervalsJson(time->intervals);
  return Json{{"episode_key", snapshot.key}, {"person", std::move(person)}};
}

Json SuggestionsJson(const PeopleSnapshot& snapshot) {
  constexpr std::size_t kSuggestionsMax = 50;
  const pipeline::PeopleLikeness likeness(*snapshot.pack, snapshot.people);
  const auto one = [&](std::size_t i) {
    const PersonTime& time = snapshot.people.times[i];
    return Json{{"person", time.label}, {"name", time.name}, {"best_track", time.best_track_id}};
  };
  Json suggestions = Json::array();
  for (const pipeline::LikePair& pair : likeness.Suggestions(kSuggestionsMax)) {
    suggestions.push_back({{"into", one(pair.a)},
                           {"person", one(pair.b)},
                           {"cosine", RoundedCosine(pair.cosine)},
                           {"settles_ms", ToMillis(pair.settled)}});
  }
  return {{"episode_key", snapshot.key}, {"suggestions", std::move(suggestions)}};
}

base::Result<Json> TrackJson(const PeopleSnapshot& snapshot, std::int64_t track) {
  constexpr std::size_t kNearest = 4;
  const auto& tracks = snapshot.pack->tracks;
  const auto found = std::ranges::lower_bound(tracks, track, {}, &pipeline::TrackSummary::id);
  if (found == tracks.end() || found->id != track) {
    return domain::MakeError(domain::reason::kNoSuchPiece,
                             fmt::format("{} has no track {}", snapshot.key, track));
  }
  const pipeline::PeopleLikeness likeness(*snapshot.pack, snapshot.people);
  const auto nearest = likeness.NearestTo(*found);
  Json pieces = Json::array();
  for (const people::Piece& piece : AllPieces(snapshot.people.folded)) {
    if (piece.track_id != track) continue;
    const PersonTime* owner = OwnerOf(snapshot, piece);
    Json json = PieceJson(snapshot, piece);
    json["person"] = owner == nullptr ? Json(nullptr) : Json(owner->label);
    json["why"] = WhyOf(snapshot, *found, piece, nearest);
    pieces.push_back(std::move(json));
  }
  Json alike = Json::array();
  for (std::size_t i = 0; i < std::min(kNearest, nearest.size()); ++i) {
    const PersonTime& time = snapshot.people.times[nearest[i].person];
    alike.push_back({{"person", time.label},
                     {"name", time.name},
                     {"cosine", RoundedCosine(nearest[i].cosine)}});
  }
  return Json{{"episode_key", snapshot.key},
              {"track", track},
              {"start_ms", ToMillis(found->start)},
              {"end_ms", ToMillis(found->end)},
              {"faces", found->count},
              {"quality", RoundedCosine(found->quality)},
              {"has_vector", !found->embedding.empty()},
              {"pieces", std::move(pieces)},
              {"nearest", std::move(alike)}};
}

Json EditLineJson(const store::Edit& line) {
  const Json body = base::ObjectFrom(line.body_json);
  std::string said = body.value("said", "");
  if (line.kind == kLabelKind) {
    said = fmt::format("Person {} has its number", body.value("label", 0));
  } else if (line.kind == store::kUndoKind || line.kind == store::kRedoKind) {
    said = fmt::format("{} {}", line.kind == store::kUndoKind ? "takes back" : "lets stand again",
                       body.value("sequence", std::int64_t{0}));
  }
  return {{"sequence", line.sequence},
          {"at", base::IsoTime(line.at)},
          {"who", line.who},
          {"kind", line.kind},
          {"said", said},
          {"undone_by", line.undone_by ? Json(*line.undone_by) : Json(nullptr)},
          {"request", body.value("request", Json::object())}};
}

Json HistoryJson(std::string_view key, const std::vector<store::Edit>& log) {
  Json edits = Json::array();
  for (const store::Edit& line : log) edits.push_back(EditLineJson(line));
  return {{"episode_key", key}, {"edits", std::move(edits)}};
}

}  // namespace rollcall::episode
