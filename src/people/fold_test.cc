#include "people/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <string>

namespace rollcall::people {
namespace {

using domain::MediaTime;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kTracks[] = "the tracks of now";
constexpr char kOtherTracks[] = "tracks of before";

// Track n lasts from 10 n to 10 n + 8 seconds, whole or in parts.
TrackSpan SpanOf(std::int64_t id) {
  return {.id = id, .from = seconds{10 * id}, .to = seconds{10 * id + 8}};
}
Anchor AnchorOf(std::int64_t id, int from_s = 0, int to_s = 8) {
  Anchor anchor{
      .piece = {.track_id = id, .from = seconds{10 * id + from_s}, .to = seconds{10 * id + to_s}},
      .sights = {}};
  // Where it was seen says which track it is.
  const auto x = static_cast<float>(id);
  anchor.sights.push_back(
      {.at = anchor.piece.from + seconds{1}, .box = {.x1 = x, .y1 = 0, .x2 = x + 1, .y2 = 1}});
  return anchor;
}
std::vector<Anchor> AnchorsOf(const std::vector<std::int64_t>& ids) {
  std::vector<Anchor> anchors;
  for (const std::int64_t id : ids) anchors.push_back(AnchorOf(id));
  return anchors;
}

// Six tracks: 1, 2, 3 of one group, 4 and 5 of another, 6 of nobody.
class FoldTest : public ::testing::Test {
 protected:
  FoldTest() {
    for (std::int64_t id = 1; id <= 6; ++id) spans_.push_back(SpanOf(id));
  }
  Edit& Add(EditKind kind, std::vector<Anchor> subject, std::vector<Anchor> other = {}) {
    edits_.push_back({.sequence = static_cast<std::int64_t>(edits_.size()) + 1,
                      .kind = kind,
                      .tracks = kTracks,
                      .subject = std::move(subject),
                      .other = std::move(other)});
    return edits_.back();
  }
  void Label(std::vector<std::int64_t> ids, int label) {
    Add(EditKind::kLabel, AnchorsOf(ids)).label = label;
  }
  Folded Now() const {
    return Fold({.tracks = kTracks,
                 .spans = spans_,
                 .groups = groups_,
                 .edits = edits_,
                 .find_track = find_track_});
  }
  // Person by label: its pieces as "track" or "track@from".
  static std::map<int, std::vector<std::string>> ByLabel(const Folded& folded) {
    std::map<int, std::vector<std::string>> people;
    for (const Person& person : folded.people) people[person.label] = Names(person.pieces);
    return people;
  }
  static std::vector<std::string> Names(const std::vector<Piece>& pieces) {
    std::vector<std::string> names;
    for (const Piece& piece : pieces) {
      std::string name = std::to_string(piece.track_id);
      if (piece.from != SpanOf(piece.track_id).from) {
        name += "@" + std::to_string(piece.from.count() / 1'000'000);
      }
      names.push_back(std::move(name));
    }
    return names;
  }
  static const Person& Of(const Folded& folded, int label) {
    const auto found = std::ranges::find(folded.people, label, &Person::label);
    EXPECT_NE(found, folded.people.end()) << label;
    return found == folded.people.end() ? folded.people.front() : *found;
  }

