#include "media/frame_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <fstream>
#include <map>

#include "domain/reasons.h"
#include "media/libav.h"
#include "media/packet_index.h"
#include "media/testing/test_video.h"

namespace rollcall::media {
namespace {

using domain::MediaTime;
using testing::EveryFrame;
using testing::ReadAll;
using testing::ReadFrame;
using testing::TestFolder;

PacketIndex Index(const std::filesystem::path& path) {
  auto index = IndexPackets(path, {});
  EXPECT_TRUE(index.ok()) << index.error().ToString();
  return index.ok() ? *std::move(index) : PacketIndex{};
}

// What a plain libav loop makes of the file: how many pictures are shown.
int CountByPlainDecoding(const std::filesystem::path& path) {
  AVFormatContext* format = nullptr;
  if (avformat_open_input(&format, path.c_str(), nullptr, nullptr) < 0) return -1;
  avformat_find_stream_info(format, nullptr);
  const int stream = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  const AVCodecParameters* parameters = format->streams[stream]->codecpar;
  const CodecPtr codec(avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id)));
  avcodec_parameters_to_context(codec.get(), parameters);
  avcodec_open2(codec.get(), nullptr, nullptr);
  const PacketPtr packet = NewPacket();
  const FramePtr frame = NewFrame();
  int count = 0;
  const auto take = [&] {
    while (avcodec_receive_frame(codec.get(), frame.get()) >= 0) ++count;
  };
  while (av_read_frame(format, packet.get()) >= 0) {
    if (packet->stream_index == stream) {
      avcodec_send_packet(codec.get(), packet.get());
      take();
    }
    av_packet_unref(packet.get());
  }
  avcodec_send_packet(codec.get(), nullptr);
  take();
  avformat_close_input(&format);
  return count;
}

// The promise of the class: the same frames with the same pixels wherever a reader starts and
// whatever else it was asked for.
void ExpectSamePixelsFromAnywhere(const std::filesystem::path& path, const PacketIndex& index,
                                  const std::vector<ReadFrame>& whole) {
  std::map<std::int64_t, std::uint64_t> expected;
  for (const ReadFrame& each : whole) expected[each.frame_id] = each.hash;
  const auto size = static_cast<std::int64_t>(index.packets.size());
  const auto check = [&](std::vector<std::int64_t> plan, const std::string& what) {
    const std::size_t wanted = plan.size();
    const auto frames = ReadAll(path, index, std::move(plan));
    EXPECT_EQ(frames.size(), wanted) << what;
    for (const ReadFrame& each : frames) {
      EXPECT_EQ(each.hash, expected[each.frame_id]) << what << ", frame " << each.frame_id;
    }
  };
  for (std::int64_t from = 1; from < size; from += std::max<std::int64_t>(1, size / 9)) {
    check(EveryFrame(index, from, 1), "every frame from " + std::to_string(from));
    check(EveryFrame(index, from, 3), "every third from " + std::to_string(from));
    check({from}, "only " + std::to_string(from));
  }
  check(EveryFrame(index, 0, 97), "every 97th");
}

// Whole reading is complete and in order, every picture carries the number of its frame_id, and
// resuming changes nothing.
void ExpectFaithful(const std::filesystem::path& path, int frames, MediaTime first = {}) {
  const PacketIndex index = Index(path);
  ASSERT_EQ(static_cast<int>(index.packets.size()), frames);
  EXPECT_EQ(index.packets[0].pts, first);
  const auto whole = ReadAll(path, index, EveryFrame(index));
  ASSERT_EQ(static_cast<int>(whole.size()), frames);
  for (int i = 0; i < frames; ++i) {
    const ReadFrame& each = whole[static_cast<std::size_t>(i)];
    EXPECT_EQ(each.frame_id, i);
    EXPECT_EQ(each.pts, index.packets[static_cast<std::size_t>(i)].pts);
    EXPECT_EQ(each.number, i) << "frame " << i << " shows another picture";
  }
  ExpectSamePixelsFromAnywhere(path, index, whole);
}

std::int64_t Disposable(const PacketIndex& index) {
  return std::count_if(index.packets.begin(), index.packets.end(),
                       [](const PacketEntry& each) { return each.is_disposable; });
}
std::int64_t Keyframes(const PacketIndex& index) {
  return std::count_if(index.packets.begin(), index.packets.end(),
                       [](const PacketEntry& each) { return each.is_keyframe; });
}

