#include "cli/queue_estimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace rollcall::cli {
namespace {

using domain::TimeLeft;
using Seconds = std::chrono::duration<double>;

// A queue as it goes when nothing is predicted: who begins when, and when all are done.
class Trace {
 public:
  struct Video {
    double bytes = 0;
    double seconds = 0;
    double begins = 0;
    double ends() const { return begins + seconds; }
  };

  // `spread`: of the seconds that videos of one size take, as a share of them.
  Trace(int videos, int slots, double spread, unsigned seed) : slots_(slots) {
    std::mt19937 random(seed);
    std::lognormal_distribution<double> size(0, 0.3);
    std::normal_distribution<double> rate(1, spread);
    std::vector<double> free_at(static_cast<std::size_t>(slots), 0.0);
    for (int i = 0; i < videos; ++i) {
      const double bytes = 1e9 * size(random);
      const double needed = bytes / 1e6 * std::max(0.2, rate(random));
      double& next = *std::ranges::min_element(free_at);
      videos_.push_back({.bytes = bytes, .seconds = needed, .begins = next});
      next += needed;
    }
    end_ = std::ranges::max(free_at);
  }

  double end() const { return end_; }
  const std::vector<Video>& videos() const { return videos_; }

  // As the command sees it at a time: a video at work tells what is left of it once it has come a
  // little way.
  std::optional<TimeLeft> Look(double now) const {
    QueueEstimate estimate(slots_);
    std::vector<QueueEstimate::Running> running;
    std::vector<double> waiting;
    for (const Video& video : videos_) {
      if (video.ends() <= now) {
        estimate.Measure(video.bytes, video.seconds);
      } else if (video.begins > now) {
        waiting.push_back(video.bytes);
      } else if (now - video.begins < 0.02 * video.seconds) {
        running.push_back({.bytes = video.bytes, .left = std::nullopt});
      } else {
        const double left = video.ends() - now;
        estimate.Measure(video.bytes, video.seconds);
        running.push_back({.bytes = video.bytes,
                           .left = TimeLeft{.p50 = Seconds{left}, .p90 = Seconds{1.03 * left}}});
      }
    }
    return estimate.Left(running, waiting);
  }

 private:
  const int slots_;
  std::vector<Video> videos_;
  double end_ = 0;
};

TEST(QueueEstimateTest, SaysNothingBeforeTheFirstHasToldEnough) {
  const QueueEstimate estimate(2);
  EXPECT_FALSE(estimate.Left({{.bytes = 1e9, .left = std::nullopt}}, {1e9}));
  EXPECT_FALSE(Trace(4, 2, 0, 1).Look(0));
}

TEST(QueueEstimateTest, VideosThatAllTakeTheSameAreForeseenExactly) {
  QueueEstimate estimate(2);
  estimate.Measure(100, 60);
  estimate.Measure(200, 120);
  // Workers are free after 30 and 60 s; the waiting take 60, 60 and 30 s.
  const auto left =
      estimate.Left({{.bytes = 100, .left = TimeLeft{.p50 = Seconds{30}, .p90 = Seconds{33}}},
                     {.bytes = 100, .left = TimeLeft{.p50 = Seconds{60}, .p90 = Seconds{66}}}},
                    {100, 100, 50});
  ASSERT_TRUE(left);
  EXPECT_NEAR(left->p50.count(), 120, 1e-9);
  EXPECT_GT(left->p90.count(), 121);
  EXPECT_LT(left->p90.count(), 170);
}

TEST(QueueEstimateTest, OneLastVideoIsNotSharedByTheWorkers) {
  QueueEstimate estimate(4);
  estimate.Measure(100, 60);
  EXPECT_NEAR(estimate.Left({}, {100})->p50.count(), 60, 1e-9);
}

TEST(QueueEstimateTest, NothingIsLeftOfNothing) {
  QueueEstimate estimate(4);
  estimate.Measure(100, 60);
  EXPECT_EQ(estimate.Left({}, {})->p50.count(), 0);
  EXPECT_EQ(estimate.Left({}, {})->p90.count(), 0);
}

TEST(QueueEstimateTest, IsSurerTheMoreItHasSeen) {
  const std::vector<double> waiting(20, 100.0);
  QueueEstimate estimate(1);
  double before = 1e9;
  for (int i = 0; i < 10; ++i) {
    estimate.Measure(100, 60);
    const auto left = estimate.Left({}, waiting);
    EXPECT_LT(left->p90 / left->p50, before) << i;
    before = left->p90 / left->p50;
  }
  EXPECT_LT(before, 1.1);
}

TEST(QueueEstimateTest, IsNotLedAstrayByWhatCannotBe) {
  QueueEstimate estimate(0);
  estimate.Measure(0, 0);
  estimate.Measure(100, std::nan(""));
  EXPECT_FALSE(estimate.Left({}, {100}));
  estimate.Measure(0, 1);
  EXPECT_TRUE(std::isfinite(estimate.Left({{.bytes = 0, .left = std::nullopt}}, {0})->p90.count()));
}

// Steady queues, looked at from their first word to their end: nine in ten looks at least see the
// truth within p90, about half of them within p50, and p90 stays of use. (The prior was chosen by
// other seeds.)
TEST(QueueEstimateTest, TheTruthLiesWithinP90) {
  for (const int slots : {1, 2, 4}) {
    for (const double spread : {0.02, 0.15, 0.3}) {
      int looks = 0;
      int within50 = 0;
      int within90 = 0;
      double wide = 0;
      for (unsigned seed = 1000; seed < 1200; ++seed) {
        const Trace trace(12, slots, spread, seed);
        for (int at = 1; at < 20; ++at) {
          const double now = trace.end() * at / 20;
          const auto left = trace.Look(now);
          ASSERT_TRUE(left);
          const double truth = trace.end() - now;
          ++looks;
          within50 += truth <= left->p50.count() ? 1 : 0;
          within90 += truth <= left->p90.count() ? 1 : 0;
          wide += left->p90 / left->p50;
        }
      }
      const auto share = [&](int count) { return static_cast<double>(count) / looks; };
      EXPECT_GE(share(within90), 0.9) << slots << " workers, spread " << spread;
      EXPECT_GE(share(within50), 0.35) << slots << " workers, spread " << spread;
      EXPECT_LE(share(within50), 0.75) << slots << " workers, spread " << spread;
      EXPECT_LE(wide / looks, spread < 0.2 ? 1.2 : 1.5) << slots << " workers, spread " << spread;
    }
  }
}

}  // namespace
}  // namespace rollcall::cli
