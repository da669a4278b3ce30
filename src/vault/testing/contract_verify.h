#pragma once

#include <array>

#include "base/file.h"
#include "vault/testing/contract_fixture.h"

namespace rollcall::vault {

inline constexpr std::array kDepths{Depth::kPresence, Depth::kRemembered, Depth::kBytes};

TEST_P(VaultContract, FetchesWhereThisHostCanReadItBelowItsShelf) {
  Keep("harvest/x/a.g7", "a");
  const StoredFile folder = KeepFolder("harvest/x/stills.g7");
  const auto shelf = vault().Shelf("harvest/x");
  ASSERT_EQ(Wrong(shelf), "");
  EXPECT_TRUE(std::filesystem::is_directory(*shelf));
  for (const char* path :
       {"harvest/x/a.g7", "harvest/x/stills.g7", "harvest/x/stills.g7/two.jpg"}) {
    const auto here = vault().Fetch(path);
    ASSERT_EQ(Wrong(here), "");
    EXPECT_TRUE(here->is_absolute());
    EXPECT_EQ(here->lexically_relative(*shelf),
              std::filesystem::path(path).lexically_relative("harvest/x"));
    EXPECT_TRUE(std::filesystem::exists(*here));
  }
  const auto digest = base::DigestFile(*vault().Fetch("harvest/x/stills.g7"));
  EXPECT_EQ(digest->sha256, folder.sha256);
  EXPECT_EQ(vault().Fetch("harvest/x/nothing").error().code, base::ErrorCode::kNotFound);
}

TEST_P(VaultContract, AShelfIsMadeBeforeAnythingLiesOnIt) {
  const auto shelf = vault().Shelf("outputs/x");
  ASSERT_EQ(Wrong(shelf), "");
  EXPECT_TRUE(std::filesystem::is_directory(*shelf));
  EXPECT_EQ(Wrong(vault().Shelf("outputs/x")), "");
}

TEST_P(VaultContract, WhatIsAsDescribedIsRightAtEachDepth) {
  const StoredFile file = Keep("harvest/x/a.g7", "bytes");
  const StoredFile folder = KeepFolder("harvest/x/stills.g7");
  for (const Depth depth : kDepths) {
    EXPECT_EQ(Wrong(vault().Verify(file, depth)), "");
    EXPECT_EQ(Wrong(vault().Verify(folder, depth)), "");
  }
}

TEST_P(VaultContract, WhatIsMissingOrOfAnotherSizeIsFoundAtEachDepth) {
  StoredFile file = Keep("a.g7", "bytes");
  StoredFile missing = file;
  missing.path = "b.g7";
  StoredFile below = file;
  below.path = "a.g7/b";
  file.size_bytes = 4;
  for (const Depth depth : kDepths) {
    EXPECT_EQ(Wrong(vault().Verify(missing, depth)), "b.g7 is not there");
    EXPECT_EQ(Wrong(vault().Verify(below, depth)), "a.g7/b is not there");
    EXPECT_EQ(Wrong(vault().Verify(file, depth)), "a.g7 has 5 bytes instead of 4");
    EXPECT_EQ(vault().Verify(file, depth).error().code, base::ErrorCode::kDataLoss);
  }
}

TEST_P(VaultContract, OtherBytesOfTheSameSizeAreFoundByWhoReads) {
  const StoredFile file = Keep("a.g7", "bytes");
  const StoredFile folder = KeepFolder("stills.g7");
  for (const StoredFile& each : {file, folder}) {
    EXPECT_EQ(Wrong(vault().Verify(each, Depth::kRemembered)), "") << "to remember it";
  }
  home_->Overwrite("a.g7", "bytez");
  home_->Overwrite("stills.g7/two.jpg", "23");
  for (const StoredFile& each : {file, folder}) {
    EXPECT_EQ(Wrong(vault().Verify(each, Depth::kPresence)), "");
    for (const Depth depth : {Depth::kRemembered, Depth::kBytes}) {
      EXPECT_EQ(Wrong(vault().Verify(each, depth)),
                each.path + " has other bytes than were written");
    }
  }
  home_->Overwrite("a.g7", "bytes");
  EXPECT_EQ(Wrong(vault().Verify(file, Depth::kRemembered)), "") << "as it was";
}

TEST_P(VaultContract, ReadsAllOnceOrNothingAsTheDepthSays) {
  const StoredFile file = Keep("a.g7", "bytes");
  const StoredFile folder = KeepFolder("stills.g7");
  const auto reads_of = [&](const StoredFile& each, Depth depth) {
    const int before = home_->reads();
    EXPECT_EQ(Wrong(vault().Verify(each, depth)), "");
    return home_->reads() - before;
  };
  for (const StoredFile& each : {file, folder}) {
    EXPECT_EQ(reads_of(each, Depth::kPresence), 0);
    reads_of(each, Depth::kRemembered);
    EXPECT_EQ(reads_of(each, Depth::kRemembered), 0);
    EXPECT_GT(reads_of(each, Depth::kBytes), 0);
  }
  home_->Overwrite("a.g7", "bytes");
  EXPECT_EQ(reads_of(file, Depth::kRemembered), 1) << "somebody has touched it";
  home_->Overwrite("stills.g7/one.jpg", "1");
  EXPECT_GT(reads_of(folder, Depth::kRemembered), 0);
}

// Or work that is right would be thrown away for a disk that is slow to come back.
TEST_P(VaultContract, WhatCannotBeReadIsNotCalledCorrupt) {
  const StoredFile file = Keep("a.g7", "bytes");
  const StoredFile folder = KeepFolder("stills.g7");
  home_->Deny("a.g7");
  home_->Deny("stills.g7/two.jpg");
  for (const StoredFile& each : {file, folder}) {
    EXPECT_EQ(Wrong(vault().Verify(each, Depth::kPresence)), "");
    for (const Depth depth : {Depth::kRemembered, Depth::kBytes}) {
      const auto verified = vault().Verify(each, depth);
      ASSERT_FALSE(verified.ok());
      EXPECT_NE(verified.error().code, base::ErrorCode::kDataLoss);
      EXPECT_NE(verified.error().reason, "ERR_ARTIFACT_CORRUPT");
    }
  }
}

}  // namespace rollcall::vault
