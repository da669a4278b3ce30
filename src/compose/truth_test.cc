#include "compose/truth.h"

#include <gtest/gtest.h>

namespace rollcall::compose {
namespace {

TruthPlace Place(std::int64_t start_ms, std::int64_t end_ms, double x_start, double x_end) {
  return {.when = {.start_ms = start_ms, .end_ms = end_ms},
          .keys = {{.t_ms = start_ms, .x = x_start, .y = 5, .width = 10, .height = 20},
                   {.t_ms = end_ms, .x = x_end, .y = 5, .width = 10, .height = 20}}};
}

TEST(TruthTest, JoinsShotsThatAdjoin) {
  Truth truth;
  truth.AddPlace("A", Place(0, 1000, 0, 0));
  truth.AddPlace("B", Place(0, 1000, 50, 50));
  truth.AddPlace("A", Place(1000, 2500, 0, 0));
  truth.AddPlace("A", Place(4000, 5000, 0, 0));
  ASSERT_EQ(truth.people.size(), 2U);
  ASSERT_EQ(truth.people[0].intervals.size(), 2U);
  EXPECT_EQ(truth.people[0].intervals[0].end_ms, 2500);
  EXPECT_EQ(truth.people[0].seen_ms, 3500);
  EXPECT_EQ(truth.people[0].places.size(), 3U);
}

TEST(TruthTest, PlacesAFaceBetweenItsKeys) {
  EXPECT_DOUBLE_EQ(Place(1000, 2000, 100, 300).At(1250).x, 150);
  EXPECT_DOUBLE_EQ(Place(1000, 2000, 100, 300).At(2000).x, 300);
}

TEST(TruthTest, SurvivesJson) {
  Truth truth{.width = 640,
              .height = 360,
              .frames_per_second = 25,
              .frames = 50,
              .duration_ms = 2000,
              .cuts_ms = {1000},
              .people = {}};
  truth.AddPlace("A", Place(0, 1000, 0, 12.5));
  const auto read = TruthFromJson(TruthToJson(truth));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(TruthToJson(*read), TruthToJson(truth));
}

TEST(TruthTest, RefusesJsonOfSomethingElse) {
  const auto read = TruthFromJson(base::Json{{"fps", 25}});
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().reason, "ERR_ARTIFACT_CORRUPT");
}

}  // namespace
}  // namespace rollcall::compose
