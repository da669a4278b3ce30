#include "worker/staging.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"
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
  static domain::Segment Described(const std::string& bytes) {
    return {.number = 0,
            .path = kSegment,
            .size_bytes = std::ssize(bytes),
            .sha256 = base::Sha256(bytes)};
  }
  static domain::Artifact DescribedAs(const std::string& name, const base::FileDigest& digest) {
    return {.name = name,
            .path = name + ".g7",
            .size_bytes = digest.size_bytes,
            .sha256 = digest.sha256};
  }
  std::string TakeSegment(const domain::Segment& segment) {
    const auto taken = staging_.TakeSegment(kUuid, segment);
    return taken.ok() ? "" : taken.error().reason;
  }
  std::string TakeArtifacts(const std::vector<domain::Artifact>& artifacts) {
    const auto taken = staging_.TakeArtifacts(kUuid, artifacts);
    return taken.ok() ? "" : taken.error().reason;
  }
  std::string Read(const std::string& path) const {
    const auto text = base::ReadFile(data_ / path);
    return text.ok() ? *text : "";
  }
  bool IsThere(const std::string& path) const {
    return fs::exists(fs::symlink_status(data_ / path));
  }

  static constexpr const char* kUuid = "0123456789abcdef";
  static constexpr std::string_view kCorrupt = domain::reason::kArtifactCorrupt;
  const fs::path root_ = fs::temp_directory_path() / ("rollcall-staging-" + base::RandomId());
  const fs::path data_ = root_ / "data";
  Staging staging_{data_};
};

TEST_F(StagingTest, TakesASegmentToItsPlace) {
  Put(kSegment, "bytes");
  EXPECT_EQ(TakeSegment(Described("bytes")), "");
  EXPECT_EQ(Read(kSegment), "bytes");
  EXPECT_FALSE(fs::exists(Staged(kSegment)));
  EXPECT_EQ(TakeSegment({.number = 1}), "") << "one without a file";
}

TEST_F(StagingTest, LeavesNothingOfASegmentThatIsNotAsDescribed) {
  Put(kSegment, "lies!");
  EXPECT_EQ(TakeSegment(Described("bytes")), kCorrupt);
  EXPECT_FALSE(IsThere(kSegment));
  EXPECT_EQ(TakeSegment(Described("bytes")), kCorrupt) << "it is not there any more";
}

TEST_F(StagingTest, NeverPutsASegmentInThePlaceOfAnother) {
  Put(kSegment, "bytes");
  ASSERT_EQ(TakeSegment(Described("bytes")), "");
  Put(kSegment, "other");
  EXPECT_EQ(TakeSegment(Described("other")), kCorrupt);
  EXPECT_EQ(Read(kSegment), "bytes") << "the row names it";
}

// What it leads to would be right today and another's tomorrow; a pipe would be waited for.
TEST_F(StagingTest, TakesNoLinkAndNoPipe) {
  std::ofstream(root_ / "elsewhere") << "bytes";
  fs::create_directories(Staged(kSegment).parent_path());
  fs::create_symlink(root_ / "elsewhere", Staged(kSegment));
  EXPECT_EQ(TakeSegment(Described("bytes")), kCorrupt);
  EXPECT_FALSE(IsThere(kSegment));
  fs::create_hard_link(root_ / "elsewhere", Staged(kSegment));
  EXPECT_EQ(TakeSegment(Described("bytes")), kCorrupt);
  EXPECT_FALSE(IsThere(kSegment));
  ASSERT_EQ(::mkfifo(Staged(kSegment).c_str(), 0644), 0);
  EXPECT_EQ(TakeSegment(Described("bytes")), kCorrupt);
  EXPECT_FALSE(IsThere(kSegment));
  EXPECT_TRUE(fs::exists(root_ / "elsewhere"));
}

TEST_F(StagingTest, TakesFilesAndFoldersOfAResult) {
  Put("harvest/x/a.json.g7", "a");
  Put("harvest/x/stills.g7/one.jpg", "1");
  Put("harvest/x/stills.g7/two.jpg", "2");
  const auto file = base::DigestFile(Staged("harvest/x/a.json.g7")).value();
  const auto folder = base::DigestFile(Staged("harvest/x/stills.g7")).value();
  EXPECT_EQ(TakeArtifacts(
                {DescribedAs("harvest/x/a.json", file), DescribedAs("harvest/x/stills", folder)}),
            "");
  EXPECT_EQ(Read("harvest/x/a.json.g7"), "a");
  EXPECT_EQ(Read("harvest/x/stills.g7/two.jpg"), "2");
}

TEST_F(StagingTest, TakesAllOfAResultOrNothing) {
  Put("harvest/x/a.json.g7", "a");
  Put("outputs/x/b.json.g7", "b");
  const auto a = base::DigestFile(Staged("harvest/x/a.json.g7")).value();
  EXPECT_EQ(TakeArtifacts({DescribedAs("harvest/x/a.json", a), DescribedAs("outputs/x/b.json", a),
                           DescribedAs("outputs/x/missing", a)}),
            kCorrupt);
  EXPECT_FALSE(IsThere("harvest/x/a.json.g7"));
  EXPECT_FALSE(IsThere("outputs/x/b.json.g7"));
}

TEST_F(StagingTest, TakesNoFolderThatHoldsALink) {
  Put("harvest/x/stills.g7/one.jpg", "1");
  fs::create_symlink("/etc/hostname", Staged("harvest/x/stills.g7/two.jpg"));
  const auto folder = base::DigestFile(Staged("harvest/x/stills.g7")).value();
  EXPECT_EQ(TakeArtifacts({DescribedAs("harvest/x/stills", folder)}), kCorrupt);
  EXPECT_FALSE(IsThere("harvest/x/stills.g7"));
}

// People put `harvest` on a larger disk and leave a link to it.
TEST_F(StagingTest, GoesAcrossDisks) {
  const fs::path disk = fs::path("/dev/shm") / root_.filename();
  fs::create_directories(disk);
  struct stat here {};
  struct stat there {};
  ASSERT_EQ(::stat(data_.c_str(), &here), 0);
  ASSERT_EQ(::stat(disk.c_str(), &there), 0);
  ASSERT_NE(here.st_dev, there.st_dev) << "/dev/shm is on the disk of " << data_;
  fs::create_directory_symlink(disk, data_ / "harvest");
  Put(kSegment, "bytes");
  Put("harvest/x/stills.g7/one.jpg", "1");
  const auto folder = base::DigestFile(Staged("harvest/x/stills.g7")).value();
  EXPECT_EQ(TakeSegment(Described("bytes")), "");
  EXPECT_EQ(TakeArtifacts({DescribedAs("harvest/x/stills", folder)}), "");
  EXPECT_EQ(Read(kSegment), "bytes");
  EXPECT_EQ(Read("harvest/x/stills.g7/one.jpg"), "1");
  Put(kSegment, "other");
  EXPECT_EQ(TakeSegment(Described("other")), kCorrupt);
  EXPECT_EQ(Read(kSegment), "bytes") << "the row names it";
  fs::remove_all(disk);
}

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