VideoWriter::Options Small(const std::string& codec = "libx264") {
  VideoWriter::Options options;
  options.width = 192;
  options.height = 128;
  options.codec = codec;
  options.keyframe_interval = 24;
  return options;
}

TEST(FrameReaderTest, ReadsH264WithBPicturesFromAnywhere) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 200, Small());
  ExpectFaithful(folder / "a.mp4", 200);
  EXPECT_GT(Disposable(Index(folder / "a.mp4")), 20);
}

TEST(FrameReaderTest, ReadsMatroskaFromAnywhere) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mkv", 200, Small());
  ExpectFaithful(folder / "a.mkv", 200);
}

TEST(FrameReaderTest, ReadsTransportStreamFromAnywhere) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.ts", 200, Small());
  ExpectFaithful(folder / "a.ts", 200);
  EXPECT_GT(Disposable(Index(folder / "a.ts")), 20) << "Annex B start codes";
}

TEST(FrameReaderTest, ReadsMpeg1FromAnywhere) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mpg", 150, Small("mpeg1video"));
  ExpectFaithful(folder / "a.mpg", 150);
}

TEST(FrameReaderTest, ReadsVp9WithHiddenFramesFromAnywhere) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.webm", 120, Small("libvpx-vp9"));
  ExpectFaithful(folder / "a.webm", 120);
}

TEST(FrameReaderTest, ReadsHevcFromAnywhere) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 120, Small("libx265"));
  ExpectFaithful(folder / "a.mp4", 120);
  EXPECT_GT(Disposable(Index(folder / "a.mp4")), 10);
}

// Spliced videos: the decoder remembers what an earlier parameter set said of colours.
TEST(FrameReaderTest, ColoursDoNotDependOnWhereReadingBegins) {
  const TestFolder folder;
  // From this width on, colours that are not told are taken for BT.709.
  const auto encode = [&](const std::string& colours, const std::string& part) {
    return testing::RunFfmpeg(
        "-f lavfi -i testsrc2=size=1280x720:rate=25 -frames:v 80 -pix_fmt yuv420p -c:v libx264 -g "
        "10 -bf 0 -preset ultrafast " +
        colours + " " + (folder / part).string());
  };
  const bool is_made =
      encode("", "1.ts") && encode("-colorspace bt470bg", "2.ts") && encode("", "3.ts") &&
      testing::RunFfmpeg("-i 'concat:" + (folder / "1.ts").string() + "|" +
                         (folder / "2.ts").string() + "|" + (folder / "3.ts").string() +
                         "' -c copy " + (folder / "a.mp4").string());
  ASSERT_TRUE(is_made);
  const PacketIndex index = Index(folder / "a.mp4");
  ASSERT_EQ(index.packets.size(), 240U);
  const auto last_picture = [&](std::int64_t from) {
    const auto reader = FrameReader::Open(folder / "a.mp4", index, EveryFrame(index, from, 1), {});
    domain::Image image;
    while (const auto frame = (*reader)->Next().value()) {
      image = testing::RenderWhole(*frame, domain::PixelFormat::kRgb24);
    }
    return image.pixels;
  };
  EXPECT_EQ(last_picture(0), last_picture(235));
}

struct Coding {
  const char* name;
  const char* file;
  const char* arguments;  // To ffmpeg, after the input.
  bool has_disposable;
  int first_ms = 0;  // Of a file that does not say that its first picture is its beginning.
};
std::ostream& operator<<(std::ostream& out, const Coding& coding) { return out << coding.name; }

// Formats that only the ffmpeg program writes, made from a numbered lossless video.
class CodingTest : public ::testing::TestWithParam<Coding> {};

TEST_P(CodingTest, ReadsFromAnywhere) {
  const TestFolder folder;
  VideoWriter::Options lossless = Small("ffv1");
  testing::WriteNumberedVideo(folder / "source.mkv", 130, lossless);
  const auto path = folder / GetParam().file;
  ASSERT_TRUE(testing::RunFfmpeg("-i " + (folder / "source.mkv").string() + " " +
                                 GetParam().arguments + " " + path.string()));
  EXPECT_EQ(CountByPlainDecoding(path), 130);
  ExpectFaithful(path, 130, std::chrono::milliseconds{GetParam().first_ms});
  EXPECT_EQ(Disposable(Index(path)) > 0, GetParam().has_disposable);
}

