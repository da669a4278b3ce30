#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

using domain::JobState;

TEST_P(JobStoreContract, RenewalMovesTheDeadlineAndKeepsWhatWasHeard) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  const Fence fence = ClaimStarted().fence;
  clock_.Advance(std::chrono::seconds{20});
  const Liveness heard{.pulse_seq = 12,
                       .last_pulse = now().boot,
                       .phase = domain::Phase::kWork,
                       .phase_since = now().boot - std::chrono::seconds{5},
                       .done = 640,
                       .total = 12600,
                       .unit = "frames",
                       .rate = 127.5,
                       .realtime_factor = 4.25,
                       .progress_at = now().boot - std::chrono::milliseconds{1},
                       .counters_json = R"({"faces":811})"};
  const std::vector beats{Heartbeat{.fence = fence, .liveness = heard}};
  const auto replies = *store().LeaseRenew(agent_, beats, kLease);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].fence, fence);
  EXPECT_TRUE(replies[0].is_held);
  EXPECT_FALSE(replies[0].is_cancel_wanted);
  const Lease lease = LeaseOf(fence).value();
  EXPECT_EQ(lease.expires.at, now().boot + kLease);
  EXPECT_EQ(lease.liveness.pulse_seq, 12);
  EXPECT_EQ(lease.liveness.last_pulse, heard.last_pulse);
  EXPECT_EQ(lease.liveness.phase, domain::Phase::kWork);
  EXPECT_EQ(lease.liveness.phase_since, heard.phase_since);
  EXPECT_EQ(lease.liveness.done, 640);
  EXPECT_EQ(lease.liveness.total, 12600);
  EXPECT_EQ(lease.liveness.unit, "frames");
  EXPECT_EQ(lease.liveness.rate, 127.5);
  EXPECT_EQ(lease.liveness.realtime_factor, 4.25);
  EXPECT_EQ(lease.liveness.progress_at, heard.progress_at);
  EXPECT_EQ(lease.liveness.counters_json, R"({"faces":811})");
}

TEST_P(JobStoreContract, RenewalSaysWhichLeasesAreLost) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  Submit(MakeRequest("detect", "y", {"detect"}));
  const LeasedTask lost = ClaimStarted();
  const LeasedTask held = ClaimStarted();
  End(lost, AttemptOutcome::kInterrupted);
  Fence wrong = held.fence;
  ++wrong.token;
  const std::vector beats{Heartbeat{.fence = lost.fence}, Heartbeat{.fence = held.fence},
                          Heartbeat{.fence = wrong}};
  const auto replies = *store().LeaseRenew(agent_, beats, kLease);
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_FALSE(replies[0].is_held);
  EXPECT_TRUE(replies[1].is_held);
  EXPECT_FALSE(replies[2].is_held);
}

TEST_P(JobStoreContract, AnotherIncarnationCannotRenew) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  const Fence fence = ClaimStarted().fence;
  AgentIdentity next = agent_;
  next.incarnation = "second";
  const std::vector beats{Heartbeat{.fence = fence}};
  EXPECT_FALSE(store().LeaseRenew(next, beats, kLease)->front().is_held);
}

TEST_P(JobStoreContract, RenewalCarriesTheCancel) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const Fence fence = ClaimStarted().fence;
  EXPECT_OK(store().JobCancel(job));
  const std::vector beats{Heartbeat{.fence = fence}};
  const auto replies = *store().LeaseRenew(agent_, beats, kLease);
  EXPECT_TRUE(replies[0].is_held);
  EXPECT_TRUE(replies[0].is_cancel_wanted);
}

TEST_P(JobStoreContract, ReapsALeaseAtItsDeadlineAndNotBefore) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const Fence fence = ClaimStarted().fence;
  clock_.Advance(kLease - std::chrono::nanoseconds{1});
  EXPECT_TRUE(store().LeaseReap()->empty());
  clock_.Advance(std::chrono::nanoseconds{1});
  const auto reaped = *store().LeaseReap();
  ASSERT_EQ(reaped.size(), 1u);
  EXPECT_EQ(reaped[0].fence, fence);
  EXPECT_EQ(reaped[0].pid, 1234);
  const StageRun run = RunOf(job, "detect");
  EXPECT_EQ(run.state, JobState::kQueued);
  EXPECT_EQ(run.interruptions, 1);
  EXPECT_EQ(run.failures, 0);
  EXPECT_EQ(store().AttemptList(run.id)->front().outcome, AttemptOutcome::kExpired);
  EXPECT_TRUE(store().LeaseReap()->empty());
}

