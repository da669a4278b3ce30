#pragma once

#include <utility>

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

// Every write that a worker causes, by name.
using FencedWrite = std::pair<std::string, std::function<base::Result<void>(const Fence&)>>;

inline std::vector<FencedWrite> FencedWrites(JobStore& store) {
  return {
      {"TaskStarted", [&store](const Fence& f) { return store.TaskStarted(f, 9, 9); }},
      {"LeaseMarkStalled",
       [&store](const Fence& f) { return store.LeaseMarkStalled(f, "no progress"); }},
      {"LeaseVoid", [&store](const Fence& f) { return store.LeaseVoid(f); }},
      {"SegmentCommit",
       [&store](const Fence& f) { return store.SegmentCommit(f, MakeSegment(0)); }},
      {"TaskSucceed", [&store](const Fence& f) { return store.TaskSucceed(f, "{}", {}, {}); }},
      {"TaskEnd",
       [&store](const Fence& f) { return store.TaskEnd(f, MakeEnd(AttemptOutcome::kFailed)); }},
  };
}

// That each write with `fence` is refused, and that nothing at all has changed.
inline void ExpectAllFenced(JobStore& store, const Fence& fence, JobId job) {
  const auto before = store.RunsChangedSince(0, 100)->back().run.change;
  const auto seq = store.JobGet(job)->event_seq;
  for (const auto& [name, write] : FencedWrites(store)) {
    const auto result = write(fence);
    EXPECT_EQ(ReasonOf(result), "ERR_FENCED") << name;
    EXPECT_EQ(CodeOf(result), base::ErrorCode::kCancelled) << name;
  }
  EXPECT_EQ(store.RunsChangedSince(0, 100)->back().run.change, before);
  EXPECT_EQ(store.JobGet(job)->event_seq, seq);
}

TEST_P(JobStoreContract, RefusesEveryWriteWithAWrongToken) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  Fence fence = ClaimStarted().fence;
  ++fence.token;
  ExpectAllFenced(store(), fence, job);
}

TEST_P(JobStoreContract, RefusesEveryWriteWithAWrongAttemptId) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  Fence fence = ClaimStarted().fence;
  fence.attempt_uuid.back() = fence.attempt_uuid.back() == '0' ? '1' : '0';
  ExpectAllFenced(store(), fence, job);
}

TEST_P(JobStoreContract, RefusesEveryWriteForAnUnknownTask) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  Fence fence = ClaimStarted().fence;
  fence.task = TaskId{99999};
  ExpectAllFenced(store(), fence, job);
}

TEST_P(JobStoreContract, RefusesEveryWriteOfAReapedLease) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const Fence fence = ClaimStarted().fence;
  clock_.Advance(kLease);
  EXPECT_EQ(store().LeaseReap()->size(), 1u);
  ExpectAllFenced(store(), fence, job);
}

TEST_P(JobStoreContract, RefusesEveryWriteOfALateWorkerWhileTheNextOneWorks) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const Fence late = ClaimStarted().fence;
  clock_.Advance(kLease);
  EXPECT_OK(store().LeaseReap());
  const LeasedTask next = ClaimStarted();
  ExpectAllFenced(store(), late, job);
  Succeed(next);
  ExpectAllFenced(store(), late, job);
  EXPECT_EQ(JobStateOf(job), domain::JobState::kSucceeded);
}

TEST_P(JobStoreContract, RefusesEveryWriteAfterTheAttemptsEnd) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  const LeasedTask task = ClaimStarted();
  End(task, AttemptOutcome::kInterrupted);
  ExpectAllFenced(store(), task.fence, job);
}

}  // namespace rollcall::store
