#include "people/fold.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

namespace rollcall::people {
namespace {

using domain::MediaTime;

// Whose a piece is: an index into the people, or one of these.
constexpr int kNobody = -1;
constexpr int kIgnored = -2;

struct OwnedPiece {
  Piece piece;
  int owner = kNobody;
};

MediaTime LengthOf(const Piece& piece) { return piece.to - piece.from; }

MediaTime Shared(const Piece& a, const Piece& b) {
  return std::max(MediaTime{0}, std::min(a.to, b.to) - std::max(a.from, b.from));
}

// One fold on its way.
class Folding {
 public:
  explicit Folding(const FoldInput& input) : input_(input) {
    for (const TrackSpan& span : input.spans) {
      first_of_[span.id] = pieces_.size();
      pieces_.push_back({.piece = {.track_id = span.id, .from = span.from, .to = span.to}});
    }
    // Whatever order they come in: of two that are equally meant the one whose track is first is.
    std::vector<const Group*> groups;
    for (const Group& group : input.groups) groups.push_back(&group);
    std::ranges::stable_sort(groups, {}, [](const Group* group) {
      return group->track_ids.empty() ? std::int64_t{0} : std::ranges::min(group->track_ids);
    });
    for (const Group* each : groups) {
      const Group& group = *each;
      const int person = static_cast<int>(people_.size());
      people_.push_back({.group_id = group.id, .is_low_confidence = group.is_low_confidence});
      for (const std::int64_t id : group.track_ids) {
        if (const auto found = first_of_.find(id); found != first_of_.end()) {
          pieces_[found->second].owner = person;
        }
      }
    }
    became_.resize(people_.size(), kNobody);
  }

  Folded Run() {
    for (const Edit& edit : input_.edits) Apply(edit);
    return Result();
  }

 private:
  using Indexes = std::vector<std::size_t>;  // Into pieces_.

  // What anchors hold on to now.
  struct Held {
    Indexes pieces;  // Each once.
    std::size_t lost = 0;
    std::size_t of = 0;
  };

  bool IsOfTheseTracks(const Edit& edit) const { return edit.tracks == input_.tracks; }

  // The pieces of one track are together, in time order.
  Indexes PiecesOf(std::int64_t track_id) const {
    Indexes indexes;
    const auto first = first_of_.find(track_id);
    if (first == first_of_.end()) return indexes;
    for (std::size_t i = first->second; i < pieces_.size() && pieces_[i].piece.track_id == track_id;
         ++i) {
      indexes.push_back(i);
    }
    return indexes;
  }

  // The piece of a time, or the nearest: where few pictures were looked at a track is shorter than
  // its face was there.
  std::optional<std::size_t> PieceNear(std::int64_t track_id, MediaTime at) const {
    std::optional<std::size_t> nearest;
    MediaTime least{};
    for (const std::size_t i : PiecesOf(track_id)) {
      const Piece& piece = pieces_[i].piece;
      const MediaTime away =
          std::max({MediaTime{0}, piece.from - at, at - piece.to + MediaTime{1}});
      if (nearest && away >= least) continue;
      nearest = i;
      least = away;
    }
    return nearest;
  }

  // Of the same tracks: those that it covers more than half of. A cut that was taken back since
  // leaves the larger part with the whole.
  Indexes SamePiecesOf(const Anchor& anchor) const {
    Indexes indexes;
    for (const std::size_t i : PiecesOf(anchor.piece.track_id)) {
      const Piece& piece = pieces_[i].piece;
      if (2 * Shared(piece, anchor.piece) > LengthOf(piece)) indexes.push_back(i);
    }
    return indexes;
  }

  Indexes PiecesSeenBy(const Anchor& anchor) const {
    std::set<std::size_t> indexes;
    for (const Sight& sight : anchor.sights) {
      const auto track = input_.find_track ? input_.find_track(sight) : std::nullopt;
      if (!track) continue;
      if (const auto piece = PieceNear(*track, sight.at)) indexes.insert(*piece);
    }
    return {indexes.begin(), indexes.end()};
  }

  Indexes PiecesOf(const Anchor& anchor, const Edit& edit) const {
    return IsOfTheseTracks(edit) ? SamePiecesOf(anchor) : PiecesSeenBy(anchor);
  }

  Held Hold(const std::vector<Anchor>& anchors, const Edit& edit) const {
    std::set<std::size_t> all;
    Held held{.pieces = {}, .of = anchors.size()};
    for (const Anchor& anchor : anchors) {
      const Indexes found = PiecesOf(anchor, edit);
      if (found.empty()) ++held.lost;
      all.insert(found.begin(), found.end());
    }
    held.pieces.assign(all.begin(), all.end());
    return held;
  }

