#include "jobs/retry_policy.h"

#include <gtest/gtest.h>

#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

using std::chrono::milliseconds;
using store::AttemptOutcome;
namespace reason = domain::reason;

// With the longest delay of the jitter's range.
RetryPolicy Policy() {
  return RetryPolicy(RuntimeTimes{}, [] { return 1.0; });
}

EndedAttempt Ended(const store::StageRun& run, AttemptOutcome outcome, std::string_view why) {
  return {.run = run, .outcome = outcome, .error = domain::MakeError(why, "why")};
}

milliseconds Delay(int earlier_failures) {
  store::StageRun run;
  run.failures = earlier_failures;
  return *Policy().Decide(Ended(run, AttemptOutcome::kFailed, reason::kStalled)).retry_in;
}

TEST(RetryPolicyTest, DoublesTheDelay) {
  EXPECT_EQ(Delay(0), milliseconds{5'000});
  EXPECT_EQ(Delay(1), milliseconds{10'000});
  EXPECT_EQ(Delay(4), milliseconds{80'000});
}

TEST(RetryPolicyTest, NeverWaitsLongerThanTheMaximum) {
  RuntimeTimes times;
  times.retry_max = milliseconds{30'000};
  store::StageRun run;
  run.failures = 4;
  const RetryPolicy policy(times, [] { return 1.0; });
  EXPECT_EQ(policy.Decide(Ended(run, AttemptOutcome::kFailed, reason::kStalled)).retry_in,
            milliseconds{30'000});
}

TEST(RetryPolicyTest, JittersDownToHalf) {
  store::StageRun run;
  const RetryPolicy policy(RuntimeTimes{}, [] { return 0.0; });
  EXPECT_EQ(policy.Decide(Ended(run, AttemptOutcome::kFailed, reason::kStalled)).retry_in,
            milliseconds{2'500});
}

TEST(RetryPolicyTest, GivesUpAfterFiveRetries) {
  store::StageRun run;
  run.failures = 4;
  EXPECT_TRUE(Policy().Decide(Ended(run, AttemptOutcome::kFailed, reason::kStalled)).retry_in);
  run.failures = 5;
  EXPECT_FALSE(Policy().Decide(Ended(run, AttemptOutcome::kFailed, reason::kStalled)).retry_in);
}

TEST(RetryPolicyTest, CountsAnewAfterANewSegment) {
  store::StageRun run;
  run.failures = 5;
  EndedAttempt ended = Ended(run, AttemptOutcome::kFailed, reason::kStalled);
  ended.segments_committed = 1;
  EXPECT_EQ(Policy().Decide(ended).retry_in, milliseconds{5'000});
}

// As a full disk: it says nothing of the work.
TEST(RetryPolicyTest, AnEngineWithoutAFileDescriptorTriesAgainHoweverOften) {
  store::StageRun run;
  run.failures = 5;
  run.interruptions_in_row = 9;
  const store::AttemptEnd end =
      Policy().Decide(Ended(run, AttemptOutcome::kInterrupted, reason::kTooManyOpenFiles));
  EXPECT_EQ(end.outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(end.retry_in, milliseconds{5'000});
}

TEST(RetryPolicyTest, NeverRetriesWhatTryingCannotHelp) {
  for (const auto why : {reason::kEpisodeNotRegistered, reason::kVideoNotFound, reason::kBadParams,
                         reason::kModelMissing, reason::kInternal, reason::kArtifactCorrupt}) {
    EXPECT_FALSE(Policy().Decide(Ended({}, AttemptOutcome::kFailed, why)).retry_in) << why;
  }
}

TEST(RetryPolicyTest, CallsTwoCrashesOnOneSegmentPoisonAndNamesItsTime) {
  store::StageRun run;
  const auto first = Policy().Decide(Ended(run, AttemptOutcome::kCrashed, reason::kWorkerCrashed));
  EXPECT_TRUE(first.retry_in);
  run.failures = 1;
  run.crashes = 1;
  EndedAttempt ended = Ended(run, AttemptOutcome::kCrashed, reason::kWorkerCrashed);
  ended.segment = {
      .number = 8, .pts_from = std::chrono::seconds{80}, .pts_to = std::chrono::seconds{90}};
  const auto end = Policy().Decide(ended);
  EXPECT_FALSE(end.retry_in);
  EXPECT_EQ(end.error.reason, reason::kPoisonSegment);
  EXPECT_EQ(end.poison, ended.segment);
  EXPECT_EQ(end.error.message,
            "the worker ended twice at segment 8 of the video (00:01:20–00:01:30); the last time: "
            "why");
  ended.segment.reset();
  const auto before_any = Policy().Decide(ended);
  EXPECT_FALSE(before_any.poison);
  EXPECT_EQ(before_any.error.reason, reason::kPoisonSegment);
  EXPECT_NE(before_any.error.hint.find("nothing to skip"), std::string::npos);
}

TEST(RetryPolicyTest, DoesNotCallCrashesOnDifferentSegmentsPoison) {
  store::StageRun run;
  run.failures = 1;
  run.crashes = 1;
  EndedAttempt ended = Ended(run, AttemptOutcome::kCrashed, reason::kWorkerCrashed);
  ended.segments_committed = 1;
  EXPECT_TRUE(Policy().Decide(ended).retry_in);
}

TEST(RetryPolicyTest, LetsAnInterruptionGoOnAtOnce) {
  const auto end = Policy().Decide(Ended({}, AttemptOutcome::kInterrupted, reason::kCancelled));
  EXPECT_EQ(end.outcome, AttemptOutcome::kInterrupted);
  EXPECT_FALSE(end.retry_in);
}

// Eleven of them were a poison segment.
TEST(RetryPolicyTest, NeverCountsAFullDiskHoweverTheAttemptEnded) {
  store::StageRun run;
  run.failures = RetryPolicy::kRetriesMax;
  run.crashes = 1;
  run.interruptions_in_row = 10 * RetryPolicy::kInterruptionsMax;
  for (const auto outcome :
       {AttemptOutcome::kFailed, AttemptOutcome::kCrashed, AttemptOutcome::kStalled,
        AttemptOutcome::kExpired, AttemptOutcome::kInterrupted}) {
    EndedAttempt ended = Ended(run, outcome, reason::kDiskFull);
    ended.segment = domain::SegmentSpan{.number = 8};
    ended.fruitless = 2 * RuntimeTimes{}.fruitless_max;
    const auto end = Policy().Decide(ended);
    EXPECT_EQ(end.outcome, AttemptOutcome::kInterrupted);
    EXPECT_EQ(end.error.reason, reason::kDiskFull);
    EXPECT_FALSE(end.retry_in);
    EXPECT_FALSE(end.poison);
    EXPECT_EQ(end.fruitless, milliseconds{0});
  }
  const auto cancelled = Policy().Decide(Ended(run, AttemptOutcome::kCancelled, reason::kDiskFull));
  EXPECT_EQ(cancelled.outcome, AttemptOutcome::kCancelled);
}

TEST(RetryPolicyTest, CallsInterruptionsWithoutEndACrash) {
  store::StageRun run;
  run.crashes = 1;
  run.interruptions_in_row = RetryPolicy::kInterruptionsMax - 1;
  EndedAttempt ended = Ended(run, AttemptOutcome::kInterrupted, reason::kWorkerCrashed);
  ended.is_wished = true;
  EXPECT_EQ(Policy().Decide(ended).outcome, AttemptOutcome::kInterrupted);
  ended.is_wished = false;
  ended.segments_committed = 1;
  EXPECT_EQ(Policy().Decide(ended).outcome, AttemptOutcome::kInterrupted);
  ended.segments_committed = 0;
  const auto end = Policy().Decide(ended);
  EXPECT_EQ(end.outcome, AttemptOutcome::kCrashed);
  EXPECT_EQ(end.error.reason, reason::kPoisonSegment);
}

}  // namespace
}  // namespace rollcall::jobs
