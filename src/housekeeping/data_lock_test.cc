#include "housekeeping/data_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/random.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"

namespace rollcall::housekeeping {
namespace {

namespace fs = std::filesystem;

class DataLockTest : public testing::Test {
 protected:
  ~DataLockTest() override { fs::remove_all(folder_); }

  // As engines lock that know the file alone.
  base::UniqueFd LockAsBefore() const {
    base::UniqueFd file(
        ::open((folder_ / "rollcall.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(file.get(), F_OFD_SETLK, &lock) == 0 ? std::move(file) : base::UniqueFd();
  }

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

TEST_F(DataLockTest, OnlookersKeepOwnersAwayAndNotEachOther) {
  { const auto owner = DataLock::Acquire(folder_); }
  {
    const auto first = ReadLock::Acquire(folder_);
    EXPECT_TRUE(first.ok());
    EXPECT_TRUE(ReadLock::Acquire(folder_).ok());
    const auto owner = DataLock::Acquire(folder_);
    ASSERT_FALSE(owner.ok());
    EXPECT_EQ(owner.error().reason, domain::reason::kStoreBusy);
    EXPECT_NE(owner.error().message.find("only looks"), std::string::npos);
  }
  const auto owner = DataLock::Acquire(folder_);
  EXPECT_TRUE(owner.ok());
  EXPECT_EQ(ReadLock::Acquire(folder_).error().reason, domain::reason::kStoreBusy);
}

TEST_F(DataLockTest, RemovingTheLockFileLetsNoSecondOwnerIn) {
  const auto owner = DataLock::Acquire(folder_);
  ASSERT_TRUE(owner.ok());
  ASSERT_TRUE(fs::remove(folder_ / "rollcall.lock"));
  const auto second = DataLock::Acquire(folder_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, domain::reason::kStoreBusy);
  EXPECT_FALSE(fs::exists(folder_ / "rollcall.lock")) << "it looks as if nobody owned it";
  EXPECT_EQ(ReadLock::Acquire(folder_).error().reason, domain::reason::kStoreBusy);
}

TEST_F(DataLockTest, AnOwnerStaysAwayFromAnOnlookerWhoseFileWasRemoved) {
  { const auto owner = DataLock::Acquire(folder_); }
  const auto onlooker = ReadLock::Acquire(folder_);
  ASSERT_TRUE(onlooker.ok());
  ASSERT_TRUE(fs::remove(folder_ / "rollcall.lock"));
  EXPECT_EQ(DataLock::Acquire(folder_).error().reason, domain::reason::kStoreBusy);
  EXPECT_TRUE(ReadLock::Acquire(folder_).ok());
}

TEST_F(DataLockTest, AnOwnerThatKnowsTheFileAloneKeepsOthersAwayAndIsKeptAway) {
  fs::create_directories(folder_);
  {
    const base::UniqueFd before = LockAsBefore();
    ASSERT_TRUE(before.is_open());
    EXPECT_EQ(DataLock::Acquire(folder_).error().reason, domain::reason::kStoreBusy);
    EXPECT_EQ(ReadLock::Acquire(folder_).error().reason, domain::reason::kStoreBusy);
  }
  const auto owner = DataLock::Acquire(folder_);
  ASSERT_TRUE(owner.ok());
  EXPECT_FALSE(LockAsBefore().is_open());
}

TEST_F(DataLockTest, AMovedFolderKeepsItsOwnerAndItsPlaceIsFree) {
  const auto owner = DataLock::Acquire(folder_);
  ASSERT_TRUE(owner.ok());
  const fs::path moved = folder_.string() + "-moved";
  fs::rename(folder_, moved);
  fs::remove(moved / "rollcall.lock");
  EXPECT_EQ(DataLock::Acquire(moved).error().reason, domain::reason::kStoreBusy);
  EXPECT_TRUE(DataLock::Acquire(folder_).ok());
  fs::remove_all(moved);
}

TEST_F(DataLockTest, AnOnlookerMakesNoFile) {
  fs::create_directories(folder_);
  EXPECT_TRUE(ReadLock::Acquire(folder_).ok());
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(DataLockTest, RefusesANetworkFileSystem) {
  fs::create_directories(folder_);
  struct stat status {};
  ASSERT_EQ(::stat(folder_.c_str(), &status), 0);
  // As the kernel tells of a folder that is mounted from another machine.
  const std::string mounts =
      fmt::format("36 35 {}:{} / {} rw,relatime shared:1 - nfs4 server:/data rw,vers=4.2\n",
                  major(status.st_dev), minor(status.st_dev), folder_.string());
  const fs::path mounts_file = folder_ / "mountinfo";
  ASSERT_TRUE(base::WriteFileAtomic(mounts_file, mounts).ok());
  EXPECT_EQ(FileSystemType(folder_, mounts_file), "nfs4");
  const auto lock = DataLock::Acquire(folder_, mounts_file);
  ASSERT_FALSE(lock.ok());
  EXPECT_EQ(lock.error().reason, domain::reason::kNetworkFileSystem);
  EXPECT_FALSE(lock.error().hint.empty());
  EXPECT_FALSE(fs::exists(folder_ / "rollcall.lock"));
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
}  // namespace rollcall::housekeeping
