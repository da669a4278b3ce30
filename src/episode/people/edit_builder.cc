#include "episode/people/edit_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "api/params.h"
#include "base/shown_text.h"
#include "base/utf8.h"
#include "domain/reasons.h"
#include "episode/people/anchors.h"

namespace rollcall::episode {
namespace {

using base::Json;
using base::Result;
using domain::MediaTime;
using people::EditKind;
namespace reason = domain::reason;

constexpr std::size_t kNameBytesMax = 200;
constexpr std::size_t kPiecesMax = 2'000;
constexpr std::size_t kPeopleMax = 100;

base::Error BadEdit(std::string why) { return domain::MakeError(reason::kBadEdit, std::move(why)); }

// Control characters, and those that turn the direction of what stands beside them.
bool IsUnfit(char32_t c) {
  const bool is_control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
  const bool turns = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                     (c >= 0x2066 && c <= 0x2069);
  const bool breaks = c == 0x2028 || c == 0x2029;
  return is_control || turns || breaks;
}

// Of text that is UTF-8.
std::vector<char32_t> CharactersOf(std::string_view text) {
  std::vector<char32_t> characters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      characters.push_back(byte);
    } else if (byte >= 0xf0) {
      characters.push_back(byte & 0x07U);
    } else if (byte >= 0xe0) {
      characters.push_back(byte & 0x0fU);
    } else if (byte >= 0xc0) {
      characters.push_back(byte & 0x1fU);
    } else if (!characters.empty()) {
      characters.back() = (characters.back() << 6U) | (byte & 0x3fU);
    }
  }
  return characters;
}

