#include "vault/stored_file.h"

#include <gtest/gtest.h>

#include "domain/reasons.h"

namespace rollcall::vault {
namespace {

TEST(StoredFileTest, APathInsideHasNamesOnlyAndNoOtherSpelling) {
  for (const char* path : {"a", "harvest/x/a.parquet.g7", "...", "a/..b/.c", "a b/ü"}) {
    EXPECT_TRUE(IsInside(path)) << path;
  }
  for (const char* path :
       {"", "/", "/etc/passwd", ".", "..", "../a", "a/../b", "a/..", "./a", "a/.", "a//b", "a/"}) {
    EXPECT_FALSE(IsInside(path)) << path;
  }
}

// A worker's words are JSON, which can hold one: the row would name another file than the kernel.
TEST(StoredFileTest, APathWithAZeroIsNotInside) {
  using std::string_view_literals::operator""sv;
  EXPECT_FALSE(IsInside("harvest/x/a\0.g7"sv));
}

TEST(StoredFileTest, SaysWhatIsWrong) {
  const StoredFile file{.path = "a.g7", .size_bytes = 4, .sha256 = "00"};
  EXPECT_TRUE(CompareDigest(file, {.size_bytes = 4, .sha256 = "00"}).ok());
  const auto size = CompareDigest(file, {.size_bytes = 3, .sha256 = "00"});
  EXPECT_EQ(size.error().message, "a.g7 has 3 bytes instead of 4");
  const auto bytes = CompareDigest(file, {.size_bytes = 4, .sha256 = "01"});
  EXPECT_EQ(bytes.error().message, "a.g7 has other bytes than were written");
  const auto outside = CheckInside("../a");
  EXPECT_EQ(outside.error().message, "../a is not inside the data directory");
  for (const auto& result : {size, bytes, outside}) {
    EXPECT_EQ(result.error().code, base::ErrorCode::kDataLoss);
    EXPECT_EQ(result.error().reason, domain::reason::kArtifactCorrupt);
  }
}

}  // namespace
}  // namespace rollcall::vault
