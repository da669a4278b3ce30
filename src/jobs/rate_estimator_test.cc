#include "jobs/rate_estimator.h"

#include <gtest/gtest.h>

namespace rollcall::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateEstimatorTest, KnowsNothingBeforeTheThirdSample) {
  RateEstimator estimator;
  EXPECT_EQ(estimator.rate(), 0);
  estimator.Add(seconds{1}, 0, seconds{0});
  estimator.Add(seconds{2}, 10, seconds{1});
  EXPECT_FALSE(estimator.Left(100).has_value());
  estimator.Add(seconds{3}, 20, seconds{2});
  EXPECT_TRUE(estimator.Left(100).has_value());
}

TEST(RateEstimatorTest, MeasuresASteadyRate) {
  RateEstimator estimator;
  for (int i = 0; i <= 10; ++i) estimator.Add(seconds{i + 1}, 20 * i, seconds{4 * i});
  EXPECT_DOUBLE_EQ(estimator.rate(), 20);
  EXPECT_DOUBLE_EQ(estimator.realtime_factor(), 4);
  EXPECT_DOUBLE_EQ(estimator.Left(1200)->p50.count(), 50);
  EXPECT_DOUBLE_EQ(estimator.Left(1200)->p90.count(), 50);
}

TEST(RateEstimatorTest, GivesSlowStretchesTheirWeightInP90) {
  RateEstimator estimator;
  std::int64_t done = 0;
  for (int i = 0; i <= 20; ++i) {
    estimator.Add(seconds{i + 1}, done, seconds{0});
    done += i % 5 == 0 ? 1 : 10;  // A fifth of the seconds is ten times slower.
  }
  const auto left = estimator.Left(done + 100);
  EXPECT_LT(left->p50.count(), 15);
  EXPECT_GT(left->p90.count(), 90);
}

TEST(RateEstimatorTest, MergesSamplesThatComeTooFast) {
  RateEstimator estimator;
  for (int i = 0; i <= 1000; ++i) estimator.Add(milliseconds{i * 10 + 1}, i, seconds{0});
  EXPECT_NEAR(estimator.rate(), 100, 1e-6);
  EXPECT_NEAR(estimator.Left(2000)->p90.count(), 10, 0.2);
}

TEST(RateEstimatorTest, StartsFromWhereAResumedAttemptBegins) {
  RateEstimator estimator;
  for (int i = 0; i <= 3; ++i) estimator.Add(seconds{i + 1}, 5000 + 10 * i, seconds{0});
  EXPECT_DOUBLE_EQ(estimator.rate(), 10);
}

TEST(RateEstimatorTest, SaysNothingWithoutATotal) {
  RateEstimator estimator;
  for (int i = 0; i <= 3; ++i) estimator.Add(seconds{i + 1}, i, seconds{0});
  EXPECT_FALSE(estimator.Left(0).has_value());
}

}  // namespace
}  // namespace rollcall::jobs
