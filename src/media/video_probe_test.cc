#include "media/video_probe.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "base/file.h"
#include "domain/reasons.h"
#include "domain/stage_handler.h"
#include "media/frame_reader.h"
#include "media/packet_index.h"
#include "media/testing/test_video.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;
using domain::MediaTime;
using testing::TestFolder;

VideoWriter::Options EasySeeking() {
  VideoWriter::Options options;
  options.width = 192;
  options.height = 128;
  options.keyframe_interval = 24;
  return options;
}

std::string FileBytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteBytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Every entry point refuses the file with the same reason.
void ExpectRefused(const std::filesystem::path& path, std::string_view reason) {
  SCOPED_TRACE(path);
  const auto probe = Probe(path);
  ASSERT_FALSE(probe.ok());
  EXPECT_EQ(probe.error().reason, reason) << probe.error().ToString();
  EXPECT_NE(probe.error().message.find(path.filename().string()), std::string::npos)
      << probe.error().message;
  EXPECT_FALSE(probe.error().hint.empty());
  const auto index = IndexPackets(path, {});
  ASSERT_FALSE(index.ok());
  EXPECT_EQ(index.error().reason, reason);
  const auto reader = FrameReader::Open(path, PacketIndex{}, {}, {});
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().reason, reason);
  const auto decodable = CheckDecodable(path);
  ASSERT_FALSE(decodable.ok());
  EXPECT_EQ(decodable.error().reason, reason);
}

TEST(VideoProbeTest, SaysWhatTheContainerSays) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 50, EasySeeking());
  const auto probe = Probe(folder / "a.mp4");
  ASSERT_TRUE(probe.ok()) << probe.error().ToString();
  EXPECT_NE(probe->container.find("mp4"), std::string::npos);
  EXPECT_EQ(probe->codec, "h264");
  EXPECT_EQ(probe->pixel_format, "yuv420p");
  EXPECT_EQ(probe->bit_depth, 8);
  EXPECT_EQ(probe->width, 192);
  EXPECT_EQ(probe->height, 128);
  EXPECT_EQ(probe->rotation_degrees, 0);
  EXPECT_EQ(probe->start, MediaTime{0});
  EXPECT_EQ(probe->duration, MediaTime{2'000'000});
  EXPECT_DOUBLE_EQ(probe->frames_per_second, 25);
  EXPECT_FALSE(probe->has_audio);
  EXPECT_EQ(probe->size_bytes,
            static_cast<std::int64_t>(std::filesystem::file_size(folder / "a.mp4")));
  EXPECT_TRUE(CheckDecodable(folder / "a.mp4").ok());
}

TEST(VideoProbeTest, TurnsTheSizeWithThePicture) {
  const TestFolder folder;
  for (const int degrees : {90, 180, 270}) {
    VideoWriter::Options options = EasySeeking();
    options.rotation_degrees = degrees;
    const auto path = folder / (std::to_string(degrees) + ".mp4");
    testing::WriteNumberedVideo(path, 5, options);
    const auto probe = Probe(path);
    ASSERT_TRUE(probe.ok());
    EXPECT_EQ(probe->rotation_degrees, degrees);
    EXPECT_EQ(probe->coded_width, 192);
    EXPECT_EQ(probe->width, degrees == 180 ? 192 : 128);
    EXPECT_EQ(probe->height, degrees == 180 ? 128 : 192);
  }
}

