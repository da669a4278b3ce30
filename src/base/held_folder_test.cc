#include "base/held_folder.h"

#include <gtest/gtest.h>

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