INSTANTIATE_TEST_SUITE_P(
    FrameReader, CodingTest,
    ::testing::Values(
        Coding{"h264_open_gop", "a.mp4",
               "-c:v libx264 -g 20 -bf 3 -x264-params open-gop=1:b-pyramid=normal", true},
        Coding{"h264_open_gop_ts", "a.ts", "-c:v libx264 -g 20 -bf 3 -x264-params open-gop=1",
               true},
        Coding{"h264_intra_refresh", "a.mp4",
               "-c:v libx264 -g 20 -x264-params intra-refresh=1:bframes=0", false},
        Coding{"h264_interlaced", "a.mp4", "-c:v libx264 -g 20 -flags +ildct+ilme", true},
        Coding{"h264_10bit", "a.mp4", "-c:v libx264 -g 20 -pix_fmt yuv420p10le", true},
        Coding{"h264_444", "a.mkv", "-c:v libx264 -g 20 -pix_fmt yuv444p", true},
        Coding{"h264_avi", "a.avi", "-c:v libx264 -g 20 -bf 3", true},
        Coding{"h264_raw", "a.h264", "-c:v libx264 -g 20 -bf 3", true},
        Coding{"h264_flv", "a.flv", "-c:v libx264 -g 20 -bf 3", true},
        Coding{"h264_fragments", "a.mp4", "-c:v libx264 -g 20 -movflags frag_keyframe+empty_moov",
               true, 80},
        Coding{"hevc_open_gop", "a.mp4",
               "-c:v libx265 -x265-params keyint=20:open-gop=1:log-level=none", true},
        Coding{"hevc_temporal_layers", "a.mp4",
               "-c:v libx265 -x265-params keyint=20:temporal-layers=2:log-level=none", true},
        Coding{"hevc_raw", "a.hevc", "-c:v libx265 -x265-params keyint=20:log-level=none", true},
        Coding{"hevc_ts_10bit", "a.ts",
               "-c:v libx265 -pix_fmt yuv420p10le -x265-params keyint=20:log-level=none", true},
        Coding{"mpeg2_ts", "a.ts", "-c:v mpeg2video -g 12 -bf 2 -q:v 3", true},
        Coding{"mpeg2_ps", "a.mpg", "-c:v mpeg2video -g 12 -bf 2 -q:v 3", true},
        Coding{"mpeg2_mkv", "a.mkv", "-c:v mpeg2video -g 12 -bf 2 -q:v 3", true},
        Coding{"mpeg4_avi", "a.avi", "-c:v mpeg4 -g 12 -bf 2 -q:v 3", true},
        Coding{"mpeg4_mp4", "a.mp4", "-c:v mpeg4 -g 12 -bf 2 -q:v 3", true},
        Coding{"vp8", "a.webm", "-c:v libvpx -g 20 -b:v 800k -auto-alt-ref 1 -lag-in-frames 16",
               false},
        Coding{"av1", "a.mkv", "-c:v libaom-av1 -g 20 -cpu-used 8 -crf 30", false},
        Coding{"av1_mp4", "a.mp4", "-c:v libsvtav1 -g 20 -preset 10", false},
        Coding{"mjpeg_avi", "a.avi", "-c:v mjpeg -q:v 3", false},
        Coding{"prores", "a.mov", "-c:v prores_ks", false},
        Coding{"wmv", "a.wmv", "-c:v wmv2 -g 12 -b:v 3M", false},
        Coding{"theora", "a.ogv", "-c:v libtheora -g 12 -q:v 9", false}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(FrameReaderTest, GivesKeyframesAlone) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 300, Small());
  const PacketIndex index = Index(folder / "a.mp4");
  std::vector<std::int64_t> plan;
  for (const auto id : EveryFrame(index)) {
    if (index.packets[static_cast<std::size_t>(id)].is_keyframe) plan.push_back(id);
  }
  ASSERT_GE(plan.size(), 12U);
  const auto whole = ReadAll(folder / "a.mp4", index, EveryFrame(index));
  const auto keyframes = ReadAll(folder / "a.mp4", index, plan, {.keyframes_only = true});
  ASSERT_EQ(keyframes.size(), plan.size());
  for (const ReadFrame& each : keyframes) {
    EXPECT_EQ(each.number, each.frame_id);
    EXPECT_EQ(each.hash, whole[static_cast<std::size_t>(each.frame_id)].hash);
  }
}

