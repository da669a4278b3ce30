#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "vault/testing/contract_fixture.h"

namespace rollcall::vault {

using Kind = Entry::Kind;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST_P(VaultContract, ANameStandsForWhatItWasLastLinkedTo) {
  const StoredFile first = Keep("harvest/x/a.g7", "first");
  Keep("harvest/x/a.g8", "second");
  EXPECT_EQ(Wrong(vault().Link("harvest/x/a", "harvest/x/a.g7")), "");
  EXPECT_EQ(Read("harvest/x/a"), "first");
  StoredFile by_name = first;
  by_name.path = "harvest/x/a";
  EXPECT_EQ(Wrong(vault().Verify(by_name, Depth::kBytes)), "");
  EXPECT_EQ(Wrong(vault().Link("harvest/x/a", "harvest/x/a.g8")), "");
  EXPECT_EQ(Read("harvest/x/a"), "second");
  EXPECT_EQ(*vault().LinkTarget("harvest/x/a"), "harvest/x/a.g8");
  EXPECT_EQ(Read("harvest/x/a.g7"), "first") << "it stays";
}

TEST_P(VaultContract, ANameMayStandForAFolderElsewhere) {
  KeepFolder("harvest/x/stills.g7");
  EXPECT_EQ(Wrong(vault().Link("outputs/x/deep/stills", "harvest/x/stills.g7")), "");
  EXPECT_EQ(*vault().LinkTarget("outputs/x/deep/stills"), "harvest/x/stills.g7");
  EXPECT_EQ(Read("outputs/x/deep/stills/two.jpg"), "22");
  EXPECT_EQ(Wrong(vault().Link("top", "harvest/x/stills.g7")), "");
  EXPECT_EQ(Read("top/one.jpg"), "1");
}

TEST_P(VaultContract, LinkingOnceMoreWritesNothing) {
  Keep("a.g7", "a");
  ASSERT_EQ(Wrong(vault().Link("a", "a.g7")), "");
  const auto before = vault().Look("a").value();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Wrong(vault().Link("a", "a.g7")), "");
  EXPECT_EQ(vault().Look("a").value()->changed, before->changed);
  EXPECT_EQ(Wrong(vault().Link("a.g7", "a.g7")), "");
  EXPECT_EQ(Read("a.g7"), "a") << "what is its own name is no link";
}

TEST_P(VaultContract, ALinkTakesThePlaceOfAFileAndNeverOfAFolder) {
  Keep("a.g7", "new");
  Keep("a", "old");
  EXPECT_EQ(Wrong(vault().Link("a", "a.g7")), "");
  EXPECT_EQ(Read("a"), "new");
  KeepFolder("b");
  EXPECT_FALSE(vault().Link("b", "a.g7").ok());
  EXPECT_THAT(NamesIn("b"), ElementsAre("one.jpg", "two.jpg"));
}

