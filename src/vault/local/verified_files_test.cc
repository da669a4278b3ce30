#include "vault/local/verified_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

#include "base/random.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;

class VerifiedFilesTest : public testing::Test {
 protected:
  VerifiedFilesTest() {
    fs::create_directories(folder_ / "stills");
    Write("result", "bytes");
    Write("stills/1.jpg", "one");
    Write("stills/2.jpg", "two");
    // As if the files were from yesterday.
    clock_.JumpWall(base::SystemClock().Now().wall - clock_.Now().wall + std::chrono::hours{24});
  }
  ~VerifiedFilesTest() override { fs::remove_all(folder_); }

  void Write(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_ / name) << bytes;
  }
  // How many files were read for it; -1 when it is not what reading it would give.
  int ReadsFor(const std::string& name) {
    const std::size_t before = read_.size();
    const auto digest = verified_.Digest(folder_ / name);
    const auto truth = base::DigestFile(folder_ / name);
    const bool is_right =
        digest.ok() && digest->sha256 == truth->sha256 && digest->size_bytes == truth->size_bytes;
    return is_right ? static_cast<int>(read_.size() - before) : -1;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-verified-" + base::RandomId());
  base::FakeClock clock_;
  std::vector<fs::path> read_;
  VerifiedFiles verified_{clock_, [this](const fs::path& path) {
                            read_.push_back(path);
                            return base::DigestFile(path);
                          }};
};

TEST_F(VerifiedFilesTest, ReadsAFileOnceWhileNobodyTouchesIt) {
  EXPECT_EQ(ReadsFor("result"), 1);
  EXPECT_EQ(ReadsFor("result"), 0);
  EXPECT_EQ(ReadsFor("stills"), 2);
  EXPECT_EQ(ReadsFor("stills"), 0);
}

TEST_F(VerifiedFilesTest, ReadsAFileAgainWhoseBytesWereChangedWithSizeAndTimeSetBack) {
  EXPECT_EQ(ReadsFor("result"), 1);
  struct stat before {};
  ASSERT_EQ(::stat((folder_ / "result").c_str(), &before), 0);
  const timespec times[2]{before.st_atim, before.st_mtim};
  struct stat after = before;
  // Until the file system's clock has ticked.
  while (after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
         after.st_ctim.tv_nsec == before.st_ctim.tv_nsec) {
    Write("result", "bytez");
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "result").c_str(), times, 0), 0);
    ASSERT_EQ(::stat((folder_ / "result").c_str(), &after), 0);
  }
  EXPECT_EQ(ReadsFor("result"), 1);
  Write("stills/2.jpg", "2");
  EXPECT_EQ(ReadsFor("stills"), 2);
  fs::remove(folder_ / "stills/1.jpg");
  EXPECT_EQ(ReadsFor("stills"), 0) << "the one that is left has not changed";
}

TEST_F(VerifiedFilesTest, ReadsACopyAndWhatHasTakenTheFilesPlace) {
  EXPECT_EQ(ReadsFor("result"), 1);
  fs::copy_file(folder_ / "result", folder_ / "copy");
  EXPECT_EQ(ReadsFor("copy"), 1);
  Write("other", "other");
  fs::rename(folder_ / "other", folder_ / "result");
  EXPECT_EQ(ReadsFor("result"), 1);
}

// Two changes within one tick of the file system's clock look like one.
TEST_F(VerifiedFilesTest, DoesNotRememberWhatWasWrittenAMomentAgo) {
  clock_.JumpWall(base::SystemClock().Now().wall - clock_.Now().wall);
  Write("result", "fresh");
  EXPECT_EQ(ReadsFor("result"), 1);
  EXPECT_EQ(ReadsFor("result"), 1);
}

TEST_F(VerifiedFilesTest, SaysWhatIsWrongWithAFileThatCannotBeRead) {
  EXPECT_EQ(verified_.Digest(folder_ / "nothing").error().code, base::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace rollcall::vault
