#include "base/file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/random.h"

namespace rollcall::base {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  FileTest() { fs::create_directories(folder_); }
  ~FileTest() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::temp_directory_path() / ("rollcall_file_test_" + RandomId());
};

TEST_F(FileTest, AtomicWriteReplacesTheWholeFileAndLeavesNoTemporary) {
  const fs::path path = folder_ / "state.json";
  ASSERT_TRUE(WriteFileAtomic(path, "a long first version").ok());
  ASSERT_TRUE(WriteFileAtomic(path, "short").ok());
  EXPECT_EQ(ReadFile(path).value(), "short");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, AtomicWriteIntoAMissingFolderIsATypedError) {
  const auto result = WriteFileAtomic(folder_ / "missing" / "state.json", "x");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST_F(FileTest, FullDiskIsResourceExhausted) {
  EXPECT_EQ(ErrnoError(ENOSPC, "write", "x").reason, "ERR_DISK_FULL");
  EXPECT_EQ(ErrnoError(ENOSPC, "write", "x").code, ErrorCode::kResourceExhausted);
}

TEST_F(FileTest, AFullDiskSaysForHowMuchThereWasNoRoom) {
  const Error full = ErrnoError(EDQUOT, "write", "x");
  EXPECT_EQ(full.bytes_wanted, 0) << "only its writer knows";
  EXPECT_EQ(WantingBytes(WantingBytes(full, 7), 5).bytes_wanted, 7);
  EXPECT_EQ(WantingBytes(ErrnoError(EIO, "write", "x"), 7).bytes_wanted, 0);
  EXPECT_TRUE(HasMetFullDisk());
}

TEST_F(FileTest, TryingForRoomLeavesNothing) {
  EXPECT_TRUE(TryForRoom(folder_, 100'000).ok());
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_EQ(TryForRoom(folder_ / "missing", 1).error().code, ErrorCode::kNotFound);
}

TEST_F(FileTest, LinkIsReplacedAtomicallyAndIsRelative) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "a.g1", "one").ok());
  ASSERT_TRUE(WriteFileAtomic(folder_ / "a.g2", "two").ok());
  ASSERT_TRUE(LinkAtomic(folder_ / "a", "a.g1").ok());
  ASSERT_TRUE(LinkAtomic(folder_ / "a", "a.g2").ok());
  EXPECT_EQ(ReadFile(folder_ / "a").value(), "two");
  EXPECT_EQ(fs::read_symlink(folder_ / "a"), "a.g2");
}

TEST_F(FileTest, DigestIsSha256OfTheBytes) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "abc", "abc").ok());
  const FileDigest digest = DigestFile(folder_ / "abc").value();
  EXPECT_EQ(digest.size_bytes, 3);
  EXPECT_EQ(digest.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256("abc"), digest.sha256);
}

TEST_F(FileTest, DigestOfALongFileTellsOfEachPieceAndEndsAtTheNextWhenStopped) {
  const fs::path path = folder_ / "long";
  ASSERT_TRUE(WriteFileAtomic(path, std::string(10 * kPieceBytes, 'x')).ok());
  std::int64_t told = 0;
  int calls = 0;
  const auto digest = DigestFile(path, [&](std::int64_t bytes) -> Result<void> {
    EXPECT_LE(bytes, static_cast<std::int64_t>(kPieceBytes));
    told += bytes;
    ++calls;
    return {};
  });
  EXPECT_EQ(digest.value().sha256, DigestFile(path).value().sha256);
  EXPECT_EQ(told, digest->size_bytes);
  EXPECT_EQ(calls, 10);

  const Error stop{ErrorCode::kCancelled, "ERR_CANCELLED", "stopped", ""};
  for (const bool is_folder : {false, true}) {
    calls = 0;
    const auto stopped = DigestFile(is_folder ? folder_ : path, [&](std::int64_t) -> Result<void> {
      if (++calls == 3) return stop;
      return {};
    });
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error().reason, "ERR_CANCELLED");
    EXPECT_EQ(calls, 3);
  }
}

TEST_F(FileTest, ASyncOfALongFileTellsOfEachPieceAndEndsAtTheNextWhenStopped) {
  const fs::path path = folder_ / "long";
  std::ofstream(path) << std::string(10 * kPieceBytes + 1, 'x');
  std::int64_t told = 0;
  ASSERT_TRUE(SyncFile(path, [&](std::int64_t bytes) -> Result<void> {
                told += bytes;
                return {};
              }).ok());
  EXPECT_EQ(told, static_cast<std::int64_t>(10 * kPieceBytes + 1));
  int calls = 0;
  const auto stopped = SyncFile(path, [&](std::int64_t) -> Result<void> {
    if (++calls == 3) return Error{ErrorCode::kCancelled, "ERR_CANCELLED", "stopped", ""};
    return {};
  });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(calls, 3);
}

TEST_F(FileTest, DigestOfAFolderChangesWithAnyEntry) {
  fs::create_directories(folder_ / "stills");
  ASSERT_TRUE(WriteFileAtomic(folder_ / "stills" / "a", "1").ok());
  ASSERT_TRUE(WriteFileAtomic(folder_ / "stills" / "b", "22").ok());
  const FileDigest before = DigestFile(folder_ / "stills").value();
  EXPECT_EQ(before.size_bytes, 3);
  ASSERT_TRUE(WriteFileAtomic(folder_ / "stills" / "b", "23").ok());
  EXPECT_NE(DigestFile(folder_ / "stills").value().sha256, before.sha256);
}

TEST_F(FileTest, MissingFileIsNotFound) {
  EXPECT_EQ(ReadFile(folder_ / "nothing").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(DigestFile(folder_ / "nothing").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace rollcall::base
