#pragma once

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "vault/testing/contract_fixture.h"

namespace rollcall::vault {

using testing::ElementsAre;

TEST_P(VaultContract, AdoptsFilesAndFolders) {
  const StoredFile file = Stage("harvest/x/a.json.g7", "aaaa");
  Stage("outputs/x/stills.g7/one.jpg", "1");
  Stage("outputs/x/stills.g7/more/two.jpg", "22");
  EXPECT_EQ(Wrong(Adopt({file, Describe("outputs/x/stills.g7")})), "");
  EXPECT_EQ(Read("harvest/x/a.json.g7"), "aaaa");
  EXPECT_EQ(Read("outputs/x/stills.g7/one.jpg"), "1");
  EXPECT_EQ(Read("outputs/x/stills.g7/more/two.jpg"), "22");
  EXPECT_FALSE(std::filesystem::exists(Staged("harvest/x/a.json.g7")));
  EXPECT_FALSE(std::filesystem::exists(Staged("outputs/x/stills.g7")));
  EXPECT_EQ(Wrong(Adopt({})), "");
}

TEST_P(VaultContract, AdoptsAnEmptyFile) {
  Keep("harvest/x/a.g7", "");
  EXPECT_EQ(Read("harvest/x/a.g7"), "");
}

TEST_P(VaultContract, AdoptsAllOrNone) {
  const StoredFile a = Stage("harvest/x/a.g7", "a");
  Stage("harvest/x/b.g7/one", "1");
  const StoredFile b = Describe("harvest/x/b.g7");
  StoredFile missing = a;
  missing.path = "outputs/x/c.g7";
  EXPECT_EQ(Wrong(Adopt({a, b, missing})), "outputs/x/c.g7 is not there");
  EXPECT_FALSE(IsThere("harvest/x/a.g7"));
  EXPECT_FALSE(IsThere("harvest/x/b.g7"));
  const StoredFile again = Stage("harvest/x/a.g7", "a");
  EXPECT_EQ(Wrong(Adopt({again, again})).substr(0, 18), "harvest/x/a.g7 is ") << "twice";
  EXPECT_FALSE(IsThere("harvest/x/a.g7"));
}

TEST_P(VaultContract, LeavesNothingOfWhatIsNotAsDescribed) {
  const StoredFile right = Stage("a.g7", "a");
  StoredFile wrong = Stage("b.g7", "abc");
  wrong.size_bytes = 4;
  EXPECT_EQ(Wrong(Adopt({right, wrong})), "b.g7 has 3 bytes instead of 4");
  EXPECT_FALSE(IsThere("a.g7"));
  EXPECT_FALSE(IsThere("b.g7"));
  wrong = Stage("b.g7", "abc");
  Stage("b.g7", "abd");
  EXPECT_EQ(Wrong(Adopt({wrong})), "b.g7 has other bytes than were written");
  EXPECT_FALSE(IsThere("b.g7"));
  Stage("c.g7/one", "1");
  const StoredFile folder = Describe("c.g7");
  Stage("c.g7/two", "");
  EXPECT_EQ(Wrong(Adopt({folder})), "c.g7 has other bytes than were written");
  EXPECT_FALSE(IsThere("c.g7"));
  EXPECT_EQ(Adopt({wrong}).error().code, base::ErrorCode::kDataLoss);
}

TEST_P(VaultContract, NeverPutsAnythingInThePlaceOfAnother) {
  Keep("a.g7", "first");
  KeepFolder("b.g7");
  Keep("c.g7/inner", "first");
  const StoredFile other = Stage("other.g7", "other");
  EXPECT_EQ(Wrong(Adopt({other, Stage("a.g7", "second")})), "a.g7 is there already");
  EXPECT_EQ(Read("a.g7"), "first");
  EXPECT_FALSE(IsThere("other.g7"));
  EXPECT_EQ(Wrong(Adopt({Stage("b.g7", "file")})), "b.g7 is there already");
  Stage("c.g7/two", "2");
  EXPECT_EQ(Wrong(Adopt({Describe("c.g7")})), "c.g7 is there already");
  EXPECT_THAT(NamesIn("c.g7"), ElementsAre("inner"));
  ASSERT_EQ(Wrong(vault().Link("name", "a.g7")), "");
  EXPECT_EQ(Wrong(Adopt({Stage("name", "second")})), "name is there already");
  EXPECT_EQ(Read("name"), "first");
}

// Two owners' threads, or one that does not know that it was fenced off.
TEST_P(VaultContract, OfTwoWhoWantAPlaceOneGetsIt) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = "harvest/x/" + std::to_string(round);
    const std::filesystem::path other = root_ / "other";
    const std::vector file{Stage(path, "bytes")};
    std::filesystem::create_directories((other / path).parent_path());
    std::filesystem::copy_file(Staged(path), other / path);
    std::atomic<int> adopted{0};
    const auto adopt = [&](const std::filesystem::path& staging) {
      if (vault().Adopt({.staging = staging, .files = file}).ok()) ++adopted;
    };
    std::thread beside([&] { adopt(other); });
    adopt(staging_);
    beside.join();
    EXPECT_EQ(adopted, 1);
    EXPECT_EQ(Read(path), "bytes");
  }
}