TEST_P(JobStoreContract, ARenewedLeaseIsNotReaped) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  const std::vector beats{Heartbeat{.fence = ClaimStarted().fence}};
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(std::chrono::seconds{20});
    EXPECT_TRUE(store().LeaseRenew(agent_, beats, kLease)->front().is_held);
    EXPECT_TRUE(store().LeaseReap()->empty());
  }
}

TEST_P(JobStoreContract, AWallClockJumpReapsNothingAndSavesNothing) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  ClaimStarted();
  clock_.JumpWall(std::chrono::hours{24});
  EXPECT_TRUE(store().LeaseReap()->empty());
  clock_.JumpWall(std::chrono::hours{-48});
  EXPECT_TRUE(store().LeaseReap()->empty());
  clock_.Advance(kLease);
  EXPECT_EQ(store().LeaseReap()->size(), 1u);
}

TEST_P(JobStoreContract, ALeaseOfAnotherBootOfTheStoreIsReapedAtOnce) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  Submit(MakeRequest("detect", "y", {"detect"}));
  ClaimStarted();
  EXPECT_TRUE(TryClaimAs(other_agent_).has_value());
  home_->Reboot("next boot");
  EXPECT_EQ(store().LeaseReap()->size(), 2u) << "whichever host its agent is on";
}

TEST_P(JobStoreContract, ALeaseIsAsLongForAnAgentOfAnotherBoot) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  Submit(MakeRequest("detect", "y", {"detect"}));
  const Fence ours = Claim().fence;
  const Fence theirs = TryClaimAs(other_agent_)->fence;
  EXPECT_EQ(LeaseOf(ours)->expires.at, now().boot + kLease);
  EXPECT_EQ(LeaseOf(theirs)->expires.at, now().boot + kLease);
  EXPECT_EQ(LeaseOf(theirs)->expires.boot_id, "boot of the store");
  EXPECT_EQ(LeaseOf(theirs)->agent.boot_id, "another boot");
  EXPECT_TRUE(store().LeaseReap()->empty()) << "each of them is fresh";
  clock_.Advance(kLease / 2);
  const std::vector beats{Heartbeat{.fence = theirs}};
  EXPECT_TRUE(store().LeaseRenew(other_agent_, beats, kLease)->front().is_held);
  clock_.Advance(kLease / 2);
  const auto reaped = *store().LeaseReap();
  ASSERT_EQ(reaped.size(), 1u) << "the one that was not renewed";
  EXPECT_EQ(reaped[0].fence, ours);
  EXPECT_EQ(
      store().LeaseRenew(agent_, std::vector{Heartbeat{.fence = ours}}, kLease)->front().is_held,
      false);
  clock_.Advance(kLease / 2);
  ASSERT_EQ(store().LeaseReap()->size(), 1u);
  EXPECT_TRUE(store().LeaseList()->empty());
}

// What its agent still holds when the store comes back is renewed in the store's new boot.
TEST_P(JobStoreContract, ARenewalAfterABootOfTheStoreCountsInThatBoot) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  const Fence fence = ClaimStarted().fence;
  home_->Reboot("next boot");
  const std::vector beats{Heartbeat{.fence = fence}};
  EXPECT_TRUE(store().LeaseRenew(agent_, beats, kLease)->front().is_held);
  EXPECT_EQ(LeaseOf(fence)->expires.boot_id, "next boot");
  EXPECT_TRUE(store().LeaseReap()->empty());
  clock_.Advance(kLease);
  EXPECT_EQ(store().LeaseReap()->size(), 1u);
}

TEST_P(JobStoreContract, AReapedRunWhoseCancelIsWantedIsCancelled) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  ClaimStarted();
  EXPECT_OK(store().JobCancel(job));
  clock_.Advance(kLease);
  EXPECT_EQ(store().LeaseReap()->size(), 1u);
  EXPECT_EQ(JobStateOf(job), JobState::kCancelled);
}

TEST_P(JobStoreContract, ANewOwnerFindsWhatTheOldOneLeftAndEndsIt) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  EXPECT_TRUE(store().LeaseLeftovers(agent_)->empty());
  agent_.incarnation = "second";
  const auto leftovers = *store().LeaseLeftovers(agent_);
  ASSERT_EQ(leftovers.size(), 1u);
  EXPECT_EQ(leftovers[0].fence, task.fence);
  EXPECT_EQ(leftovers[0].pid, 1234);
  EXPECT_EQ(leftovers[0].pid_start, 5678);
  EXPECT_EQ(leftovers[0].agent.boot_id, "boot");
  EXPECT_EQ(StateOf(job, "detect"), JobState::kRunning);  // Looking changes nothing.
  EXPECT_OK(store().LeaseVoid(task.fence));
  EXPECT_EQ(StateOf(job, "detect"), JobState::kQueued);
  EXPECT_EQ(RunOf(job, "detect").interruptions, 1);
  EXPECT_EQ(store().AttemptList(task.run.id)->front().outcome, AttemptOutcome::kInterrupted);
  EXPECT_TRUE(store().LeaseLeftovers(agent_)->empty());
  EXPECT_GT(Claim().fence.token, task.fence.token);
}

