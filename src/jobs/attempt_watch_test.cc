#include "jobs/attempt_watch.h"

#include <gtest/gtest.h>

namespace rollcall::jobs {
namespace {

using std::chrono::seconds;
using Verdict = AttemptWatch::Verdict;

class AttemptWatchTest : public testing::Test {
 protected:
  // Lets `time` pass with a pulse every second.
  Verdict After(seconds time) {
    Verdict last = Verdict::kFine;
    for (seconds passed{0}; passed < time; passed += seconds{1}) {
      now_ += seconds{1};
      watch_.OnPulse({.seq = ++pulses_}, now_);
      last = watch_.Check(now_);
      if (last != Verdict::kFine) break;
    }
    return last;
  }
  void Progress(std::int64_t done) {
    watch_.OnProgress({.done = done, .total = 1000, .unit = "frames"}, now_);
  }

  base::BootTime now_{seconds{100}};
  std::int64_t pulses_ = 0;
  AttemptWatch watch_{RuntimeTimes{}, now_};
};

TEST_F(AttemptWatchTest, FlagsWhatGivesNoSignOfLifeAndKillsItWhenItsLeaseWouldHaveRunOut) {
  EXPECT_EQ(watch_.Check(now_ + seconds{15}), Verdict::kFine);
  EXPECT_EQ(watch_.Check(now_ + seconds{16}), Verdict::kStalled);
  EXPECT_TRUE(watch_.liveness().is_stalled);
  EXPECT_EQ(watch_.Explain(now_ + seconds{16}), "no sign of life for 16.0 s");
  EXPECT_EQ(watch_.Check(now_ + seconds{30}), Verdict::kFine);
  EXPECT_EQ(watch_.Check(now_ + seconds{31}), Verdict::kKillSilent);
}

TEST_F(AttemptWatchTest, ForgivesASilenceThatEnds) {
  EXPECT_EQ(watch_.Check(now_ + seconds{20}), Verdict::kStalled);
  watch_.OnPulse({.seq = 1}, now_ + seconds{21});
  EXPECT_EQ(watch_.Check(now_ + seconds{21}), Verdict::kRecovered);
}

TEST_F(AttemptWatchTest, CallsNobodySilentWhoWaitsForTheRuntime) {
  watch_.OnRuntimeAnswered(now_ + seconds{14});
  EXPECT_EQ(watch_.Check(now_ + seconds{29}), Verdict::kFine);
}

TEST_F(AttemptWatchTest, CallsAnAttemptStalledThatPulsesButDoesNotGetOn) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Progress(10);
  EXPECT_EQ(After(seconds{30}), Verdict::kFine);
  EXPECT_EQ(After(seconds{1}), Verdict::kStalled);
  EXPECT_TRUE(watch_.liveness().is_stalled);
  EXPECT_EQ(After(seconds{60}), Verdict::kFine);
  EXPECT_EQ(After(seconds{1}), Verdict::kKillStalled);
}

TEST_F(AttemptWatchTest, TakesTheFlagAwayWhenItGoesOn) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Progress(10);
  EXPECT_EQ(After(seconds{40}), Verdict::kStalled);
  Progress(11);
  EXPECT_EQ(watch_.Check(now_), Verdict::kRecovered);
  EXPECT_EQ(watch_.Check(now_), Verdict::kFine);
  EXPECT_FALSE(watch_.liveness().is_stalled);
}

TEST_F(AttemptWatchTest, HasTenTimesTheUsualGapOfPatience) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  for (int done = 1; done <= 10; ++done) {
    Progress(done);
    EXPECT_EQ(After(seconds{12}), Verdict::kFine);
  }
  EXPECT_EQ(After(seconds{100}), Verdict::kFine);
  EXPECT_EQ(After(seconds{20}), Verdict::kStalled);
}

TEST_F(AttemptWatchTest, GivesEachPhaseItsBudget) {
  watch_.OnPhase(domain::Phase::kModelLoad, now_);
  EXPECT_EQ(After(seconds{300}), Verdict::kFine);
  EXPECT_EQ(After(seconds{1}), Verdict::kStalled);
  watch_.OnPhase(domain::Phase::kSeek, now_);
  EXPECT_EQ(After(seconds{1}), Verdict::kRecovered);
  EXPECT_EQ(After(seconds{60}), Verdict::kStalled);
}

TEST_F(AttemptWatchTest, DoesNotBlameTheWorkerForWaitingForTheRuntime) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Progress(10);
  EXPECT_EQ(After(seconds{29}), Verdict::kFine);
  watch_.OnRuntimeAnswered(now_);
  EXPECT_EQ(After(seconds{29}), Verdict::kFine);
}

TEST_F(AttemptWatchTest, DoesNotTakeARepeatedNumberForProgress) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Progress(10);
  EXPECT_EQ(After(seconds{20}), Verdict::kFine);
  Progress(10);
  EXPECT_EQ(After(seconds{11}), Verdict::kStalled);
}

TEST_F(AttemptWatchTest, IsPatientWithALongMergeThatCountsInAnotherUnit) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Progress(12'000);
  EXPECT_EQ(After(seconds{20}), Verdict::kFine);
  watch_.OnPhase(domain::Phase::kFinalise, now_);
  for (int done = 1; done <= 10; ++done) {  // Fewer than the frames: another scale.
    EXPECT_EQ(watch_.OnProgress({.done = done, .total = 10, .unit = "segments"}, now_),
              done == 1 ? 0 : 1);
    EXPECT_EQ(After(seconds{100}), Verdict::kFine) << done;
    EXPECT_EQ(watch_.liveness().done, done);
  }
  EXPECT_EQ(watch_.OnProgress({.done = 12'000, .total = 12'000, .unit = "frames"}, now_), 0);
  EXPECT_EQ(watch_.liveness().unit, "frames");
  EXPECT_EQ(watch_.liveness().done, 12'000);
}

TEST_F(AttemptWatchTest, DoesNotTakeInventedUnitsForProgress) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Verdict verdict = Verdict::kFine;
  for (int i = 0; i < 40 && verdict == Verdict::kFine; ++i) {
    watch_.OnProgress({.done = 1, .total = 1, .unit = "unit" + std::to_string(i)}, now_);
    verdict = After(seconds{20});
  }
  EXPECT_EQ(verdict, Verdict::kStalled);
}

TEST_F(AttemptWatchTest, DoesNotTakeGoingToAndFroBetweenUnitsForProgress) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Progress(10);
  watch_.OnProgress({.done = 10, .total = 10, .unit = "bytes"}, now_);
  EXPECT_EQ(After(seconds{20}), Verdict::kFine);
  Progress(10);
  watch_.OnProgress({.done = 10, .total = 10, .unit = "bytes"}, now_);
  EXPECT_EQ(After(seconds{11}), Verdict::kStalled);
}

TEST_F(AttemptWatchTest, SaysWhatIsWrong) {
  watch_.OnPhase(domain::Phase::kWork, now_);
  Progress(12);
  After(seconds{31});
  EXPECT_EQ(watch_.Explain(now_), "no change of done=12 for 31.0 s in phase work");
}

}  // namespace
}  // namespace rollcall::jobs
