#include "jobs/data_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;

class DataLockTest : public testing::Test {
 protected:
  ~DataLockTest() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-lock-" + base::RandomId());
};

TEST_F(DataLockTest, RefusesASecondOwnerAndNamesTheFirst) {
  const auto first = DataLock::Acquire(folder_);
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  const auto second = DataLock::Acquire(folder_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, domain::reason::kStoreBusy);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
}

TEST_F(DataLockTest, IsFreeAgainWhenItsOwnerIsGone) {
  { const auto first = DataLock::Acquire(folder_); }
  EXPECT_TRUE(DataLock::Acquire(folder_).ok());
}

TEST(IsNetworkFileSystemTest, KnowsThemByTheirTypes) {
  EXPECT_TRUE(IsNetworkFileSystem("nfs4"));
  EXPECT_TRUE(IsNetworkFileSystem("cifs"));
  EXPECT_TRUE(IsNetworkFileSystem("fuse.sshfs"));
  EXPECT_FALSE(IsNetworkFileSystem("ext4"));
  EXPECT_FALSE(IsNetworkFileSystem("tmpfs"));
  EXPECT_FALSE(IsNetworkFileSystem("overlay"));
}

}  // namespace
}  // namespace rollcall::jobs