bool IsLabel(std::string_view name) {
  constexpr std::string_view kPerson = "Person ";
  if (!name.starts_with(kPerson) || name.size() == kPerson.size()) return false;
  return std::ranges::all_of(name.substr(kPerson.size()),
                             [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::int64_t> MillisIn(const Json& request, const char* member) {
  ROLLCALL_TRY_ASSIGN(const std::int64_t ms, api::IntegerParam(request, member, -1));
  constexpr std::int64_t kDayMs = 24LL * 3'600'000;
  if (ms >= 0 && ms <= 100 * kDayMs) return ms;
  return BadEdit(fmt::format("\"{}\" has to say a time in milliseconds", member));
}

Result<domain::PixelBox> BoxIn(const Json& request) {
  constexpr std::size_t kCorners = 4;
  constexpr double kPixelsMax = 100'000;
  const auto found = request.find("box");
  std::array<float, kCorners> corners{};
  bool is_box = found != request.end() && found->is_array() && found->size() == kCorners;
  for (std::size_t i = 0; is_box && i < kCorners; ++i) {
    const Json& corner = (*found)[i];
    is_box = corner.is_number() && std::abs(corner.get<double>()) < kPixelsMax;
    if (is_box) corners[i] = corner.get<float>();
  }
  const domain::PixelBox box{
      .x1 = corners[0], .y1 = corners[1], .x2 = corners[2], .y2 = corners[3]};
  if (is_box && box.x1 < box.x2 && box.y1 < box.y2) return box;
  return BadEdit("\"box\" has to be [x1, y1, x2, y2] in pixels of the picture");
}

std::string Listed(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Result<void> CheckPersonName(const std::string& name) {
  const auto bad = [](std::string why) {
    return domain::MakeError(reason::kBadName, std::move(why));
  };
  if (name.empty() || name.size() > kNameBytesMax) {
    return bad(fmt::format("a name has 1 to {} bytes, not {}", kNameBytesMax, name.size()));
  }
  if (!base::IsUtf8(name)) return bad("the name is no UTF-8");
  if (std::ranges::any_of(CharactersOf(name), IsUnfit)) {
    return bad("the name has a control character, or one that turns the direction of text");
  }
  if (name.front() == ' ' || name.back() == ' ') return bad("the name begins or ends with a blank");
  if (IsLabel(name)) return bad("\"" + name + "\" is how somebody without a name is called");
  return {};
}

EditBuilder::EditBuilder(const PeopleSnapshot& snapshot)
    : snapshot_(snapshot),
      pack_(*snapshot.pack),
      edits_(snapshot.edits),
      last_label_(snapshot.standing.last_label),
      folded_(snapshot.people.folded) {}

std::vector<store::NewEdit> EditBuilder::Labels(const PeopleSnapshot& snapshot) {
  std::vector<store::NewEdit> lines;
  for (const pipeline::PersonTime& time : snapshot.people.times) {
    const people::Person& person = snapshot.PersonOf(time);
    if (person.label != 0 || person.pieces.empty()) continue;
    const people::Edit edit{
        .kind = EditKind::kLabel,
        .tracks = snapshot.pack->facts.tracks_sha256,
        .subject = MakeAnchors(*snapshot.pack, person.pieces, AnchorsOf::kPerson),
        .label = time.label};
    lines.push_back({.kind = std::string(kLabelKind), .body_json = BodyToJson(edit).dump()});
  }
  return lines;
}

void EditBuilder::Write(people::Edit edit, const Json& request, const std::string& said) {
  edit.sequence = static_cast<std::int64_t>(snapshot_.log.size() + lines_.size()) + 1;
  edit.tracks = pack_.facts.tracks_sha256;
  Json body = BodyToJson(edit);
  body["said"] = said;
  body["request"] = request;
  lines_.push_back({.kind = std::string(EditKindName(edit.kind)), .body_json = body.dump()});
  edits_.push_back(std::move(edit));
  folded_ = pipeline::FoldPack(pack_, edits_);
}

Result<std::size_t> EditBuilder::PersonOf(std::int64_t label) const {
  for (std::size_t i = 0; i < folded_.people.size(); ++i) {
    if (label > 0 && folded_.people[i].label == label) return i;
  }
  return domain::MakeError(reason::kNoSuchPerson,
                           fmt::format("{} has no person {}", snapshot_.key, label));
}

Result<std::size_t> EditBuilder::PersonIn(const Json& request, const char* member) const {
  if (!request.contains(member)) {
    return BadEdit(fmt::format("\"{}\" has to name a person by number", member));
  }
  ROLLCALL_TRY_ASSIGN(const std::int64_t label, api::IntegerParam(request, member, 0));
  return PersonOf(label);
}

Result<std::vector<std::int64_t>> EditBuilder::LabelsIn(const Json& request) const {
  const auto found = request.find("people");
  std::vector<std::int64_t> labels;
  bool is_list =
      found != request.end() && found->is_array() && !found->empty() && found->size() <= kPeopleMax;
  for (std::size_t i = 0; is_list && i < found->size(); ++i) {
    is_list = (*found)[i].is_number_integer();
    if (is_list) labels.push_back((*found)[i].get<std::int64_t>());
  }
  if (!is_list) {
    return BadEdit(fmt::format("\"people\" has to be a list of 1 to {} numbers", kPeopleMax));
  }
  for (const std::int64_t label : labels) ROLLCALL_TRY(PersonOf(label));
  if (std::set(labels.begin(), labels.end()).size() != labels.size()) {
    return BadEdit("\"people\" names somebody twice");
  }
  return labels;
}

Result<std::vector<people::Piece>> EditBuilder::PiecesIn(const Json& request) const {
  const auto found = request.find("pieces");
  if (found == request.end() || !found->is_array() || found->empty() ||
      found->size() > kPiecesMax) {
    return BadEdit(fmt::format("\"pieces\" has to be a list of 1 to {} names", kPiecesMax));
  }
  std::vector<people::Piece> pieces;
  for (const Json& name : *found) {
    if (!name.is_string()) return BadEdit("a piece is named by a text, as \"12\" or \"12@61000\"");
    ROLLCALL_TRY_ASSIGN(pieces.emplace_back(), FindPiece(pack_, folded_, name.get<std::string>()));
  }
  return pieces;
}

Result<std::vector<people::Anchor>> EditBuilder::AnchorsOfPerson(std::size_t person) const {
  const people::Person& somebody = folded_.people[person];
  if (somebody.pieces.empty()) {
    return BadEdit(NameOf(person) +
                   " has no face that was found, so that nothing can hold on to it");
  }
  return MakeAnchors(pack_, somebody.pieces, AnchorsOf::kPerson);
}

std::string EditBuilder::NameOf(std::size_t person) const {
  return ShownName(folded_.people[person]);
}

Result<void> EditBuilder::Add(const Json& request) {
  struct Verb {
    std::string_view kind;
    Result<void> (EditBuilder::*add)(const Json& request);
    std::vector<std::string_view> members;
  };
  static const std::array<Verb, 10> kVerbs{{
      {"name", &EditBuilder::Name, {"person", "name"}},
      {"merge", &EditBuilder::Merge, {"people", "into"}},
      {"same", &EditBuilder::Same, {"people"}},
      {"split", &EditBuilder::Split, {"pieces"}},
      {"move", &EditBuilder::Move, {"pieces", "into"}},
      {"cut", &EditBuilder::Cut, {"piece", "at_ms"}},
      {"not", &EditBuilder::NotOne, {"pieces", "person"}},
      {"ignore", &EditBuilder::Ignore, {"pieces", "person"}},
      {"face", &EditBuilder::Face, {"person", "at_ms", "box", "from_ms", "to_ms"}},
      {"exclude", &EditBuilder::Exclude, {"from_ms", "to_ms", "person"}},
  }};
  if (!request.is_object()) return BadEdit("an edit is an object with a \"kind\"");
  ROLLCALL_TRY_ASSIGN(const std::string kind, api::TextParam(request, "kind", ""));
  const auto verb = std::ranges::find(kVerbs, kind, &Verb::kind);
  if (verb == kVerbs.end()) return BadEdit("there is no edit \"" + base::Shown(kind) + "\"");
  for (const auto& [name, value] : request.items()) {
    const bool is_known =
        name == "kind" || name == "who" || std::ranges::count(verb->members, name);
    if (!is_known) return BadEdit("\"" + base::Shown(name) + "\" means nothing in a " + kind);
  }
  return (this->*verb->add)(request);
}

Result<void> EditBuilder::Name(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const std::size_t person, PersonIn(request, "person"));
  ROLLCALL_TRY_ASSIGN(const std::string name, api::TextParam(request, "name", ""));
  if (!name.empty()) ROLLCALL_TRY(CheckPersonName(name));
  for (std::size_t i = 0; i < folded_.people.size(); ++i) {
    if (i == person || name.empty() || folded_.people[i].name != name) continue;
    return domain::MakeError(
        reason::kNameTaken,
        fmt::format("somebody else is {} already: person {}", name, folded_.people[i].label));
  }
  ROLLCALL_TRY_ASSIGN(auto anchors, AnchorsOfPerson(person));
  Write({.kind = EditKind::kName, .subject = std::move(anchors), .name = name}, request,
        name.empty() ? NameOf(person) + " has no name any more"
                     : fmt::format("{} is {}", NameOf(person), name));
  return {};
}

Result<void> EditBuilder::Merge(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const auto labels, LabelsIn(request));
  ROLLCALL_TRY_ASSIGN(const std::int64_t into, api::IntegerParam(request, "into", 0));
  if (std::ranges::count(labels, into) > 0) return BadEdit("nobody is merged into himself");
  for (const std::int64_t label : labels) {
    ROLLCALL_TRY_ASSIGN(const std::size_t gone, PersonOf(label));
    ROLLCALL_TRY_ASSIGN(const std::size_t kept, PersonOf(into));
    ROLLCALL_TRY_ASSIGN(auto subject, AnchorsOfPerson(gone));
    ROLLCALL_TRY_ASSIGN(auto other, AnchorsOfPerson(kept));
    Write({.kind = EditKind::kMerge, .subject = std::move(subject), .other = std::move(other)},
          request, fmt::format("{} is merged into {}", NameOf(gone), NameOf(kept)));
  }
  return {};
}

Result<void> EditBuilder::Same(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const auto labels, LabelsIn(request));
  if (labels.size() != 2) return BadEdit("\"people\" has to name two");
  ROLLCALL_TRY_ASSIGN(const std::size_t a, PersonOf(labels[0]));
  ROLLCALL_TRY_ASSIGN(const std::size_t b, PersonOf(labels[1]));
  ROLLCALL_TRY_ASSIGN(auto subject, AnchorsOfPerson(a));
  ROLLCALL_TRY_ASSIGN(auto other, AnchorsOfPerson(b));
  Write({.kind = EditKind::kSame, .subject = std::move(subject), .other = std::move(other)},
        request, fmt::format("{} and {} are one", NameOf(a), NameOf(b)));
  return {};
}

Result<void> EditBuilder::Split(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const auto pieces, PiecesIn(request));
  const int label = ++last_label_;
  Write(
      {.kind = EditKind::kSplit,
       .subject = MakeAnchors(pack_, pieces, AnchorsOf::kPieces),
       .label = label},
      request,
      fmt::format("{} piece{} are Person {}", pieces.size(), pieces.size() == 1 ? "" : "s", label));
  return {};
}

