#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "base/unique_fd.h"

namespace rollcall::base {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0)
    return Error{ErrorCode::kInvalidArgument, "ERR_ODD", "it is odd", "double it"};
  return number / 2;
}

Result<int> Quarter(int number) {
  ROLLCALL_TRY_ASSIGN(const int half, Half(number));
  return Half(half);
}

Result<void> CheckEven(int number) {
  ROLLCALL_TRY(Half(number));
  return {};
}

TEST(ResultTest, PassesTheFirstErrorOn) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().reason, "ERR_ODD");
  EXPECT_TRUE(CheckEven(2).ok());
  EXPECT_FALSE(CheckEven(3).ok());
}

TEST(ResultTest, CarriesMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 7);
}

TEST(ResultDeathTest, ValueOfAnErrorIsAProgrammersMistake) {
  EXPECT_DEATH((void)Half(3).value(), "ERR_ODD");
}

TEST(ErrorTest, ReadsReasonMessageAndHint) {
  EXPECT_EQ(Half(1).error().ToString(), "ERR_ODD: it is odd (double it)");
}

TEST(ErrorTest, NamesAreReversible) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    EXPECT_EQ(ErrorCodeFromName(ErrorCodeName(static_cast<ErrorCode>(code))),
              static_cast<ErrorCode>(code));
  }
}

TEST(ClockTest, WritesUtcWithMilliseconds) {
  EXPECT_EQ(IsoTime(WallTime{std::chrono::milliseconds{1'700'000'000'123}}),
            "2023-11-14T22:13:20.123Z");
}

TEST(FakeClockTest, WallClockJumpsLeaveBootTimeAlone) {
  FakeClock clock;
  const Instant before = clock.Now();
  clock.JumpWall(std::chrono::hours{-1});
  EXPECT_EQ(clock.Now().boot, before.boot);
  EXPECT_EQ(clock.Now().wall, before.wall - std::chrono::hours{1});
  clock.Advance(std::chrono::seconds{2});
  EXPECT_EQ(clock.Now().boot, before.boot + std::chrono::seconds{2});
}

TEST(JsonTest, SaysWhatIsWrongAndWhere) {
  const auto result = ParseJson("{\"a\": }", "meta.json");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, "ERR_BAD_JSON");
  EXPECT_NE(result.error().message.find("meta.json"), std::string::npos);
}

TEST(RandomTest, IdsDiffer) {
  EXPECT_EQ(RandomId().size(), 32U);
  EXPECT_NE(RandomId(), RandomId());
}

TEST(UniqueFdTest, ClosesOnceAndMovesAway) {
  UniqueFd first(::dup(0));
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): that is the claim.
  second.Reset();
  EXPECT_EQ(::write(number, "", 0), -1);
}

}  // namespace
}  // namespace rollcall::base
