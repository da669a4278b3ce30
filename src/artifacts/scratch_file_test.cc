#include "artifacts/scratch_file.h"

#include <gtest/gtest.h>

#include "artifacts/testing/temporary_folder.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;

using testing::TemporaryFolder;

struct Pair {
  std::int64_t number = 0;
  float half = 0;
};

class ScratchTableTest : public ::testing::Test {
 protected:
  ScratchTable<Pair> Table() {
    return ScratchTable<Pair>::Create(folder_.path() / "aside.tmp").value();
  }
  TemporaryFolder folder_;
};

TEST_F(ScratchTableTest, ReadsWhatWasAppendedInAnyOrder) {
  auto table = Table();
  constexpr std::int64_t kCount = 30'000;  // Many more than are held.
  for (std::int64_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(table.Append({.number = i, .half = static_cast<float>(i) / 2}).ok());
  }
  ASSERT_EQ(table.size(), kCount);
  for (std::int64_t i = 0; i < kCount; ++i) {
    const std::int64_t place = i * 7'919 % kCount;  // A prime: every place once.
    EXPECT_EQ(table.At(place).value().number, place);
    EXPECT_EQ(table.At(place).value().half, static_cast<float>(place) / 2);
  }
}

TEST_F(ScratchTableTest, APlaceIsZeroUntilItIsPut) {
  auto table = Table();
  for (int i = 0; i < 2'000; ++i) table.Reserve();
  ASSERT_TRUE(table.Put(1'500, {.number = 9, .half = 1}).ok());
  ASSERT_TRUE(table.Put(3, {.number = 4, .half = 2}).ok());
  EXPECT_EQ(table.At(3).value().number, 4);
  EXPECT_EQ(table.At(4).value().number, 0);
  EXPECT_EQ(table.At(1'500).value().number, 9);
  EXPECT_EQ(table.At(1'999).value().number, 0);
}

TEST_F(ScratchTableTest, LeavesNoFileWhateverBecomesOfTheProcess) {
  auto table = Table();
  ASSERT_TRUE(table.Append({}).ok());
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST(ScratchFileTest, AFolderThatIsNotThereIsAnError) {
  const TemporaryFolder folder;
  const auto file = ScratchFile::Create(folder.path() / "no" / "aside.tmp");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, base::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace rollcall::artifacts
