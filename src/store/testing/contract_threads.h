#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

inline void OnThreads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

TEST_P(JobStoreContract, TwoClaimsNeverGetOneTask) {
  constexpr int kTasks = 60;
  for (int i = 0; i < kTasks; ++i) {
    Submit(MakeRequest("detect", "x" + std::to_string(i), {"detect"}));
  }
  std::mutex mutex;
  std::vector<TaskId> claimed;
  OnThreads(8, [&](int) {
    while (auto task = TryClaim()) {
      const std::lock_guard lock(mutex);
      claimed.push_back(task->fence.task);
    }
  });
  EXPECT_EQ(claimed.size(), static_cast<std::size_t>(kTasks));
  EXPECT_EQ(std::set(claimed.begin(), claimed.end()).size(), claimed.size());
}

TEST_P(JobStoreContract, SixtyFourThreadsStartingTheSameJobsMakeOneLiveStagePerKey) {
  constexpr int kKeys = 20;
  std::atomic<int> added = 0;
  OnThreads(64, [&](int thread) {
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = "x" + std::to_string((i + thread) % kKeys);
      if (!Submit(MakeRequest("detect", key, {"detect"})).is_existing) ++added;
    }
  });
  EXPECT_EQ(added, kKeys);
  for (int i = 0; i < kKeys; ++i) {
    const Subject subject{"episode", "x" + std::to_string(i)};
    EXPECT_EQ(store().RunHistory(subject, "detect")->size(), 1u);
  }
}

// Submit, claim, finish, cancel and reap all at once; the audit afterwards is the check.
TEST_P(JobStoreContract, StaysConsistentUnderEverythingAtOnce) {
  OnThreads(8, [&](int thread) {
    for (int i = 0; i < 25; ++i) {
      const std::string key = "x" + std::to_string(i % 3);
      const auto job = store().JobSubmit(
          MakeRequest(thread % 2 == 0 ? "detect" : "upto", key, {"extract", "detect"}, i % 2 + 1));
      EXPECT_OK(job);
      const auto task = TryClaim();
      if (task && i % 3 == 0) {
        // Another thread may have moved the clock and reaped it.
        const auto started = store().TaskStarted(task->fence, 1, 1);
        EXPECT_TRUE(started.ok() || ReasonOf(started) == "ERR_FENCED");
      }
      if (task && i % 4 == 1) {
        const auto ended = store().TaskEnd(task->fence, MakeEnd(AttemptOutcome::kInterrupted));
        EXPECT_TRUE(ended.ok() || ReasonOf(ended) == "ERR_FENCED");
      } else if (task) {
        const auto done = store().TaskSucceed(task->fence, "{}", {}, {});
        EXPECT_TRUE(done.ok() || ReasonOf(done) == "ERR_FENCED");
      }
      if (i % 5 == 0) {
        EXPECT_OK(store().JobCancel(job->job.id));
      }
      if (i % 7 == 0) clock_.Advance(kLease / 2);
      EXPECT_OK(store().LeaseReap());
    }
  });
}

}  // namespace rollcall::store
