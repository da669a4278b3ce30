#include "server/byte_range.h"

#include <gtest/gtest.h>

#include <string>

namespace rollcall::server {
namespace {

using Kind = ByteRange::Kind;

struct Case {
  const char* name;
  const char* field;
  Kind kind;
  std::int64_t first = 0;
  std::int64_t last = 99;
};

void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }

class ByteRangeTest : public ::testing::TestWithParam<Case> {};

TEST_P(ByteRangeTest, OfAHundredBytes) {
  const ByteRange range = RangeOf(GetParam().field, 100);
  EXPECT_EQ(range.kind, GetParam().kind);
  if (range.kind == Kind::kUnsatisfiable) return;
  EXPECT_EQ(range.first, GetParam().first);
  EXPECT_EQ(range.last, GetParam().last);
}

INSTANTIATE_TEST_SUITE_P(
    All, ByteRangeTest,
    ::testing::Values(Case{"FromTo", "bytes=10-19", Kind::kPart, 10, 19},
                      Case{"OneByte", "bytes=0-0", Kind::kPart, 0, 0},
                      Case{"ToTheEnd", "bytes=90-", Kind::kPart, 90, 99},
                      Case{"BeyondTheEnd", "bytes=90-1000", Kind::kPart, 90, 99},
                      Case{"TheLast", "bytes=-5", Kind::kPart, 95, 99},
                      Case{"TheLastOfMoreThanThereAre", "bytes=-500", Kind::kPart, 0, 99},
                      Case{"BehindTheEnd", "bytes=100-", Kind::kUnsatisfiable},
                      Case{"TheLastNone", "bytes=-0", Kind::kUnsatisfiable},
                      Case{"Backwards", "bytes=20-10", Kind::kWhole},
                      Case{"Several", "bytes=0-1,5-6", Kind::kWhole},
                      Case{"OtherUnit", "lines=0-1", Kind::kWhole},
                      Case{"NoNumber", "bytes=a-b", Kind::kWhole},
                      Case{"NoDash", "bytes=5", Kind::kWhole},
                      Case{"OnlyADash", "bytes=-", Kind::kWhole},
                      Case{"TwoDashes", "bytes=--5", Kind::kWhole},
                      Case{"TooLarge", "bytes=99999999999999999999-", Kind::kWhole}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ByteRangeTest, NoFieldMeansAll) {
  EXPECT_EQ(RangeOf(std::nullopt, 100).kind, Kind::kWhole);
  EXPECT_EQ(RangeOf(std::nullopt, 100).length(), 100);
}

TEST(ByteRangeTest, OfAnEmptyFileThereIsNoPart) {
  EXPECT_EQ(RangeOf("bytes=0-", 0).kind, Kind::kUnsatisfiable);
  EXPECT_EQ(RangeOf("bytes=-5", 0).kind, Kind::kUnsatisfiable);
  EXPECT_EQ(RangeOf(std::nullopt, 0).length(), 0);
}

}  // namespace
}  // namespace rollcall::server