  // Whoever has most of them, by length; kNobody if nobody has any, or if most are nobody's.
  int PersonOf(const std::vector<Anchor>& anchors, const Edit& edit) const {
    std::map<int, std::int64_t> votes;
    for (const Anchor& anchor : anchors) {
      const Indexes found = PiecesOf(anchor, edit);
      for (const std::size_t i : found) {
        const std::int64_t length = std::max<std::int64_t>(1, LengthOf(anchor.piece).count());
        votes[pieces_[i].owner] += std::max<std::int64_t>(1, length / std::ssize(found));
      }
    }
    const auto most = std::ranges::max_element(
        votes, {}, [](const auto& vote) { return std::pair(vote.second, -vote.first); });
    return most == votes.end() || most->first < 0 ? kNobody : most->first;
  }

  void Lose(const Edit& edit, std::string why) {
    unattached_.push_back({.sequence = edit.sequence, .why = std::move(why)});
  }
  // False if nothing is held.
  bool Note(const Edit& edit, const Held& held) {
    if (held.pieces.empty()) {
      Lose(edit, "none of its faces is found any more");
      return false;
    }
    if (held.lost > 0) {
      unattached_.push_back({.sequence = edit.sequence,
                             .is_partly = true,
                             .why = std::to_string(held.lost) + " of its " +
                                    std::to_string(held.of) + " pieces are not found any more"});
    }
    return true;
  }
  // The person, or kNobody and a line.
  int PersonOrLose(const std::vector<Anchor>& anchors, const Edit& edit) {
    const int person = PersonOf(anchors, edit);
    if (person == kNobody) Lose(edit, "its person is nobody any more");
    return person;
  }

  int NewPerson(int label) {
    people_.push_back({.label = label});
    became_.push_back(kNobody);
    return static_cast<int>(people_.size()) - 1;
  }
  Person& At(int person) { return people_[static_cast<std::size_t>(person)]; }

  MediaTime LengthOfAll(int person) const {
    MediaTime length{0};
    for (const OwnedPiece& owned : pieces_) {
      if (owned.owner == person) length += LengthOf(owned.piece);
    }
    return length;
  }

  void Give(const Indexes& pieces, int owner) {
    for (const std::size_t i : pieces) pieces_[i].owner = owner;
  }

  void Merge(int gone, int kept) {
    if (gone == kept) return;  // Grouped together by now.
    for (OwnedPiece& owned : pieces_) {
      if (owned.owner == gone) owned.owner = kept;
    }
    Person& from = At(gone);
    Person& into = At(kept);
    if (into.name.empty()) into.name = std::exchange(from.name, {});
    if (into.label == 0) into.label = std::exchange(from.label, 0);
    into.added.insert(into.added.end(), from.added.begin(), from.added.end());
    into.excluded.insert(into.excluded.end(), from.excluded.begin(), from.excluded.end());
    from.added.clear();
    from.excluded.clear();
    became_[static_cast<std::size_t>(gone)] = kept;
  }

