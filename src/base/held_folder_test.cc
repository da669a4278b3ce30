#include "base/held_folder.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"

namespace rollcall::base {
namespace {

namespace fs = std::filesystem;

class HeldFolderTest : public ::testing::Test {
 protected:
  HeldFolderTest() { fs::create_directories(path_); }
  ~HeldFolderTest() override { fs::remove_all(root_); }

  const fs::path root_ = fs::temp_directory_path() / ("rollcall-" + RandomId());
  const fs::path path_ = root_ / "data";
};

TEST_F(HeldFolderTest, IsInPlaceUntilItIsRenamedAndAgainWhenItIsBack) {
  const auto folder = HeldFolder::Open(path_);
  ASSERT_TRUE(folder.ok());
  EXPECT_TRUE(folder->IsInPlace());
  fs::rename(path_, root_ / "elsewhere");
  EXPECT_FALSE(folder->IsInPlace());
  fs::rename(root_ / "elsewhere", path_);
  EXPECT_TRUE(folder->IsInPlace());
}

// A projection had come into the folder that took the data directory's place between look and
// write.
TEST_F(HeldFolderTest, WhatIsWrittenThroughItNeverComesIntoAFolderThatTookItsPlace) {
  const auto folder = HeldFolder::Open(path_);
  ASSERT_TRUE(folder.ok());
  fs::rename(path_, root_ / "elsewhere");
  fs::create_directory(path_);
  ASSERT_TRUE(MakeFoldersIn(folder->held_path(), folder->held_path() / "jobs").ok());
  ASSERT_TRUE(WriteFileAtomic(folder->held_path() / "jobs/meta.json", "{}").ok());
  EXPECT_TRUE(fs::is_empty(path_));
  EXPECT_EQ(ReadFile(root_ / "elsewhere/jobs/meta.json").value(), "{}");
}

// Without the open folder its inode would be given to the next one.
TEST_F(HeldFolderTest, TellsANewFolderOfTheSameNameFromIt) {
  const auto folder = HeldFolder::Open(path_);
  ASSERT_TRUE(folder.ok());
  fs::remove(path_);
  EXPECT_FALSE(folder->IsInPlace());
  fs::create_directory(path_);
  EXPECT_FALSE(folder->IsInPlace());
}

TEST_F(HeldFolderTest, IsNoFile) {
  EXPECT_FALSE(HeldFolder::Open("/proc/self/exe").ok());
  EXPECT_EQ(HeldFolder::Open(root_ / "missing").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace rollcall::base
