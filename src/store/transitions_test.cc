#include "store/transitions.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "domain/reasons.h"

namespace rollcall::store {
namespace {

using domain::JobState;

constexpr std::array kAllStates{JobState::kBlocked,   JobState::kQueued,    JobState::kLeased,
                                JobState::kRunning,   JobState::kRetryWait, JobState::kCancelling,
                                JobState::kSucceeded, JobState::kFailed,    JobState::kCancelled,
                                JobState::kSkipped};

TEST(TransitionsTest, ATerminalStateIsNeverLeft) {
  for (const Transition& transition : kTransitions) {
    EXPECT_FALSE(domain::IsTerminal(transition.from)) << transition.cause;
  }
}

TEST(TransitionsTest, NoPairOfStatesStandsTwice) {
  std::set<std::pair<JobState, JobState>> seen;
  for (const Transition& transition : kTransitions) {
    EXPECT_TRUE(seen.emplace(transition.from, transition.to).second);
  }
}

TEST(TransitionsTest, EveryLiveStateLeadsToAnEnd) {
  for (const JobState start : kAllStates) {
    if (domain::IsTerminal(start)) continue;
    std::set<JobState> reached{start};
    for (std::size_t before = 0; before != reached.size();) {
      before = reached.size();
      for (const Transition& transition : kTransitions) {
        if (reached.contains(transition.from)) reached.insert(transition.to);
      }
    }
    for (const JobState end : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled}) {
      EXPECT_TRUE(reached.contains(end)) << domain::JobStateName(start);
    }
  }
}

TEST(TransitionsTest, ARunStateIsNeverSkipped) {
  for (const Transition& transition : kTransitions) EXPECT_NE(transition.to, JobState::kSkipped);
}

TEST(TransitionsTest, WhatAnAttemptEndLeadsToIsATransition) {
  for (const AttemptOutcome outcome :
       {AttemptOutcome::kFailed, AttemptOutcome::kInterrupted, AttemptOutcome::kCancelled,
        AttemptOutcome::kCrashed, AttemptOutcome::kStalled, AttemptOutcome::kExpired}) {
    for (const bool is_retried : {false, true}) {
      AttemptEnd end{.outcome = outcome};
      if (is_retried) end.retry_in = std::chrono::milliseconds{};
      for (const JobState from : {JobState::kLeased, JobState::kRunning}) {
        EXPECT_NE(FindTransition(from, StateAfterAttempt(false, end)), nullptr);
      }
      EXPECT_EQ(StateAfterAttempt(true, end), JobState::kCancelled);
    }
  }
}

TEST(TransitionsTest, AFullDiskCountsNowhere) {
  StageRun run;
  CountOutcome({.outcome = AttemptOutcome::kInterrupted,
                .error = domain::MakeError(domain::reason::kDiskFull, "no room"),
                .fruitless = std::chrono::seconds{9}},
               run);
  EXPECT_EQ(run.failures + run.crashes + run.interruptions + run.interruptions_in_row, 0);
  EXPECT_EQ(run.fruitless.count(), 0);
  CountOutcome({.outcome = AttemptOutcome::kInterrupted,
                .error = domain::MakeError(domain::reason::kInterrupted, "stopped"),
                .fruitless = std::chrono::seconds{9}},
               run);
  EXPECT_EQ(run.interruptions, 1);
  EXPECT_EQ(run.fruitless, std::chrono::seconds{9});
}

TEST(TransitionsTest, AJobIsWhatItsStagesAre) {
  const auto state_of = [](std::initializer_list<JobState> states) {
    return StateOfJob(std::vector(states));
  };
  using enum JobState;
  EXPECT_EQ(state_of({kSucceeded, kRunning, kBlocked}), kRunning);
  EXPECT_EQ(state_of({kSucceeded, kLeased, kBlocked}), kRunning);
  EXPECT_EQ(state_of({kCancelling, kCancelled}), kRunning);
  EXPECT_EQ(state_of({kFailed, kRunning}), kRunning);
  EXPECT_EQ(state_of({kSucceeded, kQueued, kBlocked}), kQueued);
  EXPECT_EQ(state_of({kRetryWait, kQueued}), kQueued);
  EXPECT_EQ(state_of({kRetryWait, kBlocked}), kRetryWait);
  EXPECT_EQ(state_of({kSucceeded, kBlocked}), kBlocked);
  EXPECT_EQ(state_of({kSucceeded, kFailed, kCancelled}), kFailed);
  EXPECT_EQ(state_of({kSucceeded, kCancelled}), kCancelled);
  EXPECT_EQ(state_of({kSucceeded, kSucceeded}), kSucceeded);
}

TEST(TransitionsTest, SentencesReadAsSentences) {
  EXPECT_EQ(WaitsFor({"a_x"}), "waits for a_x to end");
  EXPECT_EQ(WaitsFor({"a_x", "b_x", "c_x"}), "waits for a_x, b_x and c_x to end");
  StageRun run{.subject = {.kind = "episode", .id = "x"}, .name = "detect", .generation = 2};
  EXPECT_EQ(WaitsBehind(run), "behind generation 2 of detect_x, which runs with other parameters");
  EXPECT_EQ(WaitsForQueue("detect", "disk full"), "queue detect is paused: disk full");
  run.failures = 2;
  AttemptEnd end{.error = domain::MakeError(domain::reason::kStalled, "no progress for 90 s")};
  run.run_at = base::WallTime{std::chrono::milliseconds{1'700'000'005'000}};
  EXPECT_EQ(WaitsForRetry(run, end), "tried again at 22:13:25Z (retry 2): no progress for 90 s");
  end.retries_max = 5;
  EXPECT_EQ(WaitsForRetry(run, end),
            "tried again at 22:13:25Z (retry 2 of 5): no progress for 90 s");
}

}  // namespace
}  // namespace rollcall::store