TEST_P(VaultContract, NoReaderFindsANameMissingWhileItIsReplaced) {
  Keep("a.g7", "first");
  Keep("a.g8", "second");
  ASSERT_EQ(Wrong(vault().Link("a", "a.g7")), "");
  std::atomic<bool> is_over{false};
  std::atomic<int> seen{0};
  std::thread reader([&] {
    while (!is_over) {
      const auto target = vault().LinkTarget("a");
      if (!target.ok() || (*target != "a.g7" && *target != "a.g8")) {
        ADD_FAILURE() << "it stands for " << (target.ok() ? target->value_or("nothing") : "?");
        break;
      }
      ++seen;
    }
  });
  for (int i = 0; i < 100 || (seen < 100 && i < 100'000); ++i) {
    EXPECT_TRUE(vault().Link("a", i % 2 == 0 ? "a.g8" : "a.g7").ok());
  }
  is_over = true;
  reader.join();
}

TEST_P(VaultContract, OnlyALinkStandsForSomething) {
  Keep("a.g7", "a");
  KeepFolder("b.g7");
  for (const char* path : {"a.g7", "b.g7", "nothing", "nothing/at all", "a.g7/below"}) {
    const auto target = vault().LinkTarget(path);
    ASSERT_EQ(Wrong(target), "") << path;
    EXPECT_EQ(*target, std::nullopt) << path;
  }
  EXPECT_EQ(Wrong(vault().Link("name", "nothing")), "");
  EXPECT_EQ(*vault().LinkTarget("name"), "nothing") << "whether it is there or not";
}

TEST_P(VaultContract, LookTellsWhatIsThereAndWhenItWasWritten) {
  const auto begun = base::SystemClock().Now().wall;
  Keep("x/a.g7", "a");
  KeepFolder("x/b.g7");
  ASSERT_EQ(Wrong(vault().Link("x/name", "x/b.g7")), "");
  EXPECT_EQ(vault().Look("x/a.g7").value()->kind, Kind::kFile);
  EXPECT_EQ(vault().Look("x/a.g7").value()->name, "a.g7");
  EXPECT_EQ(vault().Look("x/b.g7").value()->kind, Kind::kFolder);
  EXPECT_EQ(vault().Look("x").value()->kind, Kind::kFolder);
  EXPECT_EQ(vault().Look("x/name").value()->kind, Kind::kLink);
  EXPECT_FALSE(IsThere("x/nothing"));
  EXPECT_FALSE(IsThere("x/a.g7/below"));
  constexpr std::chrono::seconds kTick{1};  // Clocks of file systems are coarse.
  for (const char* path : {"x/a.g7", "x/name"}) {
    const auto changed = vault().Look(path).value()->changed;
    EXPECT_GE(changed, begun - kTick) << path;
    EXPECT_LE(changed, base::SystemClock().Now().wall + kTick) << path;
  }
}

TEST_P(VaultContract, ListsWhatIsDirectlyInAFolder) {
  Keep("harvest/x/a.g7", "a");
  Keep("harvest/x/a", "a");
  KeepFolder("harvest/x/a.g8");
  Keep("harvest/xy/b.g7", "b");
  ASSERT_EQ(Wrong(vault().Link("harvest/x/name", "harvest/x/a.g7")), "");
  std::map<std::string, Kind> found;
  const auto listed = vault().List("harvest/x", [&](const Entry& entry) {
    found.emplace(entry.name, entry.kind);
    return true;
  });
  EXPECT_EQ(Wrong(listed), "");
  EXPECT_THAT(found, UnorderedElementsAre(Pair("a", Kind::kFile), Pair("a.g7", Kind::kFile),
                                          Pair("a.g8", Kind::kFolder), Pair("name", Kind::kLink)));
  EXPECT_THAT(NamesIn("harvest"), ElementsAre("x", "xy"));
}

TEST_P(VaultContract, ListsNothingThatALinkNames) {
  Keep("a.g7", "a");
  KeepFolder("b.g7");
  ASSERT_EQ(Wrong(vault().Link("b", "b.g7")), "");
  for (const char* path : {"b", "a.g7", "nothing", "nothing/at all"}) {
    EXPECT_THAT(NamesIn(path), IsEmpty()) << path;
  }
}

TEST_P(VaultContract, AListEndsWhenNoMoreIsWanted) {
  for (int i = 0; i < 20; ++i) Keep("x/" + std::to_string(i), "a");
  int taken = 0;
  const auto listed = vault().List("x", [&](const Entry&) { return ++taken < 3; });
  EXPECT_EQ(Wrong(listed), "");
  EXPECT_EQ(taken, 3);
  const auto failed = vault().List("x", [](const Entry& entry) -> base::Result<bool> {
    return NotAsDescribed(entry.name, "is enough");
  });
  EXPECT_THAT(Wrong(failed), testing::HasSubstr("is enough"));
}

TEST_P(VaultContract, WhoListsMayRemoveWhatIsFound) {
  for (int i = 0; i < 20; ++i) Keep("x/" + std::to_string(i), "a");
  int taken = 0;
  const auto listed = vault().List("x", [&](const Entry& entry) -> base::Result<bool> {
    ++taken;
    ROLLCALL_TRY(vault().Remove("x/" + entry.name));
    return true;
  });
  EXPECT_EQ(Wrong(listed), "");
  EXPECT_EQ(taken, 20);
  EXPECT_THAT(NamesIn("x"), IsEmpty());
}

TEST_P(VaultContract, RemovesAFileOrAFolderWithAllInIt) {
  const StoredFile file = Keep("x/a.g7", "a");
  KeepFolder("x/b.g7");
  Keep("x/b.g70", "its name begins like it");
  EXPECT_EQ(Wrong(vault().Remove("x/a.g7")), "");
  EXPECT_EQ(Wrong(vault().Remove("x/b.g7")), "");
  EXPECT_THAT(NamesIn("x"), ElementsAre("b.g70"));
  EXPECT_EQ(Wrong(vault().Verify(file, Depth::kRemembered)), "x/a.g7 is not there");
  Keep("x/a.g7", "again");
  EXPECT_EQ(Read("x/a.g7"), "again") << "its place is free";
}

TEST_P(VaultContract, RemovingALinkLeavesWhatItNames) {
  Keep("a.g7", "a");
  KeepFolder("b.g7");
  ASSERT_EQ(Wrong(vault().Link("x/a", "a.g7")), "");
  ASSERT_EQ(Wrong(vault().Link("x/b", "b.g7")), "");
  EXPECT_EQ(Wrong(vault().Remove("x/a")), "");
  EXPECT_FALSE(IsThere("x/a"));
  EXPECT_EQ(Wrong(vault().Remove("x")), "") << "a folder that holds one";
  EXPECT_FALSE(IsThere("x/b"));
  EXPECT_EQ(Read("a.g7"), "a");
  EXPECT_THAT(NamesIn("b.g7"), SizeIs(2));
}

TEST_P(VaultContract, RemovingWhatIsMissingIsDone) {
  EXPECT_EQ(Wrong(vault().Remove("nothing")), "");
  EXPECT_EQ(Wrong(vault().Remove("nothing/at all")), "");
}

}  // namespace rollcall::vault
