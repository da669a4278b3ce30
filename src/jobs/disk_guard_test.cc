#include "jobs/disk_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "domain/reasons.h"
#include "jobs/testing/engine_fixture.h"
#include "jobs/testing/faulty_store.h"
#include "store/memory/memory_store.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;

class DiskGuardTest : public testing::Test {
 protected:
  DiskGuardTest() {
    fs::create_directories(folder_);
    EXPECT_TRUE(
        store_.JobSubmit(FakeRequest("x", {"detect"}, base::Json::object()), clock_.Now()).ok());
  }
  ~DiskGuardTest() override { fs::remove_all(folder_); }

  std::string WaitReason() {
    return store_.RunLatest({"episode", "x"}, "detect")->value().run.wait_reason;
  }

  static base::Error Full() {
    return domain::MakeError(domain::reason::kDiskFull, "no space left on purpose");
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-disk-" + base::RandomId());
  bool is_store_full_ = false;
  FaultyStore store_{std::make_unique<store::MemoryStore>(),
                     [this](std::string_view method, FaultyStore::When when) {
                       const bool fails = is_store_full_ && method == "QueuePause" &&
                                          when == FaultyStore::When::kBefore;
                       return fails ? std::optional(Full()) : std::nullopt;
                     }};
  base::FakeClock clock_;
  WorkerLog log_{folder_};
  LiveBoard board_;
  // There is never room enough to go on.
  DiskGuard guard_{store_,
                   clock_,
                   log_,
                   board_,
                   {.data_dir = folder_,
                    .stages = {"detect"},
                    .free_bytes_min = std::numeric_limits<std::int64_t>::max(),
                    .times = {}}};
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
  DiskGuard hopeful(store_, clock_, log_, board_,
                    {.data_dir = folder_, .stages = {"detect"}, .free_bytes_min = 0, .times = {}});
  const auto is_paused_after = [&](std::chrono::milliseconds time) {
    clock_.Advance(time);
    hopeful.Tick();
    return hopeful.is_paused();
  };
  const auto first = RuntimeTimes{}.disk_check;
  hopeful.Pause(Full());
  EXPECT_FALSE(is_paused_after(first));
  EXPECT_FALSE(board_.disk_error());
  EXPECT_THAT(WaitReason(), testing::Not(testing::HasSubstr("ERR_DISK_FULL")));
  hopeful.Pause(Full());
  EXPECT_TRUE(is_paused_after(first));
  EXPECT_FALSE(is_paused_after(first)) << "twice as long";
}

}  // namespace
}  // namespace rollcall::jobs