Result<void> EditBuilder::Move(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const auto pieces, PiecesIn(request));
  ROLLCALL_TRY_ASSIGN(const std::size_t person, PersonIn(request, "into"));
  ROLLCALL_TRY_ASSIGN(auto other, AnchorsOfPerson(person));
  std::vector<std::string> names;
  for (const people::Piece& piece : pieces) names.push_back(PieceName(pack_, piece));
  Write({.kind = EditKind::kMove,
         .subject = MakeAnchors(pack_, pieces, AnchorsOf::kPieces),
         .other = std::move(other)},
        request, fmt::format("{} moved to {}", Listed(names), NameOf(person)));
  return {};
}

Result<void> EditBuilder::Cut(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const std::string name, api::TextParam(request, "piece", ""));
  ROLLCALL_TRY_ASSIGN(const people::Piece piece, FindPiece(pack_, folded_, name));
  ROLLCALL_TRY_ASSIGN(const std::int64_t at_ms, MillisIn(request, "at_ms"));
  const MediaTime at = std::chrono::milliseconds{at_ms};
  if (at <= piece.from || at >= piece.to) {
    return BadEdit(fmt::format("piece {} goes from {} to {} ms, and can be cut only between", name,
                               domain::ToMillis(piece.from), domain::ToMillis(piece.to)));
  }
  Write({.kind = EditKind::kCut,
         .subject = MakeAnchors(pack_, {piece}, AnchorsOf::kPieces),
         .at = at},
        request, fmt::format("{} is cut at {} ms", name, at_ms));
  return {};
}