  void Label(const Edit& edit) {
    const int person = PersonOf(edit.subject, edit);
    // Where nobody has it any more, or two came together, the number rests.
    if (person != kNobody && At(person).label == 0) At(person).label = edit.label;
  }
  void Name(const Edit& edit) {
    const int person = PersonOrLose(edit.subject, edit);
    if (person != kNobody) At(person).name = edit.name;
  }
  void MergeTwo(const Edit& edit) {
    const int gone = PersonOrLose(edit.subject, edit);
    if (gone == kNobody) return;
    const int kept = PersonOrLose(edit.other, edit);
    if (kept != kNobody) Merge(gone, kept);
  }
  void SameTwo(const Edit& edit) {
    int gone = PersonOrLose(edit.subject, edit);
    if (gone == kNobody) return;
    int kept = PersonOrLose(edit.other, edit);
    if (kept == kNobody) return;
    const auto rank = [this](int person) {
      return std::tuple(-LengthOfAll(person).count(), At(person).label, person);
    };
    if (rank(gone) < rank(kept)) std::swap(gone, kept);
    Merge(gone, kept);
  }
  void Split(const Edit& edit) {
    const Held held = Hold(edit.subject, edit);
    if (Note(edit, held)) Give(held.pieces, NewPerson(edit.label));
  }
  void Move(const Edit& edit) {
    const Held held = Hold(edit.subject, edit);
    if (!Note(edit, held)) return;
    const int person = PersonOrLose(edit.other, edit);
    if (person != kNobody) Give(held.pieces, person);
  }
  void Cut(const Edit& edit) {
    const Held held = Hold(edit.subject, edit);
    for (const std::size_t i : held.pieces) {
      const Piece whole = pieces_[i].piece;
      if (edit.at <= whole.from || edit.at >= whole.to) continue;
      OwnedPiece behind = pieces_[i];
      behind.piece.from = edit.at;
      pieces_[i].piece.to = edit.at;
      pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(i) + 1, behind);
      for (auto& [track, first] : first_of_) {
        if (first > i) ++first;
      }
      return;
    }
    Lose(edit, "no piece of it goes over that time any more");
  }
  void NotOne(const Edit& edit) {
    const Held held = Hold(edit.subject, edit);
    if (!Note(edit, held)) return;
    const int person = PersonOrLose(edit.other, edit);
    if (person == kNobody) return;
    for (const std::size_t i : held.pieces) {
      if (pieces_[i].owner == person) pieces_[i].owner = kNobody;
      apart_.emplace_back(pieces_[i].piece, person);
    }
  }
  void Ignore(const Edit& edit) {
    const Held held = Hold(edit.subject, edit);
    if (Note(edit, held)) Give(held.pieces, kIgnored);
  }
  void Face(const Edit& edit) {
    const int person = PersonOrLose(edit.other, edit);
    if (person == kNobody) return;
    At(person).added.push_back({.sequence = edit.sequence,
                                .from = edit.from,
                                .to = edit.to,
                                .sight = {.at = edit.at, .box = edit.box}});
  }
  void Exclude(const Edit& edit) {
    const Exclusion range{.from = edit.from, .to = edit.to};
    if (edit.other.empty()) {
      excluded_.push_back(range);
      return;
    }
    const int person = PersonOrLose(edit.other, edit);
    if (person != kNobody) At(person).excluded.push_back(range);
  }

  void Apply(const Edit& edit) {
    switch (edit.kind) {
      case EditKind::kLabel:
        return Label(edit);
      case EditKind::kName:
        return Name(edit);
      case EditKind::kMerge:
        return MergeTwo(edit);
      case EditKind::kSame:
        return SameTwo(edit);
      case EditKind::kSplit:
        return Split(edit);
      case EditKind::kMove:
        return Move(edit);
      case EditKind::kCut:
        return Cut(edit);
      case EditKind::kNot:
        return NotOne(edit);
      case EditKind::kIgnore:
        return Ignore(edit);
      case EditKind::kFace:
        return Face(edit);
      case EditKind::kExclude:
        return Exclude(edit);
    }
  }

  // Whom somebody who was merged away is now.
  int NowOf(int person) const {
    while (became_[static_cast<std::size_t>(person)] != kNobody) {
      person = became_[static_cast<std::size_t>(person)];
    }
    return person;
  }

  Folded Result() {
    Folded folded;
    for (const OwnedPiece& owned : pieces_) {
      if (owned.owner >= 0) At(owned.owner).pieces.push_back(owned.piece);
      if (owned.owner == kNobody) folded.nobodys.push_back(owned.piece);
      if (owned.owner == kIgnored) folded.ignored.push_back(owned.piece);
    }
    std::vector<int> place(people_.size(), kNobody);  // Among those that are left.
    for (std::size_t i = 0; i < people_.size(); ++i) {
      if (people_[i].pieces.empty() && people_[i].added.empty()) continue;
      place[i] = static_cast<int>(folded.people.size());
      folded.people.push_back(std::move(people_[i]));
    }
    for (const auto& [piece, person] : apart_) {
      const int now = place[static_cast<std::size_t>(NowOf(person))];
      if (now != kNobody) folded.apart.emplace_back(piece, static_cast<std::size_t>(now));
    }
    folded.excluded = std::move(excluded_);
    folded.unattached = std::move(unattached_);
    return folded;
  }

  const FoldInput& input_;
  std::vector<OwnedPiece> pieces_;                // By track and time.
  std::map<std::int64_t, std::size_t> first_of_;  // Of each track, into pieces_.
  std::vector<Person> people_;
  std::vector<int> became_;  // Of each person: whom it was merged into.
  std::vector<Exclusion> excluded_;
  std::vector<Unattached> unattached_;
  std::vector<std::pair<Piece, int>> apart_;
};

}  // namespace

std::string ShownName(const Person& person) {
  return person.name.empty() ? "Person " + std::to_string(person.label) : person.name;
}

Folded Fold(const FoldInput& input) { return Folding(input).Run(); }

}  // namespace rollcall::people
