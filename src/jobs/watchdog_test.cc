#include "jobs/watchdog.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <filesystem>

#include "base/random.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// The clock stands still unless a test moves it; the watchdog looks at it by itself.
class WatchdogTest : public testing::Test {
 protected:
  struct Worker {
    std::unique_ptr<worker::WorkerProcess> process;
    std::unique_ptr<Watchdog::Ward> ward;  // Goes first.
    store::Fence fence;
  };

  WatchdogTest() { fs::create_directories(folder_); }
  ~WatchdogTest() override { fs::remove_all(folder_); }

  Worker Start(const std::string& script = "sleep 1000") {
    Worker worker;
    worker.fence = {.token = ++token_, .attempt_uuid = base::RandomId()};
    auto process = worker::WorkerProcess::Start({.argv = {"/bin/sh", "-c", script},
                                                 .attempt_uuid = worker.fence.attempt_uuid,
                                                 .output_path = folder_ / "out"});
    EXPECT_TRUE(process.ok()) << process.error().ToString();
    worker.process = std::move(process).value();
    worker.ward = watchdog_.Watch(worker.fence, *worker.process, clock_.Now().boot);
    return worker;
  }
  // A worker that SIGTERM does not end, once it has said so.
  Worker StartDeaf() {
    Worker worker = Start("trap '' TERM; echo deaf; while true; do sleep 1000; done");
    while (worker.process->OutputTail() != "deaf") ::poll(nullptr, 0, 1);
    return worker;
  }
  static std::string EndOf(Worker& worker) {
    pollfd ended{worker.process->pidfd(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 30'000), 1) << "it lives";
    worker.ward.reset();
    return worker.process->HasExited() ? worker.process->Reap().ToString() : "";
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-watchdog-" + base::RandomId());
  const RuntimeTimes times_;
  std::int64_t token_ = 0;
  base::FakeClock clock_;
  Watchdog watchdog_{clock_, times_};
};

TEST_F(WatchdogTest, KillsAWorkerWhoseLeaseWasNotRenewedInTimeAndNoOther) {
  Worker lost = Start();
  Worker renewed = Start();
  Worker written = Start();
  clock_.Advance(times_.self_fence - milliseconds{1});
  renewed.ward->Renew(clock_.Now().boot);
  written.ward->NeedNoLease();
  clock_.Advance(milliseconds{1});
  pollfd ended{lost.process->pidfd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 30'000), 1);
  EXPECT_TRUE(lost.ward->has_fenced());
  EXPECT_EQ(EndOf(lost), "signal 9");
  // What is due at one time is signalled at one time.
  EXPECT_FALSE(renewed.ward->has_fenced());
  EXPECT_FALSE(renewed.process->HasExited());
  EXPECT_FALSE(written.process->HasExited());
  clock_.Advance(times_.self_fence);
  EXPECT_EQ(EndOf(renewed), "signal 9");
  EXPECT_FALSE(written.process->HasExited());
}

TEST_F(WatchdogTest, DoesNotTakeAnOlderRenewalForANewerOne) {
  Worker worker = Start();
  const base::BootTime start = clock_.Now().boot;
  worker.ward->Renew(start + times_.self_fence);
  worker.ward->Renew(start);
  Worker other = Start();
  clock_.Advance(times_.self_fence);
  EXPECT_EQ(EndOf(other), "signal 9");
  EXPECT_FALSE(worker.process->HasExited());
}

TEST_F(WatchdogTest, FollowsACancelWithSigtermAndThenWithSigkill) {
  Worker deaf = StartDeaf();
  Worker obedient = Start();
  watchdog_.Cancel(deaf.fence);
  watchdog_.Cancel(obedient.fence);
  clock_.Advance(times_.cancel_term);
  EXPECT_EQ(EndOf(obedient), "signal 15");
  EXPECT_FALSE(deaf.process->HasExited());
  watchdog_.Cancel(deaf.fence);  // Again: it is counted from the first.
  clock_.Advance(times_.cancel_kill - times_.cancel_term);
  pollfd ended{deaf.process->pidfd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 30'000), 1);
  EXPECT_FALSE(deaf.ward->has_fenced());
  EXPECT_EQ(EndOf(deaf), "signal 9");
}

TEST_F(WatchdogTest, DoesNotHurryAWorkerThatHasSaidItsLastWord) {
  Worker done = Start();
  Worker other = Start();
  done.ward->Cancel();
  done.ward->LetFinish();
  other.ward->Cancel();
  clock_.Advance(times_.cancel_kill);
  EXPECT_EQ(EndOf(other), "signal 9");
  EXPECT_FALSE(done.process->HasExited());
}

TEST_F(WatchdogTest, KillsWhatHasLeftTheGroupToo) {
  Worker worker = Start("setsid sh -c 'echo left; sleep 1000' & sleep 1000");
  while (worker.process->OutputTail() != "left") ::poll(nullptr, 0, 1);
  clock_.Advance(times_.self_fence);
  while (!worker.process->Remnants().empty()) ::poll(nullptr, 0, 1);
  EXPECT_EQ(EndOf(worker), "signal 9");
}

TEST_F(WatchdogTest, SignalsNobodyThatItDoesNotWatchAnyMore) {
  Worker gone = Start();
  gone.ward.reset();
  watchdog_.Cancel(gone.fence);
  Worker other = Start();
  clock_.Advance(times_.self_fence);
  EXPECT_EQ(EndOf(other), "signal 9");
  EXPECT_FALSE(gone.process->HasExited());
}

}  // namespace
}  // namespace rollcall::jobs