TEST(VideoProbeTest, AgreesWithFfmpegOnWhatUprightIs) {
  const TestFolder folder;
  VideoWriter::Options options = EasySeeking();
  options.rotation_degrees = 90;
  testing::WriteNumberedVideo(folder / "turned.mp4", 5, options);
  ASSERT_TRUE(testing::RunFfmpeg("-i " + (folder / "turned.mp4").string() + " -frames:v 1 " +
                                 (folder / "upright.png").string()));
  auto index = IndexPackets(folder / "turned.mp4", {});
  ASSERT_TRUE(index.ok());
  auto reader = FrameReader::Open(folder / "turned.mp4", *index, {0}, {});
  ASSERT_TRUE(reader.ok());
  const auto frame = (*reader)->Next();
  ASSERT_TRUE(frame.ok());
  ASSERT_NE(*frame, nullptr);
  const domain::Image ours = testing::RenderWhole(**frame, domain::PixelFormat::kGray8);
  const auto theirs = OpenPhotograph(folder / "upright.png");
  ASSERT_TRUE(theirs.ok());
  const domain::Image image = testing::RenderWhole(**theirs, domain::PixelFormat::kGray8);
  ASSERT_EQ(ours.pixels.size(), image.pixels.size());
  std::int64_t difference = 0;
  for (std::size_t i = 0; i < ours.pixels.size(); ++i) {
    difference += std::abs(ours.pixels[i] - image.pixels[i]);
  }
  EXPECT_LT(difference / static_cast<std::int64_t>(ours.pixels.size()), 4);
}

TEST(VideoProbeTest, MakesPixelsSquare) {
  const TestFolder folder;
  VideoWriter::Options options = EasySeeking();
  options.sample_aspect_num = 4;
  options.sample_aspect_den = 3;
  testing::WriteNumberedVideo(folder / "a.mp4", 5, options);
  const auto probe = Probe(folder / "a.mp4");
  ASSERT_TRUE(probe.ok());
  EXPECT_EQ(probe->width, 256);
  EXPECT_EQ(probe->height, 128);
  EXPECT_EQ(probe->sample_aspect_num, 4);
  EXPECT_EQ(probe->sample_aspect_den, 3);
}

TEST(VideoProbeTest, KnowsTenBits) {
  const TestFolder folder;
  VideoWriter::Options options = EasySeeking();
  options.pixel_format = "yuv420p10le";
  testing::WriteNumberedVideo(folder / "a.mp4", 5, options);
  const auto probe = Probe(folder / "a.mp4");
  ASSERT_TRUE(probe.ok());
  EXPECT_EQ(probe->bit_depth, 10);
}

TEST(VideoProbeTest, RefusesAMissingFile) {
  const TestFolder folder;
  ExpectRefused(folder / "nothing.mp4", reason::kVideoNotFound);
  ExpectRefused(folder / "no folder" / "nothing.mp4", reason::kVideoNotFound);
  EXPECT_EQ(Fingerprint(folder / "nothing.mp4").error().reason, reason::kVideoNotFound);
}

