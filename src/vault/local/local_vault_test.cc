#include "vault/local/local_vault.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/failpoint.h"
#include "base/random.h"
#include "base/testing/not_tried.h"
#include "base/testing/without_privileges.h"
#include "vault/testing/bucket_vault.h"
#include "vault/testing/vault_contract.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kMoved = "ERR_DATA_DIRECTORY_MOVED";

struct stat StatusOf(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

class LocalHome final : public VaultHome {
 public:
  LocalHome() {
    clock_.JumpWall(base::SystemClock().Now().wall - clock_.Now().wall + std::chrono::hours{24});
  }
  ~LocalHome() override { fs::remove_all(folder_); }

  Vault& vault() override { return vault_; }
  // Until the file system's clock, which stamps the file, has ticked.
  void Overwrite(const std::string& path, const std::string& bytes) override {
    const struct stat before = StatusOf(folder_ / path);
    struct stat now = before;
    while (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == before.st_ctim.tv_nsec) {
      std::ofstream(folder_ / path) << bytes;
      now = StatusOf(folder_ / path);
    }
  }
  void Deny(const std::string& path) override {
    EXPECT_EQ(::chmod((folder_ / path).c_str(), 0), 0);
    if (!without_privileges_) without_privileges_.emplace();
  }
  int reads() override { return reads_; }

  const fs::path& folder() const { return folder_; }

 private:
  static fs::path MakeFolder() {
    fs::path folder = fs::temp_directory_path() / ("rollcall-local-vault-" + base::RandomId());
    fs::create_directories(folder);
    return folder;
  }

  const fs::path folder_ = MakeFolder();
  const base::HeldFolder root_ = base::HeldFolder::Open(folder_).value();
  base::FakeClock clock_;
  std::atomic<int> reads_{0};
  LocalVault vault_{root_, clock_, [this](const fs::path& path) {
                      ++reads_;
                      return base::DigestFile(path);
                    }};
  std::optional<base::testing::WithoutPrivileges> without_privileges_;
};

INSTANTIATE_TEST_SUITE_P(Local, VaultContract,
                         testing::Values(MakeHome([] { return std::make_unique<LocalHome>(); })),
                         [](const auto&) { return std::string("Vault"); });

// What only a folder of this host has.
class LocalVaultTest : public VaultContract {
 protected:
  ~LocalVaultTest() override {
    ::unsetenv("ROLLCALL_FAIL");
    ::unsetenv("ROLLCALL_FAIL_COUNT");
    base::ReadFailpointAgain();
    fs::remove_all(moved());
  }

  const fs::path& data() const { return static_cast<const LocalHome&>(*home_).folder(); }
  fs::path moved() const { return data().string() + "-moved"; }
  void FailAt(const char* wish) {
    ::setenv("ROLLCALL_FAIL", wish, 1);
    ::setenv("ROLLCALL_FAIL_COUNT", (root_ / "count").c_str(), 1);
    base::ReadFailpointAgain();
  }
};

INSTANTIATE_TEST_SUITE_P(Local, LocalVaultTest,
                         testing::Values(MakeHome([] { return std::make_unique<LocalHome>(); })),
                         [](const auto&) { return std::string("Vault"); });

TEST_P(LocalVaultTest, WhatIsAdoptedIsTheFileItself) {
  const StoredFile file = Stage("harvest/x/a.g7", "bytes");
  const auto inode = StatusOf(Staged("harvest/x/a.g7")).st_ino;
  ASSERT_EQ(Wrong(Adopt({file})), "");
  EXPECT_EQ(StatusOf(data() / "harvest/x/a.g7").st_ino, inode);
  EXPECT_EQ(*vault().Fetch("harvest/x/a.g7"), data() / "harvest/x/a.g7");
  EXPECT_EQ(*vault().Shelf("harvest/x"), data() / "harvest/x");
}

TEST_P(LocalVaultTest, WithoutRoomNothingIsTakenAndItCanBeTriedAgain) {
  const std::vector files{Stage("a.g7", "a"), Stage("b.g7", "b")};
  FailAt("file.write:2:enospc");
  EXPECT_THAT(Wrong(Adopt(files)), HasSubstr("ERR_DISK_FULL"));
  EXPECT_FALSE(IsThere("a.g7"));
  EXPECT_TRUE(fs::exists(Staged("b.g7")));
  Stage("a.g7", "a");
  EXPECT_FALSE(vault().Link("name", "a.g7").ok());
  std::ofstream(root_ / "count.freed");
  EXPECT_EQ(Wrong(Adopt(files)), "");
}

TEST_P(LocalVaultTest, AFailureBetweenMoveAndLookLeavesNothing) {
  for (const Finished what : {Finished::kSegment, Finished::kResult}) {
    fs::remove(root_ / "count");
    FailAt(what == Finished::kSegment ? "segment.renamed:1:error" : "artefacts.renamed:1:error");
    const std::vector files{Stage("a.g7", "a"), Stage("b.g7", "b")};
    const auto adopted = vault().Adopt({.staging = staging_, .files = files, .what = what});
    EXPECT_THAT(Wrong(adopted), HasSubstr("failed on purpose"));
    EXPECT_FALSE(IsThere("a.g7"));
    EXPECT_FALSE(IsThere("b.g7"));
  }
}

// People put `harvest` on a larger disk and leave a link to it.
TEST_P(LocalVaultTest, GoesAcrossDisks) {
  const fs::path disk = fs::path("/dev/shm") / root_.filename();
  std::error_code failure;
  fs::create_directories(disk, failure);
  if (failure || StatusOf(disk).st_dev == StatusOf(data()).st_dev) {
    return base::testing::SayNotTried("a vault across disks: /dev/shm is none of its own");
  }
  fs::create_directory_symlink(disk, data() / "harvest");
  const StoredFile file = Keep("harvest/x/a.g7", "bytes");
  KeepFolder("harvest/x/stills.g7");
  EXPECT_EQ(Read("harvest/x/a.g7"), "bytes");
  EXPECT_EQ(base::ReadFile(disk / "x/stills.g7/two.jpg").value(), "22");
  EXPECT_FALSE(fs::exists(Staged("harvest/x/a.g7")));
  EXPECT_EQ(Wrong(Adopt({Stage("harvest/x/a.g7", "other")})), "harvest/x/a.g7 is there already");
  EXPECT_EQ(Wrong(Adopt({Stage("harvest/x/b.g7", "b"), file})), "harvest/x/a.g7 is there already");
  EXPECT_EQ(Read("harvest/x/a.g7"), "bytes");
  fs::create_symlink(Staged("harvest/x/a.g7"), Staged("harvest/x/c.g7"));
  const StoredFile link = Describe("harvest/x/c.g7");
  EXPECT_EQ(Wrong(Adopt({link})), "harvest/x/c.g7 is no plain file");
  StoredFile pipe = link;
  pipe.path = "harvest/x/d.g7";
  ASSERT_EQ(::mkfifo(Staged(pipe.path).c_str(), 0644), 0);
  EXPECT_EQ(Wrong(Adopt({pipe})), "harvest/x/d.g7 is no plain file");
  EXPECT_THAT(NamesIn("harvest/x"), ElementsAre("a.g7", "stills.g7")) << "and no half copies";
  EXPECT_EQ(Wrong(vault().Remove("harvest/x")), "");
  EXPECT_TRUE(fs::is_empty(disk));
  fs::remove_all(disk);
}

// So that the data directory can be renamed, and read on another machine.
TEST_P(LocalVaultTest, LinksAreRelative) {
  Keep("harvest/x/a.g7", "a");
  ASSERT_EQ(Wrong(vault().Link("harvest/x/a", "harvest/x/a.g7")), "");
  ASSERT_EQ(Wrong(vault().Link("outputs/x/a", "harvest/x/a.g7")), "");
  EXPECT_EQ(fs::read_symlink(data() / "harvest/x/a"), "a.g7");
  EXPECT_EQ(fs::read_symlink(data() / "outputs/x/a"), "../../harvest/x/a.g7");
}

TEST_P(LocalVaultTest, UnderstandsLinksThatPeopleMake) {
  fs::create_directories(data() / "x");
  fs::create_symlink(data() / "x/a.g7", data() / "x/absolute");
  fs::create_symlink(".././x/a.g7", data() / "x/odd");
  fs::create_symlink("../../elsewhere", data() / "x/out");
  fs::create_symlink("/elsewhere", data() / "x/far out");
  EXPECT_EQ(*vault().LinkTarget("x/absolute"), "x/a.g7");
  EXPECT_EQ(*vault().LinkTarget("x/odd"), "x/a.g7");
  EXPECT_EQ(Wrong(vault().LinkTarget("x/out")),
            "x/out is a link that leads out of the data directory");
  EXPECT_FALSE(vault().LinkTarget("x/far out").ok());
}

TEST_P(LocalVaultTest, SaysWhatIsNeitherFileNorFolderNorLink) {
  ASSERT_EQ(::mkfifo((data() / "pipe").c_str(), 0644), 0);
  EXPECT_EQ(vault().Look("pipe").value()->kind, Entry::Kind::kOther);
  EXPECT_EQ(Wrong(vault().Verify({.path = "pipe"}, Depth::kBytes)), "pipe is not there");
}

TEST_P(LocalVaultTest, NothingIsCorruptAndNothingIsTouchedWhileItsFolderIsAway) {
  const StoredFile file = Keep("a.g7", "a");
  fs::rename(data(), moved());
  fs::create_directories(data());
  std::ofstream(data() / "a.g7") << "another's";
  EXPECT_THAT(Wrong(vault().Verify(file, Depth::kBytes)), HasSubstr(kMoved));
  EXPECT_THAT(Wrong(vault().Fetch("a.g7")), HasSubstr(kMoved));
  EXPECT_THAT(Wrong(vault().Shelf("x")), HasSubstr(kMoved));
  EXPECT_THAT(Wrong(Adopt({file})), HasSubstr(kMoved));
  EXPECT_EQ(Wrong(vault().Link("name", "a.g7")), "");
  EXPECT_EQ(Wrong(vault().Remove("a.g7")), "");
  EXPECT_EQ(base::ReadFile(data() / "a.g7").value(), "another's");
  EXPECT_FALSE(fs::exists(fs::symlink_status(data() / "name")));
  EXPECT_FALSE(fs::exists(moved() / "a.g7"));
  EXPECT_TRUE(fs::is_symlink(moved() / "name"));
}

TEST_P(LocalVaultTest, ErrorsNameTheFolderAsPeopleKnowIt) {
  KeepFolder("a.g7");
  for (const std::string& wrong :
       {Wrong(vault().Link("a.g7", "b.g7")), Wrong(vault().Shelf("a.g7/one.jpg"))}) {
    EXPECT_THAT(wrong, HasSubstr((data() / "a.g7").string()));
    EXPECT_THAT(wrong, Not(HasSubstr("/proc/")));
  }
}

// The folder that holds them may be read, but nothing may go from it.
TEST_P(LocalVaultTest, SaysWhatItCouldNotRemove) {
  Keep("x/a.g7", "a");
  fs::permissions(data() / "x", fs::perms{0550});
  {
    const base::testing::WithoutPrivileges as_everybody;
    EXPECT_THAT(Wrong(vault().Remove("x/a.g7")), HasSubstr((data() / "x/a.g7").string()));
  }
  fs::permissions(data() / "x", fs::perms{0750});
  EXPECT_EQ(Read("x/a.g7"), "a");
}

TEST_P(LocalVaultTest, WhatMayNotBeLookedAtIsNotCalledMissing) {
  const StoredFile file = Keep("x/a.g7", "a");
  fs::permissions(data() / "x", fs::perms{0});
  {
    const base::testing::WithoutPrivileges as_everybody;
    const auto reason = [](const auto& result) { return result.error().reason; };
    EXPECT_EQ(reason(vault().Look("x/a.g7")), "ERR_PERMISSION");
    EXPECT_EQ(reason(vault().LinkTarget("x/a.g7")), "ERR_PERMISSION");
    EXPECT_EQ(reason(vault().Fetch("x/a.g7")), "ERR_PERMISSION");
    EXPECT_EQ(reason(vault().List("x", [](const Entry&) { return true; })), "ERR_PERMISSION");
    for (const Depth depth : kDepths) {
      EXPECT_EQ(reason(vault().Verify(file, depth)), "ERR_PERMISSION");
    }
  }
  fs::permissions(data() / "x", fs::perms{0750});
  EXPECT_EQ(Wrong(vault().Verify(file, Depth::kBytes)), "");
}

// Another one, which is no folder of this host: here, so that the contract is compiled once.
class BucketHome final : public VaultHome {
 public:
  ~BucketHome() override { fs::remove_all(cache_); }
  Vault& vault() override { return vault_; }
  void Overwrite(const std::string& path, const std::string& bytes) override {
    vault_.Put(path, bytes);
  }
  void Deny(const std::string& path) override { vault_.Deny(path); }
  int reads() override { return vault_.reads(); }

 private:
  const fs::path cache_ = fs::temp_directory_path() / ("rollcall-bucket-" + base::RandomId());
  base::SystemClock clock_;
  BucketVault vault_{cache_, clock_};
};

INSTANTIATE_TEST_SUITE_P(Bucket, VaultContract,
                         testing::Values(MakeHome([] { return std::make_unique<BucketHome>(); })),
                         [](const auto&) { return std::string("Vault"); });

}  // namespace
}  // namespace rollcall::vault
