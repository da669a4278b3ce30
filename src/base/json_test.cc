#include "base/json.h"

#include <gtest/gtest.h>

namespace rollcall::base {
namespace {

std::string Nested(std::size_t depth) {
  return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

TEST(JsonTest, ReadsWhatIsNestedAsDeepAsAnythingOfOurs) {
  EXPECT_TRUE(ParseJson(Nested(30), "a document").ok());
}

// A worker's counters once ended the owner: they were read without a limit, and written
// recursively.
TEST(JsonTest, RefusesWhatIsNestedSoDeepThatWritingItWouldEndTheProcess) {
  const auto parsed = ParseJson(Nested(1'000'000), "counters");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().reason, "ERR_BAD_JSON");
}

TEST(JsonTest, BracketsInsideTextAreNoNesting) {
  EXPECT_TRUE(ParseJson("{\"a\":\"\\\"" + std::string(100'000, '[') + "\"}", "a document").ok());
}

}  // namespace
}  // namespace rollcall::base