TEST(FrameReaderTest, RefusesOtherFramesInAKeyframePlan) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 10, Small());
  const auto reader = FrameReader::Open(folder / "a.mp4", Index(folder / "a.mp4"), {0, 1},
                                        {.keyframes_only = true});
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().reason, domain::reason::kBadParams);
}

TEST(FrameReaderTest, RefusesAPlanThatTheIndexDoesNotHold) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 10, Small());
  const PacketIndex index = Index(folder / "a.mp4");
  EXPECT_FALSE(FrameReader::Open(folder / "a.mp4", index, {10}, {}).ok());
  EXPECT_FALSE(FrameReader::Open(folder / "a.mp4", index, {-1}, {}).ok());
  EXPECT_FALSE(FrameReader::Open(folder / "a.mp4", index, {3, 2}, {}).ok());
}

TEST(FrameReaderTest, EndsAtOnceOnAnEmptyPlan) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 10, Small());
  EXPECT_TRUE(ReadAll(folder / "a.mp4", Index(folder / "a.mp4"), {}).empty());
}

TEST(FrameReaderTest, ReadsWithAnIndexThatLostItsDecodeOrder) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.ts", 60, Small());
  PacketIndex index = Index(folder / "a.ts");
  for (PacketEntry& each : index.packets) each.decode_order = 0;
  const auto frames = ReadAll(folder / "a.ts", index, EveryFrame(index, 30));
  ASSERT_EQ(frames.size(), 30U);
  for (const ReadFrame& each : frames) EXPECT_EQ(each.number, each.frame_id);
}

TEST(FrameReaderTest, GivesTheSamePixelsWithAnyNumberOfThreads) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 60, Small());
  const PacketIndex index = Index(folder / "a.mp4");
  const auto one = ReadAll(folder / "a.mp4", index, EveryFrame(index), {.threads = 1});
  const auto four = ReadAll(folder / "a.mp4", index, EveryFrame(index), {.threads = 4});
  ASSERT_EQ(one.size(), four.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].hash, four[i].hash);
}

// Overwrites bytes in the file's middle with noise.
void Damage(const std::filesystem::path& path, double from, double to, int every) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<double>(std::filesystem::file_size(path));
  unsigned noise = 12345;
  for (auto at = static_cast<std::int64_t>(size * from); at < static_cast<std::int64_t>(size * to);
       at += every) {
    noise = noise * 1664525 + 1013904223;
    file.seekp(at);
    file.put(static_cast<char>(noise >> 24));
  }
}

// What the decoders complain of while it lives.
class DecoderComplaints {
 public:
  DecoderComplaints() {
    count_ = 0;
    ::av_log_set_callback([](void*, int level, const char*, va_list) {
      if (level <= AV_LOG_ERROR) ++count_;
    });
  }
  ~DecoderComplaints() { ::av_log_set_callback(::av_log_default_callback); }
  int count() const { return count_; }

 private:
  static inline std::atomic<int> count_ = 0;
};

TEST(FrameReaderTest, DecodesNothingBeforeTheFirstFrame) {
  const TestFolder folder;
  const auto path = folder / "a.mp4";
  testing::WriteNumberedVideo(path, 240, Small());  // Keyframes at 0, 24, …
  const PacketIndex index = Index(path);
  const auto whole = ReadAll(path, index, EveryFrame(index));
  ASSERT_EQ(whole.size(), 240U);
  ASSERT_TRUE(index.packets[168].is_keyframe);
  Damage(path, 0.57, 0.62, 3);

  {
    const DecoderComplaints complaints;
    EXPECT_EQ(ReadAll(path, index, EveryFrame(index, 168, 3)).size(), 24U);
    ASSERT_GT(complaints.count(), 0) << "decoding begins at the keyframe before, in the damage";
  }
  const DecoderComplaints complaints;
  const auto frames = ReadAll(path, index, EveryFrame(index, 168, 3), {.first_frame = 168});
  EXPECT_EQ(complaints.count(), 0);
  ASSERT_EQ(frames.size(), 24U);
  for (const ReadFrame& each : frames) {
    EXPECT_EQ(each.hash, whole[static_cast<std::size_t>(each.frame_id)].hash) << each.frame_id;
  }
}