// What it leads to would be right today and another's tomorrow.
TEST_P(VaultContract, AdoptsNoLink) {
  const StoredFile real = Stage("real", "bytes");
  std::filesystem::create_symlink(Staged("real"), Staged("a.g7"));
  const StoredFile link = Describe("a.g7");
  EXPECT_EQ(Wrong(Adopt({link})), "a.g7 is no plain file");
  EXPECT_FALSE(IsThere("a.g7"));
  Stage("b.g7/one", "1");
  std::filesystem::create_symlink(Staged("real"), Staged("b.g7/two"));
  const StoredFile folder = Describe("b.g7");
  EXPECT_EQ(Wrong(Adopt({folder})), "b.g7 is no plain file");
  EXPECT_FALSE(IsThere("b.g7"));
  EXPECT_EQ(Wrong(Adopt({real})), "") << "it was left alone";
}

TEST_P(VaultContract, AdoptsNothingThatAWorkersLinkLeadsTo) {
  const std::filesystem::path elsewhere = root_ / "elsewhere";
  Stage("../elsewhere/x/a.g7", "bytes");
  std::filesystem::create_directory_symlink(elsewhere, Staged("harvest"));
  const StoredFile file = Describe("harvest/x/a.g7");
  EXPECT_EQ(Wrong(Adopt({file})), "harvest/x/a.g7 is no plain file");
  EXPECT_FALSE(IsThere("harvest/x/a.g7"));
  EXPECT_TRUE(std::filesystem::exists(elsewhere / "x/a.g7"));
}

// By it the worker would keep hold of the file.
TEST_P(VaultContract, AdoptsNothingThatHasASecondName) {
  const StoredFile file = Stage("a.g7", "bytes");
  std::filesystem::create_hard_link(Staged("a.g7"), Staged("kept"));
  EXPECT_EQ(Wrong(Adopt({file})), "a.g7 is no plain file");
  EXPECT_FALSE(IsThere("a.g7"));
  Stage("b.g7/one", "1");
  std::filesystem::create_hard_link(Staged("b.g7/one"), Staged("kept too"));
  const StoredFile folder = Describe("b.g7");
  EXPECT_EQ(Wrong(Adopt({folder})), "b.g7 is no plain file");
  EXPECT_FALSE(IsThere("b.g7"));
}

// It would be waited for.
TEST_P(VaultContract, AdoptsNoPipe) {
  StoredFile file = Stage("real", "bytes");
  file.path = "a.g7";
  ASSERT_EQ(::mkfifo(Staged("a.g7").c_str(), 0644), 0);
  EXPECT_EQ(Wrong(Adopt({file})), "a.g7 is no plain file");
  EXPECT_FALSE(IsThere("a.g7"));
}

TEST_P(VaultContract, RefusesPathsOutside) {
  const StoredFile inside = Stage("a.g7", "a");
  Stage("../outside", "a");
  const std::string zero("a.g7\0b", 6);
  for (const std::string& path :
       {std::string("../outside"), (root_ / "outside").string(), std::string("x/../a.g7"),
        std::string("./a.g7"), std::string("."), std::string(), zero}) {
    StoredFile file = inside;
    file.path = path;
    const std::string wrong = path + " is not inside the data directory";
    EXPECT_EQ(Wrong(Adopt({file})), wrong);
    EXPECT_EQ(Wrong(vault().Fetch(path)), wrong);
    EXPECT_EQ(Wrong(vault().Shelf(path)), wrong);
    EXPECT_EQ(Wrong(vault().Verify(file, Depth::kPresence)), wrong);
    EXPECT_EQ(Wrong(vault().Link(path, "a.g7")), wrong);
    EXPECT_EQ(Wrong(vault().Link("name", path)), wrong);
    EXPECT_EQ(Wrong(vault().LinkTarget(path)), wrong);
    EXPECT_EQ(Wrong(vault().Look(path)), wrong);
    EXPECT_EQ(Wrong(vault().List(path, [](const Entry&) { return true; })), wrong);
    EXPECT_EQ(Wrong(vault().Remove(path)), wrong);
  }
  EXPECT_TRUE(std::filesystem::exists(root_ / "outside"));
  EXPECT_EQ(Wrong(Adopt({inside})), "");
}

}  // namespace rollcall::vault
