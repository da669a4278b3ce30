#include "jobs/disk_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"
#include "jobs/testing/engine_fixture.h"
#include "store/memory/memory_store.h"
#include "store/testing/faulty_store.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;

class DiskGuardTest : public testing::Test {
 protected:
  DiskGuardTest() {
    fs::create_directories(folder_);
    EXPECT_TRUE(store_.JobSubmit(FakeRequest("x", {"detect"}, base::Json::object())).ok());
  }
  ~DiskGuardTest() override { fs::remove_all(folder_); }

  static constexpr std::int64_t kMegabyte = 1 << 20;
  static constexpr std::int64_t kMin = 64 * kMegabyte;

  static base::Error FullFor(std::int64_t bytes) { return base::WantingBytes(Full(), bytes); }
  bool IsPausedWith(std::int64_t free_bytes) {
    space_.free_bytes = free_bytes;
    clock_.Advance(RuntimeTimes{}.disk_check);
    guard_.Tick();
    return guard_.is_paused();
  }
  std::string WaitReason() {
    return store_.RunLatest({"episode", "x"}, "detect")->value().run.wait_reason;
  }

  static base::Error Full() {
    return domain::MakeError(domain::reason::kDiskFull, "no space left on purpose");
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-disk-" + base::RandomId());
  bool is_store_full_ = false;
  base::FakeClock clock_;
  store::FaultyStore store_{std::make_unique<store::MemoryStore>(store::StoreClock{clock_}),
                            [this](std::string_view method, store::FaultyStore::When when) {
                              const bool fails = is_store_full_ && method == "QueuePause" &&
                                                 when == store::FaultyStore::When::kBefore;
                              return fails ? std::optional(Full()) : std::nullopt;
                            }};
  projection::WorkerLog log_{folder_};
  projection::LiveBoard board_;
  DiskSpace space_{.free_bytes = 0, .total_bytes = std::int64_t{1} << 40};
  DiskGuard guard_{store_,
                   clock_,
                   log_,
                   board_,
                   {.data_dir = folder_,
                    .stages = {"detect"},
                    .free_bytes_min = kMin,
                    .times = {},
                    .space = [this] { return space_; }}};
};

TEST_F(DiskGuardTest, SaysWhyTheQueueStands) {
  guard_.Pause(Full());
  EXPECT_TRUE(guard_.is_paused());
  EXPECT_THAT(WaitReason(), testing::HasSubstr("ERR_DISK_FULL"));
}

// The store was as full as the rest: the row said "waits for a free worker" until all was over.
TEST_F(DiskGuardTest, SaysItLaterWhenTheStoreHadNoRoomForTheReason) {
  is_store_full_ = true;
  guard_.Pause(Full());
  EXPECT_THAT(WaitReason(), testing::Not(testing::HasSubstr("ERR_DISK_FULL")));
  ASSERT_TRUE(board_.disk_error()) << "whoever asks is told all the same";
  EXPECT_EQ(board_.disk_error()->reason, domain::reason::kDiskFull);
  is_store_full_ = false;
  clock_.Advance(RuntimeTimes{}.disk_check);
  guard_.Tick();
  EXPECT_TRUE(guard_.is_paused());
  EXPECT_THAT(WaitReason(), testing::HasSubstr("ERR_DISK_FULL"));
}

// A quota does not show in the free space.
TEST_F(DiskGuardTest, WaitsLongerWhenTheDiskTurnsOutToBeFullStill) {
  space_.free_bytes = space_.total_bytes;
  const auto is_paused_after = [&](std::chrono::milliseconds time) {
    clock_.Advance(time);
    guard_.Tick();
    return guard_.is_paused();
  };
  const auto first = RuntimeTimes{}.disk_check;
  guard_.Pause(Full());
  EXPECT_FALSE(is_paused_after(first));
  EXPECT_FALSE(board_.disk_error());
  EXPECT_THAT(WaitReason(), testing::Not(testing::HasSubstr("ERR_DISK_FULL")));
  guard_.Pause(Full());
  EXPECT_TRUE(is_paused_after(first));
  EXPECT_FALSE(is_paused_after(first)) << "twice as long";
}

// On a disk of 48 MB work waited for 64 MB free, for ever.
TEST_F(DiskGuardTest, GoesOnWithRoomForWhatCouldNotBeWrittenHoweverSmallTheDisk) {
  space_.total_bytes = 48 * kMegabyte;
  guard_.Pause(FullFor(3 * kMegabyte));
  EXPECT_THAT(WaitReason(), testing::HasSubstr("with 4 MB free"));
  EXPECT_TRUE(IsPausedWith(3 * kMegabyte));
  EXPECT_FALSE(IsPausedWith(4 * kMegabyte));
}

TEST_F(DiskGuardTest, WaitsForMoreThanTheUsualWhereMoreIsNeeded) {
  guard_.Pause(FullFor(3000 * kMegabyte));
  EXPECT_TRUE(IsPausedWith(kMin));
  EXPECT_FALSE(IsPausedWith(3001 * kMegabyte));
}

TEST_F(DiskGuardTest, WaitsForTheLargestOfWhatCouldNotBeWritten) {
  guard_.Pause(FullFor(1));
  guard_.Pause(FullFor(8 * kMegabyte));
  guard_.Pause(FullFor(1));
  EXPECT_THAT(WaitReason(), testing::HasSubstr("with 9 MB free"));
  EXPECT_TRUE(IsPausedWith(2 * kMegabyte));
  EXPECT_FALSE(IsPausedWith(9 * kMegabyte));
}

TEST_F(DiskGuardTest, WaitsForAShareOfASmallDiskWhereNobodyKnowsHowMuchIsNeeded) {
  guard_.Pause(Full());
  EXPECT_TRUE(IsPausedWith(kMin - 1));
  EXPECT_FALSE(IsPausedWith(kMin));
  clock_.Advance(std::chrono::hours{1});  // So that it does not wait longer this time.
  space_.total_bytes = 48 * kMegabyte;
  guard_.Pause(Full());
  EXPECT_TRUE(IsPausedWith(3 * kMegabyte - 1));
  EXPECT_FALSE(IsPausedWith(3 * kMegabyte));
}

// For one that ended by itself: somebody has met a full disk just now, or it is one.
TEST_F(DiskGuardTest, KnowsWhetherAWriteCouldHaveFailed) {
  EXPECT_FALSE(guard_.WhyFull());
  guard_.Pause(Full());
  EXPECT_TRUE(guard_.WhyFull());
}

}  // namespace
}  // namespace rollcall::jobs
