#include "people/sight_matcher.h"

#include <gtest/gtest.h>

#include <chrono>

namespace rollcall::people {
namespace {

using domain::PixelBox;
using std::chrono::milliseconds;

PixelBox BoxAt(float x) { return {.x1 = x, .y1 = 0, .x2 = x + 100, .y2 = 100}; }
Sight SightAt(int ms, float x) { return {.at = milliseconds{ms}, .box = BoxAt(x)}; }

TEST(SightMatcherTest, TakesTheBoxThatCoversItBest) {
  SightMatcher matcher({SightAt(1000, 0)});
  matcher.Take(1, milliseconds{1050}, BoxAt(40));
  matcher.Take(2, milliseconds{1050}, BoxAt(10));
  matcher.Take(3, milliseconds{1100}, BoxAt(30));
  EXPECT_EQ(matcher.Find(SightAt(1000, 0)), 2);
}

TEST(SightMatcherTest, AFaceElsewhereOrAtAnotherTimeIsNot) {
  SightMatcher matcher({SightAt(1000, 0)});
  matcher.Take(1, milliseconds{1000}, BoxAt(80));
  matcher.Take(2, milliseconds{8000}, BoxAt(0));
  EXPECT_EQ(matcher.Find(SightAt(1000, 0)), std::nullopt);
  EXPECT_EQ(matcher.Find(SightAt(1000, 1)), std::nullopt) << "nobody asked for that one";
}

TEST(SightMatcherTest, BetweenPicturesThatAreFarApartTheBoxMovesEvenly) {
  SightMatcher matcher({SightAt(2000, 200)});
  matcher.Take(1, milliseconds{0}, BoxAt(0));
  matcher.Take(1, milliseconds{4000}, BoxAt(400));
  EXPECT_EQ(matcher.Find(SightAt(2000, 200)), 1);
}

TEST(SightMatcherTest, WhereFewPicturesWereLookedAtTheNearestOfTheShotDoes) {
  SightMatcher matcher({SightAt(2000, 0), SightAt(3000, 0)});
  matcher.TakeCut(milliseconds{2500});
  matcher.Take(1, milliseconds{0}, BoxAt(0));
  matcher.Take(2, milliseconds{1500}, BoxAt(50));  // Nearer, though less alike.
  matcher.Take(3, milliseconds{2500}, BoxAt(0));   // Of the next shot.
  EXPECT_EQ(matcher.Find(SightAt(2000, 0)), 2);
  EXPECT_EQ(matcher.Find(SightAt(3000, 0)), 3);
}

TEST(SightMatcherTest, NothingIsSaidOfALongAbsence) {
  SightMatcher matcher({SightAt(20'000, 0)});
  matcher.Take(1, milliseconds{0}, BoxAt(0));
  matcher.Take(1, milliseconds{40'000}, BoxAt(0));
  EXPECT_EQ(matcher.Find(SightAt(20'000, 0)), std::nullopt);
}

TEST(SightMatcherTest, IsNotNeededForEditsOfTheseTracks) {
  const std::vector<Edit> edits{
      {.kind = EditKind::kSplit,
       .tracks = "now",
       .subject = {{.piece = {}, .sights = {SightAt(1, 0)}}}},
  };
  EXPECT_FALSE(SightMatcher::For(edits, "now").is_needed());
  EXPECT_TRUE(SightMatcher::For(edits, "then").is_needed());
}

}  // namespace
}  // namespace rollcall::people
