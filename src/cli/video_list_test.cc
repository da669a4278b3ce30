#include "cli/video_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VideoListTest : public ::testing::Test {
 protected:
  VideoListTest() { fs::create_directories(folder_); }
  ~VideoListTest() override { fs::remove_all(folder_); }

  fs::path Make(const std::string& name, const std::string& bytes = "x") {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    EXPECT_TRUE(base::WriteFileAtomic(file, bytes).ok());
    return file;
  }
  VideoList Find(const std::vector<std::string>& typed) {
    auto list = FindVideos(typed);
    EXPECT_TRUE(list.ok()) << list.error().ToString();
    return list.ok() ? *std::move(list) : VideoList{};
  }
  static std::vector<std::string> NamesOf(const VideoList& list) {
    std::vector<std::string> names;
    for (const VideoFile& video : list.videos) names.push_back(video.name);
    return names;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
};

TEST_F(VideoListTest, FindsTheVideosOfAFolderInNaturalOrder) {
  for (const char* name : {"e10.mp4", "e2.MKV", "Season 10/e1.mov", "Season 2/e1.webm"}) Make(name);
  EXPECT_THAT(NamesOf(Find({folder_.string()})),
              ElementsAre("e2.MKV", "e10.mp4", "Season 2/e1.webm", "Season 10/e1.mov"));
}

TEST_F(VideoListTest, LeavesOutWhatIsNoVideoOrHiddenAndSaysSo) {
  Make("e1.mp4");
  for (const char* name : {"e1.srt", "cover.jpg", "mp4", "._e1.mp4", ".trash/e3.mp4"}) Make(name);
  const VideoList list = Find({folder_.string()});
  EXPECT_THAT(NamesOf(list), ElementsAre("e1.mp4"));
  EXPECT_EQ(list.left_out.Text(), "3 files that are no videos, 2 hidden");
}

TEST_F(VideoListTest, ACircleOfLinkedFoldersEnds) {
  Make("a/e1.mp4");
  fs::create_directory_symlink("..", folder_ / "a" / "up");
  const VideoList list = Find({folder_.string()});
  EXPECT_THAT(NamesOf(list), ElementsAre("a/e1.mp4"));
  EXPECT_EQ(list.left_out.Text(), "1 linked folder");
}

TEST_F(VideoListTest, ALinkedFolderThatIsNamedIsSearched) {
  Make("a/e1.mp4");
  fs::create_directory_symlink("a", folder_ / "b");
  EXPECT_THAT(NamesOf(Find({(folder_ / "b").string()})), ElementsAre("e1.mp4"));
}

TEST_F(VideoListTest, AFileIsTakenOnceUnderAllOfItsNames) {
  const fs::path video = Make("e1.mp4");
  fs::create_symlink("e1.mp4", folder_ / "e2.mp4");
  fs::create_hard_link(video, folder_ / "e3.mp4");
  const VideoList list = Find({folder_.string(), video.string()});
  ASSERT_EQ(list.videos.size(), 4U);
  EXPECT_FALSE(list.videos[0].same_file);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(list.videos[i].same_file, 0U) << i;
}

TEST_F(VideoListTest, ALinkGivesWayToTheFile) {
  Make("e2.mp4");
  fs::create_symlink("e2.mp4", folder_ / "e1.mp4");
  const VideoList list = Find({folder_.string()});
  EXPECT_EQ(list.videos.at(0).same_file, 1U);
  EXPECT_FALSE(list.videos.at(1).same_file);
}

TEST_F(VideoListTest, ADataDirectoryInTheFolderIsNotSearched) {
  Make("e1.mp4");
  Make("data/rollcall.lock");
  Make("data/uploads/sample/sample.mp4");
  const VideoList list = Find({folder_.string()});
  EXPECT_THAT(NamesOf(list), ElementsAre("e1.mp4"));
  EXPECT_EQ(list.left_out.Text(), "1 data directory of rollcall");
}

TEST_F(VideoListTest, AFolderWithoutVideosIsAnErrorThatSaysWhatIsInIt) {
  Make("notes.txt");
  const auto list = FindVideos({folder_.string()});
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().reason, domain::reason::kVideoNotFound);
  EXPECT_THAT(list.error().message, HasSubstr("1 file that is no video"));
}

TEST_F(VideoListTest, AFileThatIsNamedCountsWhateverItIsCalled) {
  const VideoList list = Find({Make("recording.tmp").string(), Make("b.mp4").string()});
  EXPECT_FALSE(list.videos[0].error);
  EXPECT_EQ(list.videos[0].bytes, 1);
  EXPECT_FALSE(list.is_hopeless());
}

TEST_F(VideoListTest, WhatCannotBeAVideoHasItsErrorAndTheOthersStay) {
  const VideoList list =
      Find({(folder_ / "none.mp4").string(), Make("empty.mp4", "").string(), "", folder_.string()});
  ASSERT_EQ(list.videos.size(), 4U);
  EXPECT_EQ(list.videos[0].error->reason, domain::reason::kVideoNotFound);
  EXPECT_EQ(list.videos[1].error->reason, domain::reason::kVideoUnreadable);
  EXPECT_EQ(list.videos[2].error->reason, domain::reason::kVideoUnreadable);
  EXPECT_EQ(list.videos[3].name, "empty.mp4");
  EXPECT_TRUE(list.is_hopeless());
}

TEST_F(VideoListTest, NamesThatSteerATerminalAreWrittenOut) {
  Make("a\x1b[2J.mp4");
  EXPECT_THAT(NamesOf(Find({folder_.string()})), ElementsAre("a\\x1b[2J.mp4"));
}

TEST_F(VideoListTest, TheSameBytesUnderTwoNamesAreFound) {
  Make("a.mp4", "one");
  Make("b.mp4", "two");
  Make("c.mp4", "one");
  Make("d.mp4", "three");
  const VideoList list = Find({folder_.string()});
  std::vector<std::string> read;
  SameVideoSearch search(list.videos, [&](const fs::path& path) {
    read.push_back(path.filename());
    return base::ReadFile(path);
  });
  EXPECT_EQ(search.Before(0), std::nullopt);
  EXPECT_THAT(read, IsEmpty());  // Nothing delays the first.
  EXPECT_EQ(search.Before(1), std::nullopt);
  EXPECT_EQ(search.Before(2), 0U);
  EXPECT_EQ(search.Before(3), std::nullopt);
  // Each once, and nothing of the one whose size no other has.
  EXPECT_THAT(read, ::testing::UnorderedElementsAre("a.mp4", "b.mp4", "c.mp4"));
}

}  // namespace
}  // namespace rollcall::cli
