#include "server/call_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace rollcall::server {
namespace {

TEST(CallThreadsTest, ACallDoesNotWaitForOthersThatBlock) {
  constexpr int kBlocked = 40;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::promise<void> done;
  CallThreads threads(2, 64);
  for (int i = 0; i < kBlocked; ++i) ASSERT_TRUE(threads.Post([released] { released.wait(); }));
  ASSERT_TRUE(threads.Post([&] { done.set_value(); }));
  done.get_future().wait();  // The test's own time limit ends a wait in vain.
  release.set_value();
}

TEST(CallThreadsTest, CallsBeyondTheLimitWaitForAThread) {
  std::atomic<int> count = 0;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::promise<void> all;
  {
    CallThreads threads(1, 2);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(threads.Post([&, released] {
        released.wait();
        if (++count == 10) all.set_value();
      }));
    }
    release.set_value();
    all.get_future().wait();
  }
  EXPECT_EQ(count, 10);
}

TEST(CallThreadsTest, WaitsForACallThatRunsAndDropsTheRest) {
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  std::promise<void> first;
  {
    CallThreads threads(1, 1);
    ASSERT_TRUE(threads.Post([&] {
      ++begun;
      first.set_value();
      std::this_thread::yield();
      ++ended;
    }));
    first.get_future().wait();
  }
  EXPECT_EQ(begun, ended);
}

}  // namespace
}  // namespace rollcall::server
