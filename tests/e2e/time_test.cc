#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "fixture.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using base::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Real files whose pictures are not one like the other, at equal distances, from the beginning on:
// what a player shows is what counts (docs/time.md). A and B are two photographs of the sample.
class TimeTest : public RollcallTest {
 protected:
  struct Part {
    char who = 'n';  // 'A', 'B', or nobody.
    double seconds = 0;
  };

  // A photograph is decoded and scaled once.
  static constexpr const char* kLoop = "loop=loop=-1:size=1,setpts=N/25/TB";

  // 25 pictures a second, 640 × 360, lossless enough.
  fs::path Scene(const std::vector<Part>& parts, const std::string& encoder = "-g 50") {
    std::string inputs;
    std::string filter;
    std::string joined;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      inputs +=
          parts[i].who == 'n'
              ? fmt::format("-f lavfi -t {} -i color=0x304050:s=640x360:r=25 ", parts[i].seconds)
              : fmt::format("-framerate 25 -i '{}' ", Photograph(parts[i].who).string());
      filter += fmt::format(
          "[{0}]{1}scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1,setsar=1,"
          "format=yuv420p{2}[v{0}];",
          i, parts[i].who == 'n' ? "" : CropOf(parts[i].who),
          parts[i].who == 'n' ? "" : fmt::format(",{},trim=duration={}", kLoop, parts[i].seconds));
      joined += fmt::format("[v{}]", i);
    }
    const fs::path video = folder_ / "scene.mp4";
    EXPECT_TRUE(
        Ffmpeg(fmt::format("{} -filter_complex '{}{}concat=n={}:v=1' -c:v libx264 "
                           "-preset ultrafast -crf 22 {} '{}'",
                           inputs, filter, joined, parts.size(), encoder, video.string())));
    return video;
  }
  fs::path Made(const std::string& name, const std::string& arguments) {
    const fs::path video = folder_ / name;
    EXPECT_TRUE(Ffmpeg(arguments + " '" + video.string() + "'")) << arguments;
    return video;
  }
  static fs::path Photograph(char who) {
    return fs::path(ROLLCALL_DEPS_DIR) / "photos" / (who == 'A' ? "sample3.jpg" : "sample6.jpg");
  }
  // One of those who are on it, as in tools/sample/sample.toml.
  static const char* CropOf(char who) {
    return who == 'A' ? "crop=610:720:370:150," : "crop=560:660:60:320,";
  }

  Json Analysed(const fs::path& video, const std::string& effort = "normal") {
    const Ended ended = Rollcall({"analyze", video.string(), "--effort", effort, "--json"});
    EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
    auto document = base::ParseJson(ended.out, "report");
    return document.ok() ? document->at("report") : Json::object();
  }
  // Seconds of each, longest first.
  static std::vector<double> Seen(const Json& report) {
    std::vector<double> seen;
    for (const Json& person : report.at("people")) {
      seen.push_back(person.at("seen_ms").get<double>() / 1000);
    }
    std::ranges::sort(seen, std::greater<>());
    return seen;
  }
  static auto About(double expected, double within = 0.2) {
    return ::testing::DoubleNear(expected, within);
  }
  static std::string WarningsOf(const Json& report) { return report.at("warnings").dump(); }

  int turned_ = 0;
};

