#include "worker/staging.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "worker/process_table.h"
#include "worker/worker_process.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSegment = "harvest/x/segments/detect/seg-00000.t7.0123abcd";

class StagingTest : public testing::Test {
 protected:
  StagingTest() {
    fs::create_directories(data_);
    EXPECT_TRUE(staging_.Make(kUuid).ok());
  }
  ~StagingTest() override { fs::remove_all(root_); }

  fs::path Staged(const std::string& path) const { return staging_.FolderOf(kUuid) / path; }
  void Put(const std::string& path, const std::string& bytes) {
    fs::create_directories(Staged(path).parent_path());
    std::ofstream(Staged(path)) << bytes;
  }
  static constexpr const char* kUuid = "0123456789abcdef";
  const fs::path root_ = fs::temp_directory_path() / ("rollcall-staging-" + base::RandomId());
  const fs::path data_ = root_ / "data";
  Staging staging_{data_};
};

TEST_F(StagingTest, WhatAnAttemptLeftGoesWithIt) {
  Put(kSegment, "half");
  staging_.Discard(kUuid);
  EXPECT_TRUE(fs::exists(Staged(kSegment))) << "removing takes long";
  staging_.RemoveDiscarded();
  EXPECT_TRUE(fs::is_empty(data_ / "staging"));
}

TEST_F(StagingTest, LeftoversOfDeadAttemptsGoAndThoseOfLiveOnesStay) {
  Put(kSegment, "half");
  const std::string live = base::RandomId();
  ASSERT_TRUE(staging_.Make(live).ok());
  auto process = WorkerProcess::Start(
      {.argv = {"/bin/sleep", "1000"}, .attempt_uuid = live, .output_path = root_ / "out"});
  ASSERT_TRUE(process.ok());
  while (LiveProcessesOfAttempt(0, live).empty()) ::poll(nullptr, 0, 1);  // Until it has the mark.
  EXPECT_EQ(staging_.RemoveLeftovers(), 1);
  EXPECT_FALSE(fs::exists(staging_.FolderOf(kUuid)));
  EXPECT_TRUE(fs::exists(staging_.FolderOf(live)));
  process->reset();
  EXPECT_EQ(staging_.RemoveLeftovers(), 1);
}

}  // namespace
}  // namespace rollcall::worker