TEST_P(JobStoreContract, RemembersHowOftenInARowARunWasTakenAway) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const auto in_row = [&] { return RunOf(job, "detect").interruptions_in_row; };
  End(ClaimStarted(), AttemptOutcome::kInterrupted);
  EXPECT_OK(store().LeaseVoid(ClaimStarted().fence));
  ClaimStarted();
  clock_.Advance(kLease);
  EXPECT_EQ(store().LeaseReap()->size(), 1u);
  EXPECT_EQ(in_row(), 3);
  AttemptEnd wished = MakeEnd(AttemptOutcome::kInterrupted);
  wished.is_wished = true;
  EXPECT_OK(store().TaskEnd(ClaimStarted().fence, wished));
  EXPECT_EQ(in_row(), 3) << "nobody took it away";
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(task.run.interruptions_in_row, 3) << "whoever claims it is told";
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_EQ(in_row(), 0) << "it got on";
  End(task, AttemptOutcome::kInterrupted);
  EXPECT_EQ(in_row(), 1);
  EXPECT_EQ(RunOf(job, "detect").interruptions, 5);
}

TEST_P(JobStoreContract, AddsUpHowLongARunWasInVain) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const auto fruitless = [&] { return RunOf(job, "detect").fruitless; };
  AttemptEnd end = MakeEnd(AttemptOutcome::kInterrupted);
  end.fruitless = std::chrono::milliseconds{1500};
  EXPECT_OK(store().TaskEnd(ClaimStarted().fence, end));
  EXPECT_OK(store().TaskEnd(ClaimStarted().fence, end));
  EXPECT_EQ(fruitless(), std::chrono::milliseconds{3000});
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(task.run.fruitless, std::chrono::milliseconds{3000});
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
  EXPECT_EQ(fruitless(), std::chrono::milliseconds{0});
}

TEST_P(JobStoreContract, CountsTheTimeInVainOfAttemptsWhoseOwnerDied) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  Liveness liveness{.progress_at = now().boot};
  clock_.Advance(std::chrono::seconds{20});
  liveness.last_pulse = now().boot;
  const std::vector beats{Heartbeat{.fence = task.fence, .liveness = liveness}};
  EXPECT_OK(store().LeaseRenew(agent_, beats, kLease));
  clock_.Advance(std::chrono::hours{5});  // Nobody worked on it.
  EXPECT_OK(store().LeaseVoid(task.fence));
  EXPECT_EQ(RunOf(job, "detect").fruitless, std::chrono::seconds{20});
}

TEST_P(JobStoreContract, LeftoversOfAnotherAgentAreNotOnesOwn) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  ClaimStarted();
  const AgentIdentity other{.id = "other", .incarnation = "first", .boot_id = "boot"};
  EXPECT_TRUE(store().LeaseLeftovers(other)->empty());
}

TEST_P(JobStoreContract, MarksAndUnmarksAStall) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const Fence fence = ClaimStarted().fence;
  EXPECT_OK(store().LeaseMarkStalled(fence, "no progress"));
  EXPECT_OK(store().LeaseMarkStalled(fence, "no progress"));  // No news.
  EXPECT_TRUE(LeaseOf(fence)->liveness.is_stalled);
  EXPECT_EQ(CountEvents(job, "stage_stalled"), 1);
  EXPECT_THAT(EventBody(job, "stage_stalled"), testing::HasSubstr("ERR_STALLED"));
  const std::vector beats{Heartbeat{.fence = fence}};
  EXPECT_OK(store().LeaseRenew(agent_, beats, kLease));
  EXPECT_TRUE(LeaseOf(fence)->liveness.is_stalled);  // A pulse is not progress.
  EXPECT_OK(store().LeaseMarkStalled(fence, ""));
  EXPECT_FALSE(LeaseOf(fence)->liveness.is_stalled);
  EXPECT_EQ(CountEvents(job, "stage_moving"), 1);
}

}  // namespace rollcall::store
