#include "episode/stages/episode_stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "base/random.h"

namespace rollcall::episode {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FilesOutsideTest : public ::testing::Test {
 protected:
  FilesOutsideTest() {
    std::filesystem::create_directories(pack_);
    std::ofstream(folder_ / "elsewhere.onnx") << "m";
    std::filesystem::create_symlink(folder_ / "elsewhere.onnx", pack_ / "detector.onnx");
  }
  ~FilesOutsideTest() override { std::filesystem::remove_all(folder_); }

  worker::OutsideFiles FilesOf(const std::string& stage, const std::string& provider) const {
    domain::StageAssignment assignment;
    assignment.stage = stage;
    assignment.params_json = base::Json{
        {"video_path", (folder_ / "v.mp4").string()},
        {"model_pack_path", pack_.string()},
        {"provider", provider}}.dump();
    return FilesOutside(assignment);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("rollcall-files-" + base::RandomId());
  const std::filesystem::path pack_ = folder_ / "pack";
};

// A pack of links could not be read in the sandbox.
TEST_F(FilesOutsideTest, NamesTheVideoAndThePackWithWhatItLinksTo) {
  const worker::OutsideFiles files = FilesOf("detect", "cpu");
  EXPECT_THAT(files.reads, Contains(folder_ / "v.mp4"));
  EXPECT_THAT(files.reads, Contains(pack_));
  EXPECT_THAT(files.reads, Contains(pack_ / "detector.onnx"));
  EXPECT_THAT(files.why_unlimited, IsEmpty());
}

TEST_F(FilesOutsideTest, LimitsNoStageWhoseProviderNeedsDevices) {
  EXPECT_THAT(FilesOf("detect", "cuda").why_unlimited, HasSubstr("cuda"));
  EXPECT_THAT(FilesOf("track", "cuda").why_unlimited, IsEmpty()) << "it has no models";
}

}  // namespace
}  // namespace rollcall::episode
