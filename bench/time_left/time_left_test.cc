// What people may hold the time left to, on recorded runs.
#include <gtest/gtest.h>

#include "sets.h"

namespace rollcall::bench {
namespace {

Verdict OfRecordings() {
  std::vector<Verdict> verdicts;
  for (const Recording& recording : Recordings()) {
    verdicts.push_back(Replay(ReadRecording(recording.name, TraceClock::kWall)));
  }
  return Sum(verdicts);
}

Verdict OfStretches(Verdict (*replay)(const Trace&)) {
  std::vector<Verdict> verdicts;
  for (const SteadyRecording& steady : SteadyRecordings()) {
    const Trace trace = ReadRecording(steady.name, TraceClock::kProcessor);
    for (const LoadPattern& pattern : LoadPatterns()) {
      verdicts.push_back(replay(Stretch(trace, pattern)));
    }
  }
  return Sum(verdicts);
}

// Of 117 looks at a run whose machine got busier, 32 had said a p90 that held.
TEST(TimeLeftTest, HoldsEightTimesInTenWhileLoadComesAndGoes) {
  const Verdict recorded = OfRecordings();
  EXPECT_GT(recorded.looks, 800);
  EXPECT_GE(recorded.p90_share(), 0.8);
  EXPECT_GE(recorded.p50_share(), 0.3);
  EXPECT_LE(recorded.p50_share(), 0.7);
}

TEST(TimeLeftTest, HoldsEightTimesInTenOnceLoadHasGrownHoweverSteeply) {
  const Verdict stretched = OfStretches(&ReplaySinceChange);
  EXPECT_GT(stretched.looks, 1500);
  EXPECT_GE(stretched.p90_share(), 0.8);
  EXPECT_GE(stretched.p50_share(), 0.3);
  EXPECT_LE(stretched.p50_share(), 0.7);
}

// A first change is foreseen by nothing: with the looks before it, less often.
TEST(TimeLeftTest, HoldsThreeTimesInFourWhenLoadGrowsAsSteeplyAsCanBe) {
  const Verdict stretched = OfStretches(&Replay);
  EXPECT_GT(stretched.looks, 2000);
  EXPECT_GE(stretched.p90_share(), 0.75);
  EXPECT_GE(stretched.p50_share(), 0.3);
  EXPECT_LE(stretched.p50_share(), 0.7);
}

TEST(TimeLeftTest, IsNoVaguerThanBeforeWhereNothingChanges) {
  for (const SteadyRecording& steady : SteadyRecordings()) {
    const Verdict verdict = Replay(ReadRecording(steady.name, TraceClock::kProcessor));
    EXPECT_LE(verdict.spread, steady.spread + 0.0001) << steady.name;
  }
}

}  // namespace
}  // namespace rollcall::bench
