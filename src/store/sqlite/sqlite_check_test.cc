// A check of the whole store takes minutes where there are many episodes: what goes on beside it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "store/sqlite/testing/sqlite_home.h"

namespace rollcall::store {
namespace {

using namespace std::chrono_literals;

constexpr auto kLeaseTime = 30s;
// A check that somebody waits for after all ends by then: the test fails and does not hang.
constexpr auto kHeldAtMost = 20s;

// Holds the checks of a store open, inside the transaction in which they read.
class CheckHold {
 public:
  std::function<void()> watch() {
    return [this] {
      if (!is_begun_.exchange(true)) begun_.set_value();
      released_future_.wait_for(kHeldAtMost);
    };
  }
  void WaitUntilHeld() { begun_.get_future().wait(); }
  void Release() { released_.set_value(); }

 private:
  std::atomic<bool> is_begun_ = false;
  std::promise<void> begun_;
  std::promise<void> released_;
  const std::shared_future<void> released_future_ = released_.get_future().share();
};

class SqliteCheckTest : public testing::Test {
 protected:
  void Open(std::int64_t log_growth_bytes_max = 256 << 20) {
    auto opened = SqliteStore::Open({.path = folder_.db(),
                                     .observer = [this](const auto&) { ++transactions_; },
                                     .check_log_growth_bytes_max = log_growth_bytes_max,
                                     .check_watch = hold_.watch()},
                                    {clock_});
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::move(opened).value();
    // Enough for SQLite to look around while it checks.
    for (int i = 0; i < 100; ++i) {
      EXPECT_OK(
          store_->JobSubmit(MakeRequest("track", fmt::format("old{}", i), {"detect", "track"})));
    }
  }
  JobId Submit(const std::string& key) {
    JobRequest request = MakeRequest("detect", key, {"detect"});
    request.priority = 1;
    return store_->JobSubmit(request)->job.id;
  }
  Fence ClaimStarted() {
    const auto task = *store_->TaskClaim({.agent = agent_, .stages = {}, .lease = kLeaseTime});
    EXPECT_OK(store_->TaskStarted(task->fence, 1, 2));
    return task->fence;
  }
  bool Renew(const Fence& fence) {
    const std::vector beats{Heartbeat{.fence = fence, .liveness = {}}};
    const auto replies = store_->LeaseRenew(agent_, beats, kLeaseTime);
    return replies.ok() && replies->front().is_held;
  }
  void CheckBeside() {
    check_ = std::async(std::launch::async, [this] { return store_->IntegrityCheck(); });
    hold_.WaitUntilHeld();
  }
  bool IsChecking() { return check_.wait_for(0s) == std::future_status::timeout; }

  const TempFolder folder_;
  base::FakeClock clock_;
  const AgentIdentity agent_{.id = "agent", .incarnation = "first", .boot_id = "boot"};
  CheckHold hold_;
  std::atomic<int> transactions_ = 0;  // On the connections that everybody shares.
  std::unique_ptr<SqliteStore> store_;
  std::future<base::Result<void>> check_;
};

// `doctor` held the one connection until every worker had been killed for want of a renewal.
TEST_F(SqliteCheckTest, AMinuteOfCheckingHoldsUpNoLeaseNoCommitAndNoCancel) {
  Open();
  const JobId first = Submit("first");
  const Fence held = ClaimStarted();
  CheckBeside();
  for (int i = 0; i < 12; ++i) {
    clock_.Advance(5s);
    EXPECT_TRUE(Renew(held));
    EXPECT_OK(store_->SegmentCommit(held, MakeSegment(i)));
    EXPECT_TRUE(store_->LeaseReap()->empty());
  }
  EXPECT_OK(store_->TaskSucceed(held, "{}", {}, {}));
  EXPECT_EQ(store_->JobGet(first)->state, domain::JobState::kSucceeded);
  const JobId second = Submit("second");
  ClaimStarted();
  EXPECT_EQ(store_->JobCancel(second)->to_stop.size(), 1U);
  EXPECT_EQ(store_->JobRuns(second)->front().run.state, domain::JobState::kCancelling);
  EXPECT_TRUE(IsChecking()) << "something waited for the check";
  hold_.Release();
  EXPECT_OK(check_.get());
}

// Neither for the file nor for what its rows say.
TEST_F(SqliteCheckTest, NoPartOfACheckIsOnAConnectionThatOthersNeed) {
  Open();
  hold_.Release();
  const int before = transactions_;
  EXPECT_OK(store_->IntegrityCheck());
  EXPECT_EQ(transactions_, before);
}

TEST_F(SqliteCheckTest, TwoChecksAtATimeHoldUpNothing) {
  Open();
  CheckBeside();
  auto other = std::async(std::launch::async, [this] { return store_->IntegrityCheck(); });
  Submit("x");
  EXPECT_TRUE(Renew(ClaimStarted()));
  EXPECT_TRUE(IsChecking());
  hold_.Release();
  EXPECT_OK(check_.get());
  EXPECT_OK(other.get());
}

TEST_F(SqliteCheckTest, ChecksWhatWasThereWhenItBegan) {
  Open();
  CheckBeside();
  Submit("x");
  const Fence fence = ClaimStarted();
  for (int i = 0; i < 200; ++i) {
    EXPECT_OK(store_->SegmentCommit(fence, MakeSegment(i)));
  }
  hold_.Release();
  const auto checked = check_.get();
  EXPECT_TRUE(checked.ok()) << checked.error().ToString();
}

// The log cannot begin anew while somebody reads what was there before.
TEST_F(SqliteCheckTest, AnEndlessCheckDoesNotFillTheDisk) {
  constexpr std::int64_t kMax = 1 << 20;
  Open(kMax);
  CheckBeside();
  Submit("x");
  const Fence fence = ClaimStarted();
  const auto log_bytes = [&] {
    return std::filesystem::file_size(folder_.path() / "rollcall.db-wal");
  };
  const auto before = log_bytes();
  for (int i = 0; log_bytes() <= before + 2 * kMax; ++i) {
    ASSERT_TRUE(store_->SegmentCommit(fence, MakeSegment(i)).ok());
  }
  hold_.Release();
  const auto checked = check_.get();
  EXPECT_EQ(ReasonOf(checked), "ERR_STORE_UNAVAILABLE");
  EXPECT_NE(checked.error().message.find("given up"), std::string::npos);
  // And from here on it grows no further: the next commit moves all of it into the file.
  Submit("y");
  const auto at_end = log_bytes();
  for (int i = 0; i < 200; ++i) Submit(fmt::format("y{}", i));
  EXPECT_LE(log_bytes(), at_end);
  EXPECT_OK(store_->IntegrityCheck());
}

TEST_F(SqliteCheckTest, DoesNotCheckAStoreThatHasTakenItsPlace) {
  Open();
  const auto elsewhere = folder_.path() / "elsewhere";
  std::filesystem::create_directory(elsewhere);
  for (const char* ending : {"", "-wal", "-shm"}) {
    std::filesystem::rename(folder_.db().string() + ending,
                            elsewhere / (std::string("rollcall.db") + ending));
  }
  hold_.Release();
  ASSERT_TRUE(SqliteStore::Open({.path = folder_.db()}, {clock_}).ok());
  EXPECT_EQ(ReasonOf(store_->IntegrityCheck()), "ERR_DATA_DIRECTORY_MOVED");
  EXPECT_EQ(store_->JobList()->size(), 100U) << "reads stay with the file that was opened";
}

}  // namespace
}  // namespace rollcall::store
