#include "app/views.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "domain/reasons.h"
#include "store/memory/memory_store.h"

namespace rollcall::app {
namespace {

using std::chrono::seconds;

class ViewsTest : public ::testing::Test {
 protected:
  // Claims the one task and starts a worker at it.
  store::Fence StartAttempt() {
    const auto task = store_.TaskClaim({.agent = {.id = "a"}, .stages = {}, .lease = seconds{600}});
    EXPECT_TRUE(store_.TaskStarted((*task)->fence, 1, 2).ok());
    return (*task)->fence;
  }
  jobs::JobSnapshot Snapshot(store::JobId id) {
    jobs::JobSnapshot snapshot{.job = store_.JobGet(id).value(), .stages = {}};
    const auto runs = store_.JobRuns(id).value();
    for (const store::RunView& run : runs) {
      snapshot.stages.push_back(
          jobs::MakeStageSnapshot(run, std::nullopt, jobs::Working::kYes, clock_.Now()));
    }
    return snapshot;
  }

  base::FakeClock clock_;
  store::MemoryStore store_{{clock_}};
};

// "ok in 56 s" of a stage that worked for sixteen.
TEST_F(ViewsTest, TellsHowLongAStageWaitedBetweenItsAttempts) {
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

  const jobs::JobSnapshot snapshot = Snapshot(id);
  for (const auto add : {AddRestarts, AddHistory}) {
    control::JobView view = ViewOf(snapshot, clock_.Now().wall);
    ASSERT_TRUE(add(store_, snapshot, view).ok());
    EXPECT_EQ(view.stages.at(0).elapsed_s, 56);
    EXPECT_EQ(view.stages.at(0).waited_s, 40);
  }
}

}  // namespace
}  // namespace rollcall::app
