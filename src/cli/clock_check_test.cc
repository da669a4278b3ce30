#include "cli/clock_check.h"

#include <gmock/gmock.h>

namespace rollcall::cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

// 2026-11-22T01:46:40Z, a day and an hour after the machine's start, of which it slept an hour.
const ClockReading kEarlier{
    .wall = seconds{1'795'312'000}, .boot = hours{25}, .monotonic = hours{24}};

ClockReading Later(nanoseconds wall, nanoseconds boot) {
  return {.wall = kEarlier.wall + wall,
          .boot = kEarlier.boot + boot,
          .monotonic = kEarlier.monotonic + boot};
}

TEST(ClockTroubleTest, FindsNothingWhereTheClocksRunEvenly) {
  const ClockReading later = Later(milliseconds{101}, milliseconds{100});
  EXPECT_EQ(ClockTrouble(kEarlier, later, ""), "");
  EXPECT_EQ(ClockTrouble(kEarlier, later, "2026-11-22T01:46:41.000Z"), "");
  const ClockReading now = ClockReading::Now();
  EXPECT_EQ(ClockTrouble(now, now, ""), "");
}

TEST(ClockTroubleTest, SeesAJumpOfTheWallClock) {
  EXPECT_THAT(ClockTrouble(kEarlier, Later(hours{-1}, milliseconds{100}), ""),
              HasSubstr("moved by -3600.00 s while 0.10 s passed"));
  EXPECT_THAT(ClockTrouble(kEarlier, Later(seconds{2}, milliseconds{100}), ""),
              HasSubstr("moved by 2.00 s"));
}

TEST(ClockTroubleTest, SeesABootClockThatIsWrong) {
  EXPECT_THAT(ClockTrouble(kEarlier, Later(milliseconds{1}, milliseconds{-1}), ""),
              HasSubstr("backwards"));
  ClockReading behind = Later(milliseconds{0}, milliseconds{0});
  behind.monotonic = behind.boot + seconds{5};
  EXPECT_THAT(ClockTrouble(kEarlier, behind, ""), HasSubstr("5.0 s behind"));
}

TEST(ClockTroubleTest, SeesAWallClockThatIsWrong) {
  ClockReading unset = kEarlier;
  unset.wall = seconds{100};
  EXPECT_EQ(ClockTrouble(unset, unset, ""), "the wall clock says 1970-01-01T00:01:40.000Z");
  EXPECT_THAT(ClockTrouble(kEarlier, kEarlier, "2026-11-23T00:00:00.000Z"),
              HasSubstr("recorded at 2026-11-23"));
}

}  // namespace
}  // namespace rollcall::cli
