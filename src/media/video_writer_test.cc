#include "media/video_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "domain/reasons.h"
#include "media/packet_index.h"
#include "media/testing/test_video.h"

namespace rollcall::media {
namespace {

using domain::MediaTime;
using testing::TestFolder;

std::string BytesOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

VideoWriter::Options SmallVideo() {
  VideoWriter::Options options;
  options.width = 192;
  options.height = 128;
  return options;
}

TEST(VideoWriterTest, WritesTheSameBytesAgain) {
  const TestFolder folder;
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.avi"}) {
    testing::WriteNumberedVideo(folder / name, 40, SmallVideo());
    const std::string first = BytesOf(folder / name);
    testing::WriteNumberedVideo(folder / name, 40, SmallVideo());
    EXPECT_FALSE(first.empty());
    EXPECT_TRUE(first == BytesOf(folder / name)) << name;
  }
}

TEST(VideoWriterTest, KeepsTheColoursOfThePicture) {
  const TestFolder folder;
  VideoWriter::Options options = SmallVideo();
  options.crf = 4;
  for (const auto format : {domain::PixelFormat::kRgb24, domain::PixelFormat::kBgr24}) {
    domain::Image image{.width = 192, .height = 128, .format = format, .pixels = {}};
    for (int i = 0; i < 192 * 128; ++i) image.pixels.insert(image.pixels.end(), {200, 90, 30});
    auto writer = VideoWriter::Create(folder / "a.mp4", options);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Write(image, MediaTime{0}).ok());
    ASSERT_TRUE((*writer)->Finish(MediaTime{40'000}).ok());
    const auto index = IndexPackets(folder / "a.mp4", {});
    ASSERT_TRUE(index.ok());
    auto reader = FrameReader::Open(folder / "a.mp4", *index, {0}, {});
    ASSERT_TRUE(reader.ok());
    const auto frame = (*reader)->Next();
    ASSERT_TRUE(frame.ok() && *frame != nullptr);
    const domain::Image shown = testing::RenderWhole(**frame, format);
    EXPECT_NEAR(shown.pixels[3000], 200, 3);
    EXPECT_NEAR(shown.pixels[3001], 90, 3);
    EXPECT_NEAR(shown.pixels[3002], 30, 3);
  }
}

TEST(VideoWriterTest, SaysWhereTheLastFrameEnds) {
  const TestFolder folder;
  auto writer = VideoWriter::Create(folder / "a.mp4", SmallVideo());
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Write(testing::NumberedPicture(192, 128, 0), MediaTime{0}).ok());
  ASSERT_TRUE((*writer)->Write(testing::NumberedPicture(192, 128, 1), MediaTime{40'000}).ok());
  ASSERT_TRUE((*writer)->Finish(MediaTime{5'000'000}).ok());
  const auto index = IndexPackets(folder / "a.mp4", {});
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(index->length(), MediaTime{5'000'000});
}

TEST(VideoWriterTest, RefusesWhatLibavRefuses) {
  const TestFolder folder;
  const auto reason_of = [&](const std::string& name, const VideoWriter::Options& options) {
    const auto writer = VideoWriter::Create(folder / name, options);
    return writer.ok() ? "ok" : writer.error().reason;
  };
  VideoWriter::Options options = SmallVideo();
  EXPECT_EQ(reason_of("a.letter", options), domain::reason::kBadParams);
  options.codec = "no_such_encoder";
  EXPECT_EQ(reason_of("a.mp4", options), domain::reason::kBadParams);
  options = SmallVideo();
  options.width = 0;
  EXPECT_EQ(reason_of("a.mp4", options), domain::reason::kBadParams);
  options = SmallVideo();
  options.pixel_format = "no_such_format";
  EXPECT_EQ(reason_of("a.mp4", options), domain::reason::kBadParams);
  options = SmallVideo();
  options.rotation_degrees = 45;
  EXPECT_EQ(reason_of("a.mp4", options), domain::reason::kBadParams);
  EXPECT_EQ(reason_of("no folder/a.mp4", SmallVideo()), domain::reason::kBadParams);
}

TEST(VideoWriterTest, RefusesTimesThatDoNotAscendAndOtherSizes) {
  const TestFolder folder;
  auto writer = VideoWriter::Create(folder / "a.mp4", SmallVideo());
  ASSERT_TRUE(writer.ok());
  const domain::Image image = testing::NumberedPicture(192, 128, 0);
  ASSERT_TRUE((*writer)->Write(image, MediaTime{40'000}).ok());
  EXPECT_FALSE((*writer)->Write(image, MediaTime{40'000}).ok());
  EXPECT_FALSE((*writer)->Write(testing::NumberedPicture(96, 64, 0), MediaTime{80'000}).ok());
  ASSERT_TRUE((*writer)->Finish(MediaTime{80'000}).ok());
  EXPECT_FALSE((*writer)->Finish(MediaTime{80'000}).ok());
}

}  // namespace
}  // namespace rollcall::media
