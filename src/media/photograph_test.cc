#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "domain/reasons.h"
#include "media/frame_reader.h"
#include "media/testing/test_video.h"

namespace rollcall::media {
namespace {

using testing::TestFolder;

std::string ReadBytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A numbered picture as a file of this kind; false if this libav cannot write it.
bool WritePicture(const std::filesystem::path& path, const std::string& codec,
                  const std::string& pixel_format) {
  VideoWriter::Options options;
  options.width = 192;
  options.height = 128;
  options.codec = codec;
  options.pixel_format = pixel_format;
  auto writer = VideoWriter::Create(path, options);
  return writer.ok() &&
         (*writer)->Write(testing::NumberedPicture(192, 128, 1234), domain::MediaTime{0}).ok() &&
         (*writer)->Finish(domain::MediaTime{40'000}).ok();
}

// The JPEG with an EXIF segment that holds nothing but an orientation.
std::string WithOrientation(const std::string& jpeg, char orientation) {
  std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24);
  exif += orientation;
  exif += std::string("\0\0\0\0\0\0\0", 7);
  std::string segment("\xff\xe1", 2);
  const std::size_t length = exif.size() + 2;
  segment += static_cast<char>(length >> 8);
  segment += static_cast<char>(length & 0xff);
  return jpeg.substr(0, 2) + segment + exif + jpeg.substr(2);
}

TEST(PhotographTest, ReadsJpegPngAndWebp) {
  const TestFolder folder;
  struct Kind {
    const char* file;
    const char* codec;
    const char* format;
  };
  for (const Kind& kind : {Kind{"a.jpg", "mjpeg", "yuvj420p"}, Kind{"a.png", "png", "rgb24"},
                           Kind{"a.webp", "libwebp", "yuv420p"}, Kind{"a.bmp", "bmp", "bgr24"}}) {
    SCOPED_TRACE(kind.file);
    ASSERT_TRUE(WritePicture(folder / kind.file, kind.codec, kind.format));
    const auto picture = OpenPhotograph(folder / kind.file);
    ASSERT_TRUE(picture.ok()) << picture.error().ToString();
    EXPECT_EQ((*picture)->width(), 192);
    EXPECT_EQ((*picture)->height(), 128);
    EXPECT_EQ(testing::NumberOf(**picture), 1234);
  }
}

TEST(PhotographTest, TurnsByExifOrientation) {
  const TestFolder folder;
  ASSERT_TRUE(WritePicture(folder / "plain.jpg", "mjpeg", "yuvj420p"));
  const std::string jpeg = ReadBytes(folder / "plain.jpg");
  for (char orientation = 1; orientation <= 8; ++orientation) {
    const auto path = folder / "turned.jpg";
    std::ofstream(path, std::ios::binary) << WithOrientation(jpeg, orientation);
    const auto picture = OpenPhotograph(path);
    ASSERT_TRUE(picture.ok()) << picture.error().ToString();
    EXPECT_EQ((*picture)->width(), orientation >= 5 ? 128 : 192) << int{orientation};
    EXPECT_EQ((*picture)->height(), orientation >= 5 ? 192 : 128) << int{orientation};
    if (orientation == 1) {
      EXPECT_EQ(testing::NumberOf(**picture), 1234);
    }
    // The dark first square of the number lies in the upper left of the unturned picture.
    const domain::Image image = testing::RenderWhole(**picture, domain::PixelFormat::kGray8);
    const bool is_right =
        orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    const bool is_low =
        orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    const int x = is_right ? image.width - 9 : 8;
    const int y = is_low ? image.height - 9 : 8;
    EXPECT_LT(image.pixels[static_cast<std::size_t>(y * image.width + x)], 60) << int{orientation};
  }
}

TEST(PhotographTest, RefusesWhatIsNoPicture) {
  const TestFolder folder;
  std::ofstream(folder / "letter.jpg") << "Dear Sir or Madam,";
  EXPECT_EQ(OpenPhotograph(folder / "letter.jpg").error().reason, domain::reason::kVideoUnreadable);
  EXPECT_EQ(OpenPhotograph(folder / "none.jpg").error().reason, domain::reason::kVideoNotFound);
  ASSERT_TRUE(WritePicture(folder / "a.png", "png", "rgb24"));
  std::ofstream(folder / "cut.png", std::ios::binary) << ReadBytes(folder / "a.png").substr(0, 40);
  EXPECT_FALSE(OpenPhotograph(folder / "cut.png").ok());
}

TEST(PhotographTest, ReadsEverySharedPicture) {
  const auto media = testing::SharedMedia();
  if (!media) GTEST_SKIP() << "no shared media: real photographs are not read";
  int pictures = 0;
  for (const char* folder : {"stills", "groups", "backgrounds"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*media / folder)) {
      if (!entry.is_regular_file()) continue;
      const auto picture = OpenPhotograph(entry.path());
      EXPECT_TRUE(picture.ok()) << entry.path() << ": " << picture.error().ToString();
      ++pictures;
    }
  }
  EXPECT_GT(pictures, 30);
}

}  // namespace
}  // namespace rollcall::media