TEST(VideoProbeTest, RefusesFolderEmptyFileAndPipe) {
  const TestFolder folder;
  ExpectRefused(folder.path(), reason::kVideoUnreadable);
  WriteBytes(folder / "empty.mp4", "");
  ExpectRefused(folder / "empty.mp4", reason::kVideoUnreadable);
  ASSERT_EQ(::mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  ExpectRefused(folder / "pipe.mp4", reason::kVideoUnreadable);
}

TEST(VideoProbeTest, RefusesWhatIsNotAVideo) {
  const TestFolder folder;
  WriteBytes(folder / "letter.mp4", "Dear Sir or Madam,\nthis is a letter.\n");
  ExpectRefused(folder / "letter.mp4", reason::kVideoUnreadable);
  WriteBytes(folder / "zeros.mp4", std::string(100'000, '\0'));
  ExpectRefused(folder / "zeros.mp4", reason::kVideoUnreadable);
}

TEST(VideoProbeTest, OpensNothingThatAPlaylistNames) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "secret.ts", 10, EasySeeking());
  const std::string secret = (folder / "secret.ts").string();
  WriteBytes(folder / "list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nfile://" +
                                      secret + "\n#EXT-X-ENDLIST\n");
  ExpectRefused(folder / "list.mp4", reason::kVideoUnreadable);
  WriteBytes(folder / "concat.mp4", "ffconcat version 1.0\nfile '" + secret + "'\n");
  ExpectRefused(folder / "concat.mp4", reason::kVideoUnreadable);
}

TEST(VideoProbeTest, RefusesSoundWithoutPicture) {
  const TestFolder folder;
  // A second of silence: RIFF header, 8 kHz, mono, 16 bits.
  const unsigned char header[44] = {'R', 'I', 'F',  'F',  0xa4, 0x3e, 0,    0,    'W',  'A', 'V',
                                    'E', 'f', 'm',  't',  ' ',  16,   0,    0,    0,    1,   0,
                                    1,   0,   0x40, 0x1f, 0,    0,    0x80, 0x3e, 0,    0,   2,
                                    0,   16,  0,    'd',  'a',  't',  'a',  0x80, 0x3e, 0,   0};
  WriteBytes(folder / "sound.wav",
             std::string(reinterpret_cast<const char*>(header), 44) + std::string(16'000, '\0'));
  ExpectRefused(folder / "sound.wav", reason::kVideoNoPicture);
}

TEST(VideoProbeTest, TakesACoverPictureForNoVideo) {
  const TestFolder folder;
  ASSERT_TRUE(
      testing::RunFfmpeg("-f lavfi -i sine=d=1 -f lavfi -i color=red:s=64x64:d=1 -map 0 -map 1 "
                         "-frames:v 1 -c:v mjpeg -disposition:v attached_pic " +
                         (folder / "song.m4a").string()));
  ExpectRefused(folder / "song.m4a", reason::kVideoNoPicture);
}

TEST(VideoProbeTest, RefusesAStreamWithoutPictures) {
  const TestFolder folder;
  auto writer = VideoWriter::Create(folder / "a.avi", EasySeeking());
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Finish(MediaTime{0}).ok());
  const auto index = IndexPackets(folder / "a.avi", {});
  ASSERT_FALSE(index.ok());
  EXPECT_EQ(index.error().reason, reason::kVideoNoPicture) << index.error().ToString();
  EXPECT_FALSE(CheckDecodable(folder / "a.avi").ok());
}

TEST(VideoProbeTest, RefusesHugePicturesBeforeMakingRoomForThem) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 5, EasySeeking());
  std::string bytes = FileBytes(folder / "a.mp4");
  const std::size_t entry = bytes.find("avc1", bytes.find("stsd"));
  ASSERT_NE(entry, std::string::npos);
  // Width and height, 16 bits each, 28 bytes into the sample entry.
  bytes[entry + 28] = bytes[entry + 30] = '\x40';
  bytes[entry + 29] = bytes[entry + 31] = '\0';
  WriteBytes(folder / "huge.mp4", bytes);
  ExpectRefused(folder / "huge.mp4", reason::kVideoTooLarge);

  // A PNG that says 16384×16384.
  const unsigned char png[] = {0x89, 'P', 'N', 'G', 13,  10,   26,   10,   0,    0, 0,    13,
                               'I',  'H', 'D', 'R', 0,   0,    0x40, 0,    0,    0, 0x40, 0,
                               8,    2,   0,   0,   0,   0x5d, 0x4a, 0xd6, 0x3f, 0, 0,    0,
                               0,    'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
  WriteBytes(folder / "huge.png", std::string(reinterpret_cast<const char*>(png), sizeof png));
  EXPECT_FALSE(OpenPhotograph(folder / "huge.png").ok());
}

TEST(VideoProbeTest, RefusesAFileThatIsNotItsToRead) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 2, EasySeeking());
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(folder / "a.mp4", std::filesystem::perms::none);
  // Root may read everything, so a child becomes nobody.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    const auto probe = Probe(folder / "a.mp4");
    ::_exit(!probe.ok() && probe.error().reason == reason::kPermission ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(VideoProbeTest, PrintsNothing) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 40, EasySeeking());
  std::string bytes = FileBytes(folder / "a.mp4");
  for (std::size_t i = bytes.size() / 3; i < bytes.size() / 2; i += 20) bytes[i] = '\x55';
  WriteBytes(folder / "bad.mp4", bytes);
  WriteBytes(folder / "cut.mp4", bytes.substr(0, 100));
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  const auto index = IndexPackets(folder / "bad.mp4", {});
  if (index.ok()) testing::ReadAll(folder / "bad.mp4", *index, testing::EveryFrame(*index));
  const auto cut = Probe(folder / "cut.mp4");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  ASSERT_FALSE(cut.ok());
  EXPECT_NE(cut.error().message.find("moov atom not found"), std::string::npos)
      << "libav's own word is part of the message: " << cut.error().message;
}