// "Nobody was seen": one picture was one sample.
TEST_F(TimeTest, APictureThatAScreenRecorderLeavesForEightSecondsIsThereForEightSeconds) {
  const fs::path scene = Scene({{'n', 1}, {'A', 1}, {'n', 1}});
  // Of A only one picture, and what follows seven seconds later.
  const fs::path video =
      Made("a.mp4", "-i '" + scene.string() +
                        "' -vf \"select='lt(n,26)+gte(n,50)',setpts='if(lt(N,26),N,N+174)/25/TB'\" "
                        "-fps_mode passthrough -c:v libx264 -video_track_timescale 90000");
  const Json report = Analysed(video);
  EXPECT_THAT(Seen(report), ElementsAre(About(7.0)));
  EXPECT_NEAR(report["people"][0]["seen"][0]["start_ms"].get<double>(), 1'000, 60);
}

TEST_F(TimeTest, AShotThatStandsStillWithoutNewPicturesIsOneStretch) {
  const fs::path scene = Scene({{'A', 4}, {'n', 1}});
  const fs::path video =
      Made("a.mp4", "-i '" + scene.string() +
                        "' -vf \"setpts='if(lt(N,50),N,N+200)/25/TB'\" -fps_mode passthrough "
                        "-c:v libx264 -video_track_timescale 90000");
  const Json report = Analysed(video);
  EXPECT_THAT(Seen(report), ElementsAre(About(12.0)));
  EXPECT_EQ(report["people"][0]["seen"].size(), 1U);
}

class SlowPicturesTest : public TimeTest, public ::testing::WithParamInterface<const char*> {};

// Surveillance and time lapse.
TEST_P(SlowPicturesTest, CountsPicturesForAsLongAsTheyStay) {
  const fs::path scene = Scene({{'n', 5}, {'A', 15}, {'B', 10}});
  const fs::path video =
      Made("a.mp4", "-i '" + scene.string() + "' -vf fps=" + GetParam() + " -c:v libx264 -g 1000");
  EXPECT_THAT(Seen(Analysed(video)), ElementsAre(About(15, 3), About(10, 3)));
}

INSTANTIATE_TEST_SUITE_P(FramesPerSecond, SlowPicturesTest,
                         ::testing::Values("1/5", "1/3", "1", "5"), [](const auto& rate) {
                           std::string name = rate.param;
                           std::ranges::replace(name, '/', '_');
                           return "Rate" + name;
                         });

TEST_F(TimeTest, TwoHundredAndFortyPicturesASecondAreNoMoreTime) {
  const fs::path scene = Scene({{'n', 1}, {'A', 2}, {'n', 1}});
  const fs::path video = Made("a.mp4", "-i '" + scene.string() + "' -vf fps=240 -c:v libx264");
  EXPECT_THAT(Seen(Analysed(video)), ElementsAre(About(2.0)));
}

TEST_F(TimeTest, PicturesThatAreLeftOutWhereNothingChangesAreStillThere) {
  const fs::path scene = Scene({{'n', 1}, {'A', 3}, {'B', 2}, {'n', 1}});
  const fs::path video = Made("a.mp4", "-i '" + scene.string() +
                                           "' -vf mpdecimate -fps_mode passthrough -c:v libx264 "
                                           "-video_track_timescale 90000");
  EXPECT_THAT(Seen(Analysed(video)), ElementsAre(About(3.0), About(2.0)));
}

class FastCutsTest : public TimeTest, public ::testing::WithParamInterface<int> {};

// Ten samples a second show a shot of four pictures once or twice.
TEST_P(FastCutsTest, EveryShotIsSeen) {
  const int pictures = GetParam();
  const fs::path a = Scene({{'A', 6}});
  fs::rename(a, folder_ / "alone.mp4");
  const fs::path b = Scene({{'B', 6}});
  const fs::path video =
      Made("a.mp4", fmt::format("-i '{}' -i '{}' -filter_complex \"[0][1]overlay=enable='mod("
                                "floor(n/{}),2)'\" -c:v libx264 -crf 24",
                                (folder_ / "alone.mp4").string(), b.string(), pictures));
  const Json report = Analysed(video);
  EXPECT_THAT(Seen(report), ElementsAre(About(3.0), About(3.0)));
  EXPECT_GT(report["coverage"]["frames_closer"], 0);
}

INSTANTIATE_TEST_SUITE_P(PicturesAShot, FastCutsTest, ::testing::Values(4, 6),
                         ::testing::PrintToStringParamName());

// The subtitles were five seconds early.
TEST_F(TimeTest, SoundThatBeginsBeforeThePictureShiftsNothing) {
  const fs::path scene = Scene({{'n', 1}, {'A', 2}, {'n', 1}});
  for (const std::string name : {"one.mp4", "two.mkv", "three.ts"}) {
    SCOPED_TRACE(name);
    const fs::path video = Made(name, "-f lavfi -t 9 -i sine -itsoffset 5 -i '" + scene.string() +
                                          "' -map 1:v -map 0:a -c:v copy -c:a aac");
    const Json report = Analysed(video);
    EXPECT_THAT(Seen(report), ElementsAre(About(2.0)));
    EXPECT_NEAR(report["people"][0]["first_ms"].get<double>(), 6'000, 100);
    EXPECT_NEAR(report["time"]["first_picture_ms"].get<double>(), 5'000, 100);
    const std::string vtt =
        ReadText("outputs/" + report["episode"].get<std::string>() + "/timeline.vtt");
    EXPECT_THAT(vtt, ::testing::ContainsRegex("00:00:0(5\\.9|6\\.[01])[0-9][0-9] -->"));
    fs::remove(video);
  }
}

TEST_F(TimeTest, ATransportStreamThatBeginsAtTenHoursBeginsAtZero) {
  const fs::path scene = Scene({{'n', 1}, {'A', 2}});
  const fs::path video =
      Made("a.ts", "-i '" + scene.string() + "' -c copy -output_ts_offset 36000");
  const Json report = Analysed(video);
  EXPECT_THAT(Seen(report), ElementsAre(About(2.0)));
  EXPECT_NEAR(report["people"][0]["first_ms"].get<double>(), 1'000, 60);
}

// What a player calls 5 s was 0 s: in an MP4 players count from its own zero, whatever begins
// there.
struct OwnZero {
  const char* name;
  const char* arguments;  // {}: the scene, whose A comes after a second.
  double first_picture_ms;
  bool has_sound;
};
class OwnZeroTest : public TimeTest, public ::testing::WithParamInterface<OwnZero> {};

TEST_P(OwnZeroTest, AnMp4CountsFromItsOwnZero) {
  const fs::path scene = Scene({{'n', 1}, {'A', 2}, {'n', 1}}, "-g 50 -bf 2");
  const std::string sound = GetParam().has_sound ? "-itsoffset 5 -f lavfi -t 4 -i sine " : "";
  const std::string maps = GetParam().has_sound ? " -map 1:v -map 0:a -c:a aac" : "";
  const fs::path video =
      Made("own_zero.mp4", sound + fmt::format(fmt::runtime(GetParam().arguments),
                                               "-i '" + scene.string() + "'" + maps));
  const Json report = Analysed(video);
  const double first = GetParam().first_picture_ms;
  EXPECT_THAT(Seen(report), ElementsAre(About(2.0)));
  EXPECT_NEAR(report["time"]["first_picture_ms"].get<double>(), first, 45);
  EXPECT_NEAR(report["people"][0]["first_ms"].get<double>(), first + 1'000, 100);
  EXPECT_EQ(report["time"]["file_zero_us"], 0);
}

INSTANTIATE_TEST_SUITE_P(
    Files, OwnZeroTest,
    ::testing::Values(OwnZero{"PictureAlone", "-itsoffset 5 {} -c copy", 5'000, false},
                      OwnZero{"SoundAndPicture", "-itsoffset 5 {} -c:v copy", 5'000, true},
                      OwnZero{"NoEditList", "{} -c copy -use_editlist 0", 80, false},
                      OwnZero{
                          "Fragments",
                          "-itsoffset 5 {} -c:v copy -movflags frag_keyframe+empty_moov+delay_moov",
                          5'000, true},
                      OwnZero{"QuickTime", "-itsoffset 5 {} -c copy -f mov", 5'000, false}),
    [](const auto& each) { return std::string(each.param.name); });

// Every picture was fitted to the size of the file's head.
TEST_F(TimeTest, APhoneThatIsTurnedWhileItRecords) {
  const fs::path scene = Scene({{'n', 1}, {'A', 2}});
  const std::string vp8 = " -c:v libvpx -b:v 800k -deadline realtime -cpu-used 8";
  Made("1.webm", "-i '" + scene.string() + "'" + vp8);
  Made("2.webm",
       "-i '" + scene.string() + "' -vf crop=360:360,scale=540:540,pad=540:960:0:210 " + vp8);
  ASSERT_TRUE(base::WriteFileAtomic(folder_ / "list.txt", "file 1.webm\nfile 2.webm\n").ok());
  const fs::path video =
      Made("a.webm", "-f concat -i '" + (folder_ / "list.txt").string() + "' -c copy");
  EXPECT_THAT(Seen(Analysed(video)), ElementsAre(About(4.0)));
}

// Two parts of a broadcast, of which only the second one's pictures are changed.
struct Change {
  const char* name;
  const char* first;  // To ffmpeg, after the input.
  const char* second;
};

class ChangingStreamTest : public TimeTest, public ::testing::WithParamInterface<Change> {};

TEST_P(ChangingStreamTest, ShowsEachPictureByItsOwnProperties) {
  const fs::path scene = Scene({{'n', 1}, {'A', 2}});
  const auto part = [&](const std::string& name, const std::string& change) {
    return Made(name, "-i '" + scene.string() + "' " + change);
  };
  const fs::path first = part("1.ts", GetParam().first);
  const fs::path second = part("2.ts", GetParam().second);
  const fs::path video = folder_ / "a.ts";
  ASSERT_TRUE(
      base::WriteFileAtomic(video, base::ReadFile(first).value() + base::ReadFile(second).value())
          .ok());
  EXPECT_THAT(Seen(Analysed(video)), ElementsAre(About(4.0, 0.3)));
}

INSTANTIATE_TEST_SUITE_P(
    Properties, ChangingStreamTest,
    ::testing::Values(Change{"Size", "-c:v libx264", "-vf scale=320:180 -c:v libx264"},
                      Change{"PixelFormat", "-c:v libx264", "-pix_fmt yuv444p -c:v libx264"},
                      Change{"Aspect", "-c:v libx264", "-vf scale=320:360,setsar=2 -c:v libx264"},
                      Change{"Range", "-vf scale=out_range=full -color_range pc -c:v libx264",
                             "-c:v libx264"},
                      Change{"Rotation", "-c:v libx264",
                             "-vf transpose=2 -c:v libx264 -g 1000 -sc_threshold 0 -bsf:v "
                             "h264_metadata=display_orientation=insert:"
                             "rotate=-90"}),
    [](const auto& change) { return change.param.name; });

// Two seconds of grey were looked at, and nobody seen in them.
TEST_F(TimeTest, ARecordingThatBeginsInTheMiddleSaysWhatCouldNotBeDecoded) {
  const fs::path scene = Scene({{'A', 4}}, "-g 50 -sc_threshold 0");
  const fs::path whole = Made("whole.ts", "-i '" + scene.string() + "' -c copy");
  const std::string bytes = base::ReadFile(whole).value();
  const fs::path video = folder_ / "a.ts";
  constexpr std::size_t kPacket = 188;
  ASSERT_TRUE(
      base::WriteFileAtomic(video, bytes.substr(kPacket * (bytes.size() / kPacket / 6))).ok());
  const Json report = Analysed(video);
  EXPECT_THAT(WarningsOf(report), HasSubstr("could not be decoded"));
  EXPECT_GT(report["coverage"]["frames_failed"], 5);
}

TEST_F(TimeTest, SoundThatIsLongerThanThePictureIsNoEarlyEnd) {
  const fs::path scene = Scene({{'A', 3}});
  const fs::path video = Made("a.mkv", "-i '" + scene.string() +
                                           "' -f lavfi -t 12 -i sine -map 0:v -map 1:a -c:v copy "
                                           "-c:a aac");
  std::string bytes = base::ReadFile(video).value();
  for (std::size_t at = bytes.find("DURATION"); at != std::string::npos;
       at = bytes.find("DURATION")) {
    bytes[at] = 'X';  // As GStreamer and browsers write it: without the tag.
  }
  ASSERT_TRUE(base::WriteFileAtomic(video, bytes).ok());
  EXPECT_THAT(Analysed(video)["warnings"], IsEmpty());
  // The same file cut off in the middle is still told.
  fs::resize_file(video, bytes.size() * 2 / 3);
  fs::rename(video, folder_ / "cut.mkv");
  EXPECT_THAT(WarningsOf(Analysed(folder_ / "cut.mkv")), HasSubstr("ends in the middle"));
}

class FewKeyframesTest : public TimeTest, public ::testing::WithParamInterface<const char*> {};

// 9.00 s ± 0.00 of one picture.
TEST_P(FewKeyframesTest, ADraftSaysHowLittleItSees) {
  const fs::path scene = Scene({{'A', 1}, {'n', 2}, {'B', 6}}, GetParam());
  const Json report = Analysed(scene, "draft");
  EXPECT_THAT(WarningsOf(report), HasSubstr("a draft looks at whole keyframes only"));
  for (const Json& person : report["people"]) EXPECT_GT(person["error_ms"], 3'000);
}

INSTANTIATE_TEST_SUITE_P(Encoders, FewKeyframesTest,
                         ::testing::Values("-g 1000 -sc_threshold 0",
                                           "-x264opts intra-refresh=1:keyint=50:scenecut=0"),
                         [](const auto& row) {
                           return std::string(row.index == 0 ? "OneKeyframe" : "IntraRefresh");
                         });

// "Nobody was seen", of ninety faces that lay on their side.
TEST_F(TimeTest, AVideoThatHasLostItsRotationIsWatchedOnItsSide) {
  const fs::path scene = Scene({{'A', 3}, {'B', 3}});
  for (const char* turn : {"transpose=1", "hflip,vflip"}) {
    SCOPED_TRACE(turn);
    const fs::path video = Made(fmt::format("turned{}.mp4", ++turned_),
                                "-i '" + scene.string() + "' -vf " + turn + " -c:v libx264");
    const Json report = Analysed(video);
    EXPECT_THAT(Seen(report), ElementsAre(About(3.0, 0.5), About(3.0, 0.5)));
    if (turned_ == 1) {
      EXPECT_THAT(WarningsOf(report), HasSubstr("is the video turned?"));
    }
  }
}

// The points of a face upside down were believed in every other picture: one man was two, and one
// of these had the other's face.
TEST_F(TimeTest, TwoWhoAreUpsideDownTogetherAreTwo) {
  const fs::path scene = Scene({{'A', 3}, {'B', 3}});
  const fs::path video =
      Made("up.mp4", "-i '" + scene.string() +
                         "' -filter_complex \"[0]split[x][y];[x]trim=0:3,setpts=PTS-STARTPTS[a];"
                         "[y]trim=3:6,setpts=PTS-STARTPTS[b];[a][b]hstack,hflip,vflip\" "
                         "-c:v libx264 -preset ultrafast");
  EXPECT_THAT(Seen(Analysed(video)), ElementsAre(About(3.0), About(3.0)));
}

// It was six people for one man with a mirror in one of six shots.
TEST_F(TimeTest, WhoIsSeenInAMirrorInOneShotKeepsTheOthers) {
  const fs::path scene = Scene({{'A', 2}, {'B', 2}, {'A', 2}});
  const fs::path video =
      Made("mirror.mp4", "-i '" + scene.string() +
                             "' -filter_complex \"[0]split[x][y];[y]hflip[z];[x][z]hstack,drawbox="
                             "x=640:w=640:h=360:c=0x304050:t=fill:enable='lt(t,4)'\" "
                             "-c:v libx264 -preset ultrafast");
  const Json report = Analysed(video);
  EXPECT_THAT(Seen(report), ElementsAre(About(4.0), About(2.0), About(2.0)));
  EXPECT_THAT(WarningsOf(report), HasSubstr("a mirror"));
}

// It was "nobody was seen", and where the faces had gone nobody told.
TEST_F(TimeTest, AFaceThatIsFoundAndNotBelievedIsSaidInReportAndTerminal) {
  const fs::path video =
      Made("blurred.mp4",
           "-f lavfi -t 4 -i color=0x304050:s=640x360:r=25 -i '" + Photograph('A').string() +
               "' -filter_complex \"[1]" + CropOf('A') +
               "scale=-2:110,gblur=1.6[a];[0][a]overlay=100:100:enable='between(t,1,1.12)'\" "
               "-c:v libx264 -pix_fmt yuv420p");
  const Json report = Analysed(video);
  EXPECT_THAT(Seen(report), IsEmpty());
  EXPECT_THAT(WarningsOf(report), HasSubstr("found and not counted"));
  EXPECT_THAT(WarningsOf(report), HasSubstr("too short"));
  ASSERT_FALSE(report.at("coverage").at("not_counted").empty());
  const Ended shown = Rollcall({"analyze", video.string()});
  EXPECT_THAT(shown.out, HasSubstr("nobody could be made of them"));
  EXPECT_THAT(shown.out, Not(HasSubstr("nobody was seen")));
}

// Guests of a broadcast in windows of a quarter of its height.
TEST_F(TimeTest, TheUpperBodiesOfTwoThumbnailsIn1080pAreFound) {
  const fs::path video =
      Made("thumbnails.mp4",
           "-f lavfi -t 6 -i color=0x304050:s=1920x1080:r=25 -i '" + Photograph('A').string() +
               "' -i '" + Photograph('B').string() + "' -filter_complex \"[1]" + CropOf('A') +
               "scale=-2:240[a];[2]" + CropOf('B') +
               "scale=-2:240[b];[0][a]overlay=80:760:enable='between(t,1,3.99)'[x];"
               "[x][b]overlay=1600:60\" -c:v libx264 -preset ultrafast -pix_fmt yuv420p");
  EXPECT_THAT(Seen(Analysed(video)), ElementsAre(About(6.0), About(3.0)));
}

}  // namespace
}  // namespace rollcall::e2e