Result<void> EditBuilder::NotOne(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const auto pieces, PiecesIn(request));
  ROLLCALL_TRY_ASSIGN(const std::size_t person, PersonIn(request, "person"));
  ROLLCALL_TRY_ASSIGN(auto other, AnchorsOfPerson(person));
  std::vector<std::string> names;
  for (const people::Piece& piece : pieces) names.push_back(PieceName(pack_, piece));
  Write({.kind = EditKind::kNot,
         .subject = MakeAnchors(pack_, pieces, AnchorsOf::kPieces),
         .other = std::move(other)},
        request, fmt::format("{} not {}", Listed(names), NameOf(person)));
  return {};
}

Result<void> EditBuilder::Ignore(const Json& request) {
  if (request.contains("pieces") == request.contains("person")) {
    return BadEdit("\"pieces\" or a \"person\" has to be named, one of them");
  }
  std::vector<people::Piece> pieces;
  std::string whom;
  if (request.contains("person")) {
    ROLLCALL_TRY_ASSIGN(const std::size_t person, PersonIn(request, "person"));
    pieces = folded_.people[person].pieces;
    whom = NameOf(person);
    if (pieces.empty()) return BadEdit(whom + " has no face that was found");
  } else {
    ROLLCALL_TRY_ASSIGN(pieces, PiecesIn(request));
    std::vector<std::string> names;
    for (const people::Piece& piece : pieces) names.push_back(PieceName(pack_, piece));
    whom = Listed(names);
  }
  Write({.kind = EditKind::kIgnore, .subject = MakeAnchors(pack_, pieces, AnchorsOf::kPieces)},
        request, whom + " ignored");
  return {};
}

Result<void> EditBuilder::Face(const Json& request) {
  constexpr std::int64_t kAroundMs = 50;  // Half of what a sample stands for.
  ROLLCALL_TRY_ASSIGN(const std::size_t person, PersonIn(request, "person"));
  ROLLCALL_TRY_ASSIGN(auto other, AnchorsOfPerson(person));
  ROLLCALL_TRY_ASSIGN(const std::int64_t at_ms, MillisIn(request, "at_ms"));
  std::int64_t from_ms = std::max<std::int64_t>(0, at_ms - kAroundMs);
  std::int64_t to_ms = at_ms + kAroundMs;
  if (request.contains("from_ms")) {
    ROLLCALL_TRY_ASSIGN(from_ms, MillisIn(request, "from_ms"));
  }
  if (request.contains("to_ms")) {
    ROLLCALL_TRY_ASSIGN(to_ms, MillisIn(request, "to_ms"));
  }
  ROLLCALL_TRY_ASSIGN(const domain::PixelBox box, BoxIn(request));
  const MediaTime from =
      std::max<MediaTime>(std::chrono::milliseconds{from_ms}, pack_.facts.pictures.start);
  const MediaTime to =
      std::min<MediaTime>(std::chrono::milliseconds{to_ms}, pack_.facts.pictures.end);
  const MediaTime at = std::chrono::milliseconds{at_ms};
  if (from >= to || at < from || at >= to) {
    return BadEdit("the face has to be between \"from_ms\" and \"to_ms\", and within the video");
  }
  Write({.kind = EditKind::kFace,
         .other = std::move(other),
         .at = at,
         .from = from,
         .to = to,
         .box = box},
        request, fmt::format("{} is there at {} ms", NameOf(person), at_ms));
  return {};
}

Result<void> EditBuilder::Exclude(const Json& request) {
  ROLLCALL_TRY_ASSIGN(const std::int64_t from_ms, MillisIn(request, "from_ms"));
  ROLLCALL_TRY_ASSIGN(const std::int64_t to_ms, MillisIn(request, "to_ms"));
  if (from_ms >= to_ms) return BadEdit("\"from_ms\" has to be before \"to_ms\"");
  people::Edit edit{.kind = EditKind::kExclude,
                    .from = std::chrono::milliseconds{from_ms},
                    .to = std::chrono::milliseconds{to_ms}};
  std::string whom = "nobody";
  if (request.contains("person")) {
    ROLLCALL_TRY_ASSIGN(const std::size_t person, PersonIn(request, "person"));
    ROLLCALL_TRY_ASSIGN(edit.other, AnchorsOfPerson(person));
    whom = NameOf(person) + " not";
  }
  Write(std::move(edit), request, fmt::format("{} counted from {} to {} ms", whom, from_ms, to_ms));
  return {};
}

}  // namespace rollcall::episode