TEST(PacketIndexTest, SaysThatAFileEndsInTheMiddle) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mkv", 250, EasySeeking());
  const std::string bytes = FileBytes(folder / "a.mkv");
  WriteBytes(folder / "cut.mkv", bytes.substr(0, bytes.size() / 2));
  const auto index = IndexPackets(folder / "cut.mkv", {});
  ASSERT_TRUE(index.ok()) << index.error().ToString();
  EXPECT_GT(index->packets.size(), 60U);
  EXPECT_LT(index->packets.size(), 200U);
  ASSERT_FALSE(index->warnings.empty());
  EXPECT_NE(index->warnings.back().find("ends in the middle"), std::string::npos);
  const auto frames = testing::ReadAll(folder / "cut.mkv", *index, testing::EveryFrame(*index));
  EXPECT_GE(frames.size() + 1, index->packets.size()) << "all but the one that is cut";
}

TEST(PacketIndexTest, DoesNotTakeALateStartForAnEarlyEnd) {
  const TestFolder folder;
  VideoWriter::Options options = EasySeeking();
  options.start = std::chrono::seconds{5};
  testing::WriteNumberedVideo(folder / "late.mkv", 250, options);
  const auto index = IndexPackets(folder / "late.mkv", {});
  ASSERT_TRUE(index.ok());
  EXPECT_TRUE(index->warnings.empty()) << index->warnings.front();
  EXPECT_EQ(index->length(), MediaTime{10'000'000});
}

TEST(PacketIndexTest, HasNoWarningsForAGoodFile) {
  const TestFolder folder;
  for (const char* name : {"a.mp4", "a.mkv", "a.ts"}) {
    testing::WriteNumberedVideo(folder / name, 30, EasySeeking());
    const auto index = IndexPackets(folder / name, {});
    ASSERT_TRUE(index.ok());
    EXPECT_TRUE(index->warnings.empty()) << name << ": " << index->warnings.front();
    EXPECT_EQ(index->length(), MediaTime{1'200'000}) << name;
  }
}

TEST(PacketIndexTest, BeginsAtTheFirstShownFrame) {
  const TestFolder folder;
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.mov"}) {
    SCOPED_TRACE(name);
    VideoWriter::Options options = EasySeeking();
    options.start = MediaTime{7'320'000};
    testing::WriteNumberedVideo(folder / name, 60, options);
    const auto probe = Probe(folder / name);
    ASSERT_TRUE(probe.ok());
    EXPECT_NEAR(static_cast<double>(probe->start.count()), 7'320'000, 1'600'000);
    const auto index = IndexPackets(folder / name, {});
    ASSERT_TRUE(index.ok());
    ASSERT_EQ(index->packets.size(), 60U);
    // An MP4 has a zero of its own.
    const bool is_mp4 = std::string_view(name) == "a.mp4" || std::string_view(name) == "a.mov";
    const MediaTime first{is_mp4 ? 7'320'000 : 0};
    EXPECT_EQ(index->packets.front().pts, first);
    EXPECT_EQ(index->packets.back().pts, first + MediaTime{59 * 40'000});
    const auto frames = testing::ReadAll(folder / name, *index, {0, 30, 59});
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].number, 0);
    EXPECT_EQ(frames[1].number, 30);
    EXPECT_EQ(frames[2].number, 59);
  }
}