TEST(FrameReaderTest, RefusesAPlanThatNeedsWhatIsBeforeTheFirstFrame) {
  const TestFolder folder;
  testing::WriteNumberedVideo(folder / "a.mp4", 60, Small());
  const PacketIndex index = Index(folder / "a.mp4");
  EXPECT_FALSE(FrameReader::Open(folder / "a.mp4", index, {30}, {.first_frame = 26}).ok());
}

class DamageTest : public ::testing::TestWithParam<const char*> {};

TEST_P(DamageTest, DecodesAroundDamageTheSameFromAnywhere) {
  const TestFolder folder;
  const auto path = folder / GetParam();
  const std::string codec = path.extension() == ".mpg" ? "mpeg2video" : "libx264";
  testing::WriteNumberedVideo(path, 240, Small(codec));
  Damage(path, 0.4, 0.5, 37);
  const PacketIndex index = Index(path);
  ASSERT_GT(index.packets.size(), 180U);
  auto reader = FrameReader::Open(path, index, EveryFrame(index), {});
  ASSERT_TRUE(reader.ok());
  std::map<std::int64_t, std::uint64_t> whole;
  for (;;) {
    auto frame = (*reader)->Next();
    ASSERT_TRUE(frame.ok());
    if (*frame == nullptr) break;
    whole[(*frame)->frame_id()] = testing::HashOf(testing::RenderWhole(**frame));
  }
  EXPECT_GT((*reader)->failed_reads(), 0);
  EXPECT_GT(whole.size(), 150U);
  for (std::int64_t from = 1; from < 230; from += 23) {
    std::size_t expected = 0;
    for (const auto& [id, hash] : whole) expected += id >= from ? 1 : 0;
    const auto frames = ReadAll(path, index, EveryFrame(index, from));
    EXPECT_EQ(frames.size(), expected) << "from " << from;
    for (const ReadFrame& each : frames) {
      ASSERT_TRUE(whole.contains(each.frame_id)) << "frame " << each.frame_id << " from " << from;
      EXPECT_EQ(each.hash, whole[each.frame_id]) << "frame " << each.frame_id << " from " << from;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(FrameReader, DamageTest,
                         ::testing::Values("a.mp4", "a.mkv", "a.ts", "a.mpg"),
                         [](const auto& each) { return std::string(each.param).substr(2); });

TEST(FrameReaderTest, ReadsRealClipsFromAnywhere) {
  const auto media = testing::SharedMedia();
  if (!media) GTEST_SKIP() << "no shared media: real clips are not read";
  for (const char* name : {"clips/GRID_M1/lbax4n.mpg", "clips/ASL_A/help.mkv", "clips/LP_d9/d9.mp4",
                           "clips/PYFEAT_MAN/face_noface.mov", "scenes/people.mp4"}) {
    SCOPED_TRACE(name);
    const auto path = *media / name;
    const PacketIndex index = Index(path);
    EXPECT_EQ(static_cast<int>(index.packets.size()), CountByPlainDecoding(path));
    std::vector<std::int64_t> plan = EveryFrame(index);
    plan.resize(std::min<std::size_t>(plan.size(), 120));
    const auto whole = ReadAll(path, index, plan);
    EXPECT_EQ(whole.size(), plan.size());
    for (std::size_t from = 5; from < plan.size(); from += 23) {
      const auto part =
          ReadAll(path, index, {plan.begin() + static_cast<std::ptrdiff_t>(from), plan.end()});
      ASSERT_EQ(part.size(), plan.size() - from);
      for (std::size_t i = 0; i < part.size(); ++i) {
        EXPECT_EQ(part[i].hash, whole[from + i].hash) << "frame " << from + i;
      }
    }
  }
}

TEST(PacketIndexTest, CountsThePicturesOfEveryRealClip) {
  const auto media = testing::SharedMedia();
  if (!media) GTEST_SKIP() << "no shared media: real clips are not counted";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*media / "clips")) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(static_cast<int>(Index(entry.path()).packets.size()),
              CountByPlainDecoding(entry.path()))
        << entry.path();
  }
}

TEST(PacketIndexTest, MarksAKeyframePerInterval) {
  const TestFolder folder;
  VideoWriter::Options options = Small();
  options.keyframe_interval = 10;
  testing::WriteNumberedVideo(folder / "a.mp4", 100, options);
  EXPECT_GE(Keyframes(Index(folder / "a.mp4")), 10);
}

}  // namespace
}  // namespace rollcall::media
