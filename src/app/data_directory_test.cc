#include "app/data_directory.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;

class DataDirectoryTest : public ::testing::Test {
 protected:
  ~DataDirectoryTest() override { fs::remove_all(folder_); }
  fs::path folder_ = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
};

TEST_F(DataDirectoryTest, MakesItsFolders) {
  const auto data = DataDirectory::Open(folder_ / "a" / "b");
  ASSERT_TRUE(data.ok()) << data.error().ToString();
  EXPECT_TRUE(fs::is_directory(folder_ / "a/b/logs"));
  EXPECT_TRUE(fs::is_directory(folder_ / "a/b/outputs"));
  EXPECT_TRUE(DataDirectory::Open(folder_ / "a" / "b").ok());
}

TEST_F(DataDirectoryTest, SaysThatAFileIsInTheWay) {
  fs::create_directories(folder_);
  ASSERT_TRUE(base::WriteFileAtomic(folder_ / "data", "x").ok());
  const auto data = DataDirectory::Open(folder_ / "data");
  ASSERT_FALSE(data.ok());
  EXPECT_NE(data.error().message.find("data"), std::string::npos);
}

TEST_F(DataDirectoryTest, ChecksWritabilityWithoutATrace) {
  const auto data = DataDirectory::Open(folder_);
  ASSERT_TRUE(data->CheckWritable().ok());
  for (const auto& entry : fs::directory_iterator(folder_)) EXPECT_TRUE(entry.is_directory());
  EXPECT_GT(data->FreeBytes(), 0);
}

TEST_F(DataDirectoryTest, AMistypedNameMakesNoFolder) {
  const auto data = DataDirectory::OpenExisting(folder_ / "mistyped");
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.error().reason, "ERR_NOT_FOUND");
  EXPECT_FALSE(fs::exists(folder_));
  // Nor is any other folder made one.
  fs::create_directories(folder_ / "films");
  const auto other = DataDirectory::OpenExisting(folder_);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().reason, "ERR_NOT_FOUND");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(DataDirectoryTest, KnowsOneThatIsThere) {
  ASSERT_TRUE(DataDirectory::Open(folder_).ok());
  EXPECT_TRUE(DataDirectory::OpenExisting(folder_).ok());
  ASSERT_TRUE(base::WriteFileAtomic(folder_ / "rollcall.db", "x").ok());
  fs::remove(folder_ / "uploads");
  EXPECT_TRUE(DataDirectory::OpenExisting(folder_).ok()) << "of an older release, say";
  EXPECT_TRUE(fs::exists(folder_ / "uploads"));
}

TEST_F(DataDirectoryTest, KnowsThatAReadOnlyFileSystemCannotBeWritten) {
  const auto data = DataDirectory::Open("/proc");
  ASSERT_FALSE(data.ok());
}

}  // namespace
}  // namespace rollcall::app