TEST(PacketIndexTest, KeepsVariableFrameTimesExactly) {
  const TestFolder folder;
  const auto pts = [](int i) {
    return MediaTime{i * 33'333 + (i % 7) * 4'321 + (i > 40 ? 900'000 : 0)};
  };
  testing::WriteNumberedVideo(folder / "a.mp4", 90, EasySeeking(), pts);
  const auto index = IndexPackets(folder / "a.mp4", {});
  ASSERT_TRUE(index.ok());
  ASSERT_EQ(index->packets.size(), 90U);
  for (int i = 0; i < 90; ++i) {
    EXPECT_EQ(index->packets[static_cast<std::size_t>(i)].pts, pts(i));
  }
  EXPECT_EQ(index->length(), pts(90));
}

TEST(PacketIndexTest, LeavesOutWhatAnEditListCutsAway) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 100, EasySeeking());
  ASSERT_TRUE(testing::RunFfmpeg("-ss 1.5 -i " + (folder / "a.mp4").string() + " -c copy " +
                                 (folder / "cut.mp4").string()));
  const auto index = IndexPackets(folder / "cut.mp4", {});
  ASSERT_TRUE(index.ok());
  const auto frames = testing::ReadAll(folder / "cut.mp4", *index, testing::EveryFrame(*index));
  ASSERT_EQ(frames.size(), index->packets.size());
  ASSERT_FALSE(frames.empty());
  ASSERT_TRUE(frames.front().number.has_value());
  EXPECT_NEAR(*frames.front().number, 37, 1);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].number, *frames.front().number + static_cast<int>(i));
  }
}

TEST(PacketIndexTest, TakesOutJumpsOfTheClock) {
  const TestFolder folder;
  VideoWriter::Options options = EasySeeking();
  testing::WriteNumberedVideo(folder / "one.ts", 50, options);
  options.start = MediaTime{3'000'000'000};
  testing::WriteNumberedVideo(folder / "two.ts", 50, options);
  WriteBytes(folder / "joined.ts", FileBytes(folder / "one.ts") + FileBytes(folder / "two.ts"));
  WriteBytes(folder / "back.ts", FileBytes(folder / "two.ts") + FileBytes(folder / "one.ts"));
  for (const char* name : {"joined.ts", "back.ts"}) {
    SCOPED_TRACE(name);
    const auto index = IndexPackets(folder / name, {});
    ASSERT_TRUE(index.ok());
    EXPECT_GE(index->packets.size(), 98U);
    EXPECT_NEAR(static_cast<double>(index->length().count()), 4e6, 0.3e6);
    ASSERT_FALSE(index->warnings.empty());
    EXPECT_NE(index->warnings.front().find("clock jumps"), std::string::npos);
  }
}

TEST(PacketIndexTest, EndsWhenItIsTold) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 300, EasySeeking());
  int told = 0;
  const auto index = IndexPackets(folder / "a.mp4", [&](std::int64_t bytes) -> base::Result<void> {
    EXPECT_LE(bytes, static_cast<std::int64_t>(base::kPieceBytes));
    if (++told < 2) return {};
    return domain::StoppedError();
  });
  ASSERT_FALSE(index.ok());
  EXPECT_EQ(index.error().code, base::ErrorCode::kCancelled);
  EXPECT_EQ(told, 2) << "it went on reading";
}

TEST(FingerprintTest, TellsVideosApartByAnyOfItsBlocks) {
  const TestFolder folder;
  std::string bytes(10'000'000, 'x');
  WriteBytes(folder / "a", bytes);
  WriteBytes(folder / "same", bytes);
  bytes.back() = 'y';
  WriteBytes(folder / "end", bytes);
  WriteBytes(folder / "short", bytes.substr(0, 1000));
  const auto a = Fingerprint(folder / "a");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a->size(), 64U);
  EXPECT_EQ(*a, *Fingerprint(folder / "same"));
  EXPECT_NE(*a, *Fingerprint(folder / "end"));
  EXPECT_NE(*a, *Fingerprint(folder / "short"));
}

}  // namespace
}  // namespace rollcall::media
