#include "vision/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "vision/testing/file_server.h"
#include "vision/testing/temp_folder.h"

namespace rollcall::vision {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() {
    for (int i = 0; i < 300'000; ++i) bytes_ += static_cast<char>(i * 7 + i / 256);
    server_.Put("m.onnx", bytes_);
  }

  base::Result<void> Fetch(const DownloadTick& tick = {}) {
    return Download(
        {.url = server_.Url("m.onnx"), .target = target_, .sha256 = base::Sha256(bytes_)}, tick);
  }
  std::filesystem::path part() const { return target_.string() + ".part"; }
  void ExpectWhole() {
    EXPECT_EQ(base::ReadFile(target_).value(), bytes_);
    EXPECT_FALSE(std::filesystem::exists(part()));
  }

  TempFolder folder_;
  std::filesystem::path target_ = folder_.path() / "m.onnx";
  std::string bytes_;
  FileServer server_;
};

TEST_F(DownloadTest, FetchesAFile) {
  const auto fetched = Fetch();
  ASSERT_TRUE(fetched.ok()) << fetched.error().ToString();
  ExpectWhole();
}

TEST_F(DownloadTest, GoesOnWhereItBrokeOff) {
  server_.BreakAfter(100'000);
  const auto broken = Fetch();
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().reason, "ERR_DOWNLOAD_FAILED");
  EXPECT_FALSE(std::filesystem::exists(target_));
  const auto kept = std::filesystem::file_size(part());
  ASSERT_GT(kept, 0U);
  ASSERT_TRUE(Fetch().ok());
  ExpectWhole();
  EXPECT_THAT(server_.requests(),
              ElementsAre("GET /m.onnx", "GET /m.onnx bytes=" + std::to_string(kept) + "-"));
}

TEST_F(DownloadTest, StartsOverWhenTheServerSendsNoRanges) {
  server_.BreakAfter(100'000);
  ASSERT_FALSE(Fetch().ok());
  server_.AllowRanges(false);
  ASSERT_TRUE(Fetch().ok());
  ExpectWhole();
}

TEST_F(DownloadTest, StartsOverWhenTheFileHasChangedSince) {
  ASSERT_TRUE(base::WriteFileAtomic(part(), std::string(1000, 'x')).ok());
  ASSERT_TRUE(Fetch().ok());
  ExpectWhole();
}

TEST_F(DownloadTest, TakesPartThatIsAlreadyWhole) {
  ASSERT_TRUE(base::WriteFileAtomic(part(), bytes_).ok());
  ASSERT_TRUE(Fetch().ok());
  ExpectWhole();
}

TEST_F(DownloadTest, RefusesAnotherFileAndKeepsNothing) {
  server_.Put("m.onnx", bytes_ + "!");
  const auto fetched = Fetch();
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().reason, "ERR_MODEL_ALTERED");
  EXPECT_FALSE(std::filesystem::exists(target_));
  EXPECT_FALSE(std::filesystem::exists(part()));
}

TEST_F(DownloadTest, KeepsTheOldFileWhenTheNewOneIsWrong) {
  ASSERT_TRUE(base::WriteFileAtomic(target_, "old").ok());
  server_.Put("m.onnx", "other");
  ASSERT_FALSE(Fetch().ok());
  EXPECT_EQ(base::ReadFile(target_).value(), "old");
}

TEST_F(DownloadTest, SaysWhenThereIsNothing) {
  const auto fetched =
      Download({.url = server_.Url("none"), .target = target_, .sha256 = base::Sha256("")});
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().reason, "ERR_DOWNLOAD_FAILED");
  EXPECT_THAT(fetched.error().message, HasSubstr("404"));
}

TEST_F(DownloadTest, SaysWhenNobodyAnswers) {
  // Port 1 is nobody's.
  const auto fetched = Download({.url = "http://127.0.0.1:1/m", .target = target_, .sha256 = {}});
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().reason, "ERR_DOWNLOAD_FAILED");
}

TEST_F(DownloadTest, TakesOnlyTheWeb) {
  const auto fetched = Download({.url = "file:///etc/hostname", .target = target_, .sha256 = {}});
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().reason, "ERR_BAD_PARAMS");
}

TEST_F(DownloadTest, RefusesMoreThanWasAgreed) {
  const auto fetched =
      Download({.url = server_.Url("m.onnx"), .target = target_, .sha256 = {}, .size_max = 1000});
  ASSERT_FALSE(fetched.ok());
  EXPECT_THAT(fetched.error().message, HasSubstr("larger than 1000"));
}

TEST_F(DownloadTest, StopsWhenAskedTo) {
  const auto fetched = Fetch([](std::int64_t, std::int64_t) { return false; });
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().code, base::ErrorCode::kCancelled);
}

TEST_F(DownloadTest, TellsHowFarItIsAlsoWhenItGoesOn) {
  server_.BreakAfter(100'000);
  ASSERT_FALSE(Fetch().ok());
  std::int64_t done = 0;
  std::int64_t total = 0;
  ASSERT_TRUE(Fetch([&](std::int64_t bytes_done, std::int64_t bytes_total) {
                done = bytes_done;
                total = std::max(total, bytes_total);
                return true;
              }).ok());
  EXPECT_EQ(done, std::ssize(bytes_));
  EXPECT_EQ(total, std::ssize(bytes_));
}

}  // namespace
}  // namespace rollcall::vision