  std::vector<TrackSpan> spans_;
  std::vector<Group> groups_{{.id = 1, .track_ids = {1, 2, 3}}, {.id = 2, .track_ids = {4, 5}}};
  std::vector<Edit> edits_;
  FindTrack find_track_;
};

TEST_F(FoldTest, WithoutEditsIsWhatWasGrouped) {
  const Folded folded = Now();
  ASSERT_THAT(folded.people, SizeIs(2));
  EXPECT_THAT(Names(folded.people[0].pieces), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Names(folded.people[1].pieces), ElementsAre("4", "5"));
  EXPECT_THAT(Names(folded.nobodys), ElementsAre("6"));
  EXPECT_EQ(folded.people[0].label, 0);
  EXPECT_THAT(folded.unattached, IsEmpty());
}

TEST_F(FoldTest, AnEmptyGroupOrAnUnknownTrackIsNobody) {
  groups_.push_back({.id = 3, .track_ids = {}});
  groups_.push_back({.id = 4, .track_ids = {99}});
  EXPECT_THAT(Now().people, SizeIs(2));
}

TEST_F(FoldTest, NamesAPersonAndTakesTheNameAway) {
  Label({1, 2, 3}, 1);
  Add(EditKind::kName, AnchorsOf({1, 2, 3})).name = "Anna";
  EXPECT_EQ(Of(Now(), 1).name, "Anna");
  EXPECT_EQ(ShownName(Of(Now(), 1)), "Anna");
  Add(EditKind::kName, AnchorsOf({1, 2, 3}));
  EXPECT_EQ(ShownName(Of(Now(), 1)), "Person 1");
}

TEST_F(FoldTest, MergedTheyAreOneAndWithoutTheEditTwoAgain) {
  Label({1, 2, 3}, 1);
  Label({4, 5}, 2);
  const auto before = ByLabel(Now());
  Add(EditKind::kMerge, AnchorsOf({4, 5}), AnchorsOf({1, 2, 3}));
  EXPECT_THAT(ByLabel(Now()),
              ElementsAre(std::pair(1, std::vector<std::string>{"1", "2", "3", "4", "5"})));
  edits_.pop_back();
  EXPECT_EQ(ByLabel(Now()), before);
}

TEST_F(FoldTest, WhoStaysKeepsItsNameOrTakesTheOthers) {
  Label({1, 2, 3}, 1);
  Label({4, 5}, 2);
  Add(EditKind::kName, AnchorsOf({4, 5})).name = "Bea";
  Add(EditKind::kMerge, AnchorsOf({4, 5}), AnchorsOf({1, 2, 3}));
  EXPECT_EQ(Of(Now(), 1).name, "Bea");
  edits_.insert(edits_.begin() + 2, Edit{.sequence = 9,
                                         .kind = EditKind::kName,
                                         .tracks = kTracks,
                                         .subject = AnchorsOf({1}),
                                         .name = "Anna"});
  EXPECT_EQ(Of(Now(), 1).name, "Anna");
}

TEST_F(FoldTest, OfTheSameTheLongerStays) {
  Label({1, 2, 3}, 2);
  Label({4, 5}, 1);
  Add(EditKind::kSame, AnchorsOf({1, 2, 3}), AnchorsOf({4, 5}));
  EXPECT_THAT(Now().people, SizeIs(1));
  EXPECT_EQ(Now().people[0].label, 2);
}

TEST_F(FoldTest, SplitsPiecesOffUnderANewNumber) {
  Label({1, 2, 3}, 1);
  Add(EditKind::kSplit, AnchorsOf({2, 6})).label = 7;
  const auto people = ByLabel(Now());
  EXPECT_THAT(people.at(1), ElementsAre("1", "3"));
  EXPECT_THAT(people.at(7), ElementsAre("2", "6"));
  EXPECT_THAT(Now().nobodys, IsEmpty());
}

TEST_F(FoldTest, MovesAPieceOfACutTrackToSomebodyElse) {
  Label({1, 2, 3}, 1);
  Label({4, 5}, 2);
  Add(EditKind::kCut, {AnchorOf(2)}).at = seconds{25};
  Add(EditKind::kMove, {AnchorOf(2, 5, 8)}, AnchorsOf({4, 5}));
  auto people = ByLabel(Now());
  EXPECT_THAT(people.at(1), ElementsAre("1", "2", "3"));
  EXPECT_THAT(people.at(2), ElementsAre("2@25", "4", "5"));
  // Without the cut the piece is the smaller part of the track, which stays where it is.
  edits_.erase(edits_.begin() + 2);
  people = ByLabel(Now());
  EXPECT_THAT(people.at(1), ElementsAre("1", "2", "3"));
  ASSERT_THAT(Now().unattached, SizeIs(1));
  EXPECT_EQ(Now().unattached[0].sequence, 4);
}

TEST_F(FoldTest, ATrackCutTwiceHasThreePieces) {
  Add(EditKind::kCut, {AnchorOf(5)}).at = seconds{54};
  Add(EditKind::kCut, {AnchorOf(5, 4, 8)}).at = seconds{56};
  Add(EditKind::kCut, {AnchorOf(1)}).at = seconds{12};  // Before it in order.
  Add(EditKind::kSplit, {AnchorOf(5, 4, 6)}).label = 3;
  EXPECT_THAT(Names(Now().people[1].pieces), ElementsAre("4", "5", "5@56"));
  EXPECT_THAT(Names(Now().people[2].pieces), ElementsAre("5@54"));
  EXPECT_THAT(Names(Now().people[0].pieces), ElementsAre("1", "1@12", "2", "3"));
}

TEST_F(FoldTest, ACutOutsideIsSaidAndChangesNothing) {
  Add(EditKind::kCut, {AnchorOf(2)}).at = seconds{28};
  EXPECT_THAT(Names(Now().people[0].pieces), ElementsAre("1", "2", "3"));
  ASSERT_THAT(Now().unattached, SizeIs(1));
  EXPECT_THAT(Now().unattached[0].why, HasSubstr("goes over that time"));
}

TEST_F(FoldTest, WhatIsNotAPersonLeavesItAndIsKnownToBeApart) {
  Label({1, 2, 3}, 1);
  Add(EditKind::kNot, {AnchorOf(3), AnchorOf(6)}, AnchorsOf({1, 2}));
  const Folded folded = Now();
  EXPECT_THAT(Names(folded.people[0].pieces), ElementsAre("1", "2"));
  EXPECT_THAT(Names(folded.nobodys), ElementsAre("3", "6"));
  ASSERT_THAT(folded.apart, SizeIs(2));
  EXPECT_EQ(folded.apart[0].first.track_id, 3);
  EXPECT_EQ(folded.apart[0].second, 0U);
}

TEST_F(FoldTest, WhatIsApartOfSomebodyIsApartOfWhoItBecame) {
  Add(EditKind::kNot, {AnchorOf(6)}, AnchorsOf({4, 5}));
  Add(EditKind::kMerge, AnchorsOf({4, 5}), AnchorsOf({1, 2, 3}));
  const Folded folded = Now();
  ASSERT_THAT(folded.apart, SizeIs(1));
  EXPECT_EQ(folded.apart[0].second, 0U);
}

TEST_F(FoldTest, IgnoredIsNeitherSomebodyNorNobody) {
  Add(EditKind::kIgnore, AnchorsOf({4, 5, 6}));
  const Folded folded = Now();
  EXPECT_THAT(folded.people, SizeIs(1));
  EXPECT_THAT(folded.nobodys, IsEmpty());
  EXPECT_THAT(Names(folded.ignored), ElementsAre("4", "5", "6"));
}

TEST_F(FoldTest, AddsAFaceThatWasMissedAndLeavesOutARange) {
  Label({4, 5}, 2);
  Edit& face = Add(EditKind::kFace, {}, AnchorsOf({4, 5}));
  face.from = seconds{70};
  face.to = seconds{72};
  Edit& all = Add(EditKind::kExclude, {});
  all.from = seconds{0};
  all.to = seconds{15};
  Edit& one = Add(EditKind::kExclude, {}, AnchorsOf({4, 5}));
  one.from = seconds{50};
  one.to = seconds{51};
  const Folded folded = Now();
  ASSERT_THAT(Of(folded, 2).added, SizeIs(1));
  EXPECT_EQ(Of(folded, 2).added[0].from, seconds{70});
  ASSERT_THAT(folded.excluded, SizeIs(1));
  ASSERT_THAT(Of(folded, 2).excluded, SizeIs(1));
  EXPECT_EQ(Of(folded, 2).excluded[0].to, seconds{51});
}

TEST_F(FoldTest, EditsStayWhereTheyWereInAnotherGrouping) {
  Label({1, 2, 3}, 1);
  Label({4, 5}, 2);
  Add(EditKind::kName, AnchorsOf({1, 2, 3})).name = "Anna";
  Add(EditKind::kName, AnchorsOf({4, 5})).name = "Bea";
  // Other numbers, another order, one track changed hands, one was nobody's.
  groups_ = {{.id = 17, .track_ids = {5, 4, 3}}, {.id = 3, .track_ids = {6, 2, 1}}};
  const Folded folded = Now();
  EXPECT_EQ(Of(folded, 1).name, "Anna");
  EXPECT_THAT(Names(Of(folded, 1).pieces), ElementsAre("1", "2", "6"));
  EXPECT_EQ(Of(folded, 2).name, "Bea");
  EXPECT_THAT(folded.unattached, IsEmpty());
}

TEST_F(FoldTest, TwoThatCameTogetherHaveTheFirstNumberAndPartWithTheirOwn) {
  Label({1, 2, 3}, 1);
  Label({4, 5}, 2);
  const std::vector<Group> before = groups_;
  groups_ = {{.id = 1, .track_ids = {1, 2, 3, 4, 5}}};
  EXPECT_EQ(Now().people[0].label, 1);
  groups_ = before;
  EXPECT_EQ(Now().people[1].label, 2);
}

TEST_F(FoldTest, APersonWhoseFacesAreNobodysIsListedNotGivenAway) {
  Label({4, 5}, 2);
  Add(EditKind::kName, AnchorsOf({4, 5})).name = "Bea";
  groups_ = {{.id = 1, .track_ids = {1, 2, 3}}};
  const Folded folded = Now();
  EXPECT_EQ(folded.people[0].name, "");
  ASSERT_THAT(folded.unattached, SizeIs(1));
  EXPECT_EQ(folded.unattached[0].sequence, 2);
}

TEST_F(FoldTest, OfOtherTracksTheSightsSayWhereItBelongs) {
  // Track n is n + 100 now; 2 was not found again.
  spans_.clear();
  for (const std::int64_t id : {1, 3, 4, 5, 6}) {
    TrackSpan span = SpanOf(id);
    span.id += 100;
    spans_.push_back(span);
  }
  groups_ = {{.id = 1, .track_ids = {104, 105}}, {.id = 2, .track_ids = {101, 103}}};
  find_track_ = [](const Sight& sight) -> std::optional<std::int64_t> {
    const auto id = static_cast<std::int64_t>(sight.box.x1);
    return id == 2 ? std::nullopt : std::optional(id + 100);
  };
  Label({1, 2, 3}, 1);
  Label({4, 5}, 2);
  Add(EditKind::kName, AnchorsOf({1, 2, 3})).name = "Anna";
  Add(EditKind::kCut, {AnchorOf(4)}).at = seconds{45};
  Add(EditKind::kMove, {AnchorOf(4, 5, 8)}, AnchorsOf({1, 2, 3}));
  Add(EditKind::kIgnore, AnchorsOf({2}));
  Add(EditKind::kIgnore, AnchorsOf({2, 6}));
  for (Edit& edit : edits_) edit.tracks = kOtherTracks;
  const Folded folded = Now();
  EXPECT_EQ(Of(folded, 1).name, "Anna");
  std::vector<std::int64_t> ids;
  for (const Piece& piece : Of(folded, 1).pieces) ids.push_back(piece.track_id);
  EXPECT_THAT(ids, ElementsAre(101, 103, 104));
  EXPECT_EQ(Of(folded, 1).pieces[2].from, seconds{45});
  EXPECT_THAT(folded.ignored, SizeIs(1));
  ASSERT_THAT(folded.unattached, SizeIs(2));
  EXPECT_EQ(folded.unattached[0].sequence, 6);
  EXPECT_FALSE(folded.unattached[0].is_partly);
  EXPECT_EQ(folded.unattached[1].sequence, 7);
  EXPECT_TRUE(folded.unattached[1].is_partly);
  EXPECT_THAT(folded.unattached[1].why, HasSubstr("1 of its 2 pieces"));
}

TEST_F(FoldTest, OfTracksThatAreShorterTheNearestPieceIsMeant) {
  // Of each only the first picture was looked at, long before the sight.
  for (TrackSpan& span : spans_) span.to = span.from + std::chrono::milliseconds{40};
  find_track_ = [](const Sight& sight) { return std::optional(std::int64_t(sight.box.x1)); };
  Label({4, 5}, 2);
  Add(EditKind::kName, AnchorsOf({4, 5})).name = "Bea";
  for (Edit& edit : edits_) edit.tracks = kOtherTracks;
  EXPECT_EQ(Of(Now(), 2).name, "Bea");
  EXPECT_THAT(Now().unattached, IsEmpty());
}

// Whatever is said, every moment of every track is in one place, and saying it again says the same.
TEST_F(FoldTest, LosesAndDoublesNothingWhateverIsSaid) {
  std::mt19937 random(7);
  const auto pick = [&random](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  constexpr EditKind kKinds[] = {EditKind::kLabel, EditKind::kName,   EditKind::kMerge,
                                 EditKind::kSame,  EditKind::kSplit,  EditKind::kMove,
                                 EditKind::kCut,   EditKind::kNot,    EditKind::kIgnore,
                                 EditKind::kFace,  EditKind::kExclude};
  for (int round = 0; round < 200; ++round) {
    edits_.clear();
    const auto some = [&] {
      std::vector<Anchor> anchors;
      for (int i = 0; i <= pick(3); ++i) {
        const int from = pick(7);
        anchors.push_back(AnchorOf(1 + pick(7), from, from + 1 + pick(8 - from)));
      }
      return anchors;
    };
    for (int i = 0; i < 12; ++i) {
      Edit& edit = Add(kKinds[pick(std::size(kKinds))], some(), some());
      edit.label = 10 + i;
      edit.at = seconds{10 + pick(60)};
      edit.to = edit.at + seconds{1};
    }
    const Folded folded = Now();
    std::map<std::int64_t, std::vector<std::pair<MediaTime, MediaTime>>> parts;
    const auto add = [&parts](const std::vector<Piece>& pieces) {
      for (const Piece& piece : pieces) {
        EXPECT_LT(piece.from, piece.to);
        parts[piece.track_id].emplace_back(piece.from, piece.to);
      }
    };
    for (const Person& person : folded.people) {
      EXPECT_FALSE(person.pieces.empty() && person.added.empty());
      add(person.pieces);
    }
    add(folded.nobodys);
    add(folded.ignored);
    ASSERT_EQ(parts.size(), spans_.size());
    for (auto& [id, pieces] : parts) {
      std::ranges::sort(pieces);
      MediaTime at = SpanOf(id).from;
      for (const auto& [from, to] : pieces) {
        ASSERT_EQ(from, at) << "round " << round;
        at = to;
      }
      ASSERT_EQ(at, SpanOf(id).to) << "round " << round;
    }
    for (const auto& [piece, person] : folded.apart) EXPECT_LT(person, folded.people.size());
    EXPECT_EQ(ByLabel(Now()), ByLabel(folded));
    std::ranges::reverse(groups_);
    EXPECT_EQ(ByLabel(Now()), ByLabel(folded)) << "in whatever order groups come";
    std::ranges::reverse(groups_);
  }
}

}  // namespace
}  // namespace rollcall::people
