#include "projection/job_views.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "domain/reasons.h"
#include "store/memory/memory_store.h"

namespace rollcall::projection {
namespace {

using std::chrono::seconds;

class JobViewsTest : public ::testing::Test {
 protected:
  // Claims the one task and starts a worker at it.
  store::Fence StartAttempt() {
    const auto task = store_.TaskClaim({.agent = {.id = "a"}, .stages = {}, .lease = seconds{600}});
    EXPECT_TRUE(store_.TaskStarted((*task)->fence, 1, 2).ok());
    return (*task)->fence;
  }
  base::FakeClock clock_;
  store::MemoryStore store_{{clock_}};
};

// "ok in 56 s" of a stage that worked for sixteen.
TEST_F(JobViewsTest, TellsHowLongAStageWaitedBetweenItsAttempts) {
  store::JobRequest request{.subject = {"episode", "x"}, .kind = "detect"};
  request.stages.push_back({.name = "detect", .work_key = "w", .dedupe_key = "w"});
  const store::JobId id = store_.JobSubmit(request)->job.id;
  const store::Fence first = StartAttempt();
  clock_.Advance(seconds{10});
  ASSERT_TRUE(
      store_
          .TaskEnd(first, {.outcome = store::AttemptOutcome::kInterrupted,
                           .error = domain::MakeError(domain::reason::kDiskFull, "no room")})
          .ok());
  clock_.Advance(seconds{40});
  const store::Fence second = StartAttempt();
  clock_.Advance(seconds{6});
  ASSERT_TRUE(store_.TaskSucceed(second, "{}", {}, {}).ok());

  for (const Detail detail : {Detail::kNow, Detail::kHistory}) {
    const auto view = ViewOf(store_, LiveBoard(), id, {}, detail, clock_.Now());
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(view->stages.at(0).elapsed_s, 56);
    EXPECT_EQ(view->stages.at(0).waited_s, 40);
  }
}

}  // namespace
}  // namespace rollcall::projection
