#include "cli/natural_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace rollcall::cli {
namespace {

TEST(NaturalOrderTest, PutsNumbersInOrderOfTheirValue) {
  const std::vector<std::string> ordered{"Season 2/e2.mp4", "season 2/E10.mp4", "season 10/e1.mp4",
                                         "show e9.mkv",     "Show_e009b.mkv",   "show_e10.mkv"};
  std::vector<std::string> sorted(ordered.rbegin(), ordered.rend());
  std::ranges::sort(sorted, ComesBefore);
  EXPECT_EQ(sorted, ordered);
}

TEST(NaturalOrderTest, HasNumbersOfAnyLength) {
  const std::string long_number(40, '9');
  EXPECT_TRUE(ComesBefore("a" + long_number, "a1" + long_number));
  EXPECT_FALSE(ComesBefore("a1" + long_number, "a" + long_number));
}

// std::sort goes astray on an order that contradicts itself.
TEST(NaturalOrderTest, IsAStrictOrderOfAllNames) {
  const std::vector<std::string> names{"",   "a",  "A",   "a0",  "a00", "a01",  "a1",   "a/1",
                                       "a ", "a.", "1",   "01",  "001", "1a",   "\xff", "é",
                                       "a-", "aB", "ab1", "Ab1", "ab",  "ab01", "ab10", "ab2"};
  for (const std::string& a : names) {
    for (const std::string& b : names) {
      EXPECT_EQ(ComesBefore(a, b) + ComesBefore(b, a), a == b ? 0 : 1) << a << " " << b;
      for (const std::string& c : names) {
        EXPECT_FALSE(ComesBefore(a, b) && ComesBefore(b, c) && !ComesBefore(a, c))
            << a << " " << b << " " << c;
      }
    }
  }
}

}  // namespace
}  // namespace rollcall::cli
