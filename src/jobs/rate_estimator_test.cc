#include "jobs/rate_estimator.h"

#include <gtest/gtest.h>

#include <random>

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

// p90 used to be the slowest of the recent seconds, times all that was left: minutes too long on a
// busy machine, where one second in five gets nothing done.
TEST(RateEstimatorTest, IsRightNineTimesInTenOnABusyMachine) {
  std::mt19937 random(1);
  std::bernoulli_distribution is_slow(0.2);
  constexpr int kRounds = 400;
  constexpr int kTotal = 2000;
  int within_p50 = 0;
  int within_p90 = 0;
  double longest = 0;
  for (int round = 0; round < kRounds; ++round) {
    RateEstimator estimator;
    int second = 1;
    int done = 0;
    const auto work = [&] { return is_slow(random) ? 1 : 10; };
    for (; second <= 40; ++second, done += work()) {
      estimator.Add(seconds{second}, done, seconds{0});
    }
    const auto left = estimator.Left(kTotal);
    ASSERT_TRUE(left);
    const int told_at = second - 1;
    for (; done < kTotal; ++second) done += work();
    const double took = second - told_at;
    within_p50 += took <= left->p50.count() ? 1 : 0;
    within_p90 += took <= left->p90.count() ? 1 : 0;
    longest = std::max(longest, left->p90 / left->p50);
  }
  EXPECT_GT(within_p50, kRounds * 4 / 10);
  EXPECT_LT(within_p50, kRounds * 6 / 10);
  EXPECT_GT(within_p90, kRounds * 85 / 100);
  EXPECT_LT(within_p90, kRounds * 97 / 100);
  EXPECT_LT(longest, 1.5);
}

// Its mean went back a minute: a machine that had become slow was not believed for long.
TEST(RateEstimatorTest, FollowsAMachineThatBecomesSlower) {
  RateEstimator estimator;
  std::int64_t done = 0;
  int second = 1;
  for (; second <= 60; ++second) estimator.Add(seconds{second}, done += 30, seconds{0});
  for (; second <= 70; ++second) estimator.Add(seconds{second}, done += 10, seconds{0});
  const auto changing = estimator.Left(done + 300);
  EXPECT_GT(changing->p90.count(), 25) << "it may go on as of late, which takes 30 s";
  for (; second <= 80; ++second) estimator.Add(seconds{second}, done += 10, seconds{0});
  EXPECT_DOUBLE_EQ(estimator.rate(), 10);
  EXPECT_DOUBLE_EQ(estimator.Left(done + 300)->p50.count(), 30);
}

// One look in four had a p90 that held: each slower stretch was taken to be the last one.
TEST(RateEstimatorTest, ExpectsMoreOfWhatHasMadeItWrongBefore) {
  RateEstimator estimator;
  std::int64_t done = 0;
  int second = 1;
  for (const int rate : {30, 20, 13, 9}) {
    for (int i = 0; i < 25; ++i) estimator.Add(seconds{second++}, done += rate, seconds{0});
  }
  const auto left = estimator.Left(done + 400);
  EXPECT_GT(left->p90.count(), 1.5 * 400 / 9) << "it may become slower once more, by as much";
  EXPECT_LT(left->p90.count(), 4.5 * 400 / 9);
  EXPECT_LT(left->p50.count(), left->p90.count());
}

TEST(RateEstimatorTest, IsAsSureAsEverWhereItHasBeenRight) {
  RateEstimator estimator;
  for (int i = 0; i <= 600; ++i) estimator.Add(seconds{i + 1}, 20 * i, seconds{0});
  EXPECT_DOUBLE_EQ(estimator.Left(24'000)->p50.count(), 600);
  EXPECT_DOUBLE_EQ(estimator.Left(24'000)->p90.count(), 600);
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
