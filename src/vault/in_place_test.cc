#include "vault/in_place.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;

TEST(InPlaceTest, SaysThatTheFolderIsNotAtItsPathAnyMore) {
  const fs::path path = fs::temp_directory_path() / ("rollcall-in-place-" + base::RandomId());
  const fs::path moved = path.string() + "-moved";
  fs::create_directories(path);
  const auto held = base::HeldFolder::Open(path);
  ASSERT_TRUE(held.ok());
  EXPECT_TRUE(CheckInPlace(*held).ok());
  fs::rename(path, moved);
  EXPECT_EQ(CheckInPlace(*held).error().reason, domain::reason::kDataDirectoryMoved);
  fs::create_directories(path);
  const auto taken = CheckInPlace(*held);
  ASSERT_FALSE(taken.ok()) << "another one has its place";
  EXPECT_NE(taken.error().message.find(path.string()), std::string::npos);
  fs::remove(path);
  fs::rename(moved, path);
  EXPECT_TRUE(CheckInPlace(*held).ok());
  fs::remove(path);
}

}  // namespace
}  // namespace rollcall::vault
