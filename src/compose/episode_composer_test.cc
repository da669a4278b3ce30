#include "compose/episode_composer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "base/file.h"
#include "media/frame_reader.h"
#include "media/packet_index.h"

namespace rollcall::compose {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVideo = "[video]\nsize = [160, 120]\nfps = 25\ncrf = 10\n";

class EpisodeComposerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "rollcall-compose-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    WritePhotograph("red.ppm", 200, 20, 30);
    WritePhotograph("blue.ppm", 20, 30, 200);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void WritePhotograph(const std::string& name, int r, int g, int b) const {
    std::ofstream file(folder_ / name, std::ios::binary);
    file << "P6\n80 80\n255\n";
    for (int i = 0; i < 80 * 80; ++i) {
      for (const int channel : {r, g, b}) file.put(static_cast<char>(channel));
    }
  }

  base::Result<Truth> Compose(const std::string& shots, const std::string& file = "x.mp4",
                              std::string_view video = kVideo) const {
    ROLLCALL_TRY_ASSIGN(const EpisodeSpec spec,
                        ParseSpec(std::string(video) + shots,
                                  {.name = "x.toml", .folder = folder_, .media_root = {}}));
    return ComposeEpisode(spec, folder_ / file, {});
  }

  media::PacketIndex Index(const std::string& file = "x.mp4") const {
    auto index = media::IndexPackets(folder_ / file);
    EXPECT_TRUE(index.ok()) << index.error().ToString();
    return std::move(index).value();
  }

  // The colour at one place of one frame.
  std::array<int, 3> ColourAt(std::int64_t frame_id, float x, float y) const {
    auto reader = media::FrameReader::Open(folder_ / "x.mp4", Index(), {frame_id}, {});
    if (!reader.ok()) return {};
    auto frame = (*reader)->Next();
    if (!frame.ok() || !*frame) return {};
    const auto image =
        (*frame)->Render({.x1 = x, .y1 = y, .x2 = x + 1, .y2 = y + 1}, {.width = 1, .height = 1});
    if (!image.ok()) return {};
    return {image->pixels[0], image->pixels[1], image->pixels[2]};
  }

  fs::path folder_;
};

// A photograph of A (red) that moves from the left to the right, then one of B (blue) at rest.
constexpr std::string_view kTwoShots = R"(
[[shot]]
frames = 50
[[shot.picture]]
image = "red.ppm"
id = "A"
at = [0.25, 0.5]
height = 0.5
to = [0.75, 0.5]
[[shot]]
duration_s = 1.0
[[shot.picture]]
image = "blue.ppm"
id = "B"
window = [0, 0, 0.5, 1]
)";

TEST_F(EpisodeComposerTest, ShowsEveryPictureWhereTheTruthSays) {
  const auto truth = Compose(std::string(kTwoShots));
  ASSERT_TRUE(truth.ok()) << truth.error().ToString();
  for (const std::int64_t frame : {0, 25, 49}) {
    const TruthKey at = truth->people[0].places[0].At(frame * 40);
    const auto inside = ColourAt(frame, static_cast<float>(at.x + at.width / 2),
                                 static_cast<float>(at.y + at.height / 2));
    EXPECT_GT(inside[0], 170) << frame;
    const auto outside = ColourAt(frame, static_cast<float>(at.x - 6), 60);
    EXPECT_LT(outside[0], 40) << frame;
  }
  EXPECT_GT(ColourAt(50, 40, 60)[2], 170);
  EXPECT_LT(ColourAt(50, 120, 60)[2], 40);
}

TEST_F(EpisodeComposerTest, ChangesTheLightOverTheShot) {
  ASSERT_TRUE(Compose("[[shot]]\nframes = 20\ncolour = [\"#a0a0a0\"]\nlight = 0.5\n"
                      "light_to = 1.5\n")
                  .ok());
  EXPECT_NEAR(ColourAt(0, 80, 60)[1], 80, 4);
  EXPECT_NEAR(ColourAt(10, 80, 60)[1], 160, 4);
  EXPECT_NEAR(ColourAt(18, 80, 60)[1], 224, 4);
}

TEST_F(EpisodeComposerTest, TellsTimesToTheFrame) {
  const auto truth = Compose(std::string(kTwoShots));
  ASSERT_TRUE(truth.ok()) << truth.error().ToString();
  EXPECT_EQ(truth->frames, 75);
  EXPECT_EQ(truth->duration_ms, 3000);
  EXPECT_EQ(truth->cuts_ms, std::vector<std::int64_t>{2000});
  EXPECT_EQ(truth->people[0].seen_ms, 2000);
  EXPECT_EQ(truth->people[1].intervals[0].start_ms, 2000);
  const media::PacketIndex index = Index();
  ASSERT_EQ(index.packets.size(), 75U);
  EXPECT_EQ(index.packets[50].pts, domain::MediaTime{2'000'000});
  EXPECT_NEAR(static_cast<double>(index.length().count()), 3e6, 1e3);
}

TEST_F(EpisodeComposerTest, VariesFrameDurationsWithTheTruthInTime) {
  const auto truth = Compose(std::string(kTwoShots), "x.mkv",
                             "[video]\nsize = [160, 120]\nframe_ms = [10, 90]\nseed = 3\n");
  ASSERT_TRUE(truth.ok()) << truth.error().ToString();
  const media::PacketIndex index = Index("x.mkv");
  ASSERT_EQ(std::ssize(index.packets), truth->frames);
  EXPECT_EQ(truth->frames_per_second, 0);
  EXPECT_EQ(domain::ToMillis(index.packets[50].pts), truth->cuts_ms[0]);
  EXPECT_NE(index.packets[2].pts - index.packets[1].pts, index.packets[1].pts);
}

TEST_F(EpisodeComposerTest, MakesTheSameFilesTwice) {
  const std::string video(kVideo);
  ASSERT_TRUE(Compose(std::string(kTwoShots), "a.mp4", video + "noise_sigma = 6\n").ok());
  ASSERT_TRUE(Compose(std::string(kTwoShots), "b.mp4", video + "noise_sigma = 6\n").ok());
  EXPECT_EQ(base::DigestFile(folder_ / "a.mp4")->sha256,
            base::DigestFile(folder_ / "b.mp4")->sha256);
  EXPECT_EQ(*base::ReadFile(folder_ / "a.truth.json"), *base::ReadFile(folder_ / "b.truth.json"));
}

TEST_F(EpisodeComposerTest, ShowsAClipAtItsOwnPace) {
  ASSERT_TRUE(Compose(std::string(kTwoShots), "clip.mp4").ok());
  const auto truth = Compose(R"(
[[shot]]
frames = 40
[[shot.picture]]
clip = "clip.mp4"
start_s = 1.2
id = "C"
window = [0, 0, 1, 1]
)");
  ASSERT_TRUE(truth.ok()) << truth.error().ToString();
  EXPECT_GT(ColourAt(19, 110, 60)[0], 170) << "the clip's 1.96 s: A on the right";
  EXPECT_GT(ColourAt(20, 40, 60)[2], 170) << "the clip's 2.00 s: B on the left";
}

TEST_F(EpisodeComposerTest, RefusesAClipThatEndsTooEarly) {
  ASSERT_TRUE(Compose(std::string(kTwoShots), "clip.mp4").ok());
  const auto truth = Compose(
      "[[shot]]\nframes = 100\n[[shot.picture]]\nclip = \"clip.mp4\"\nwindow = [0, 0, 1, 1]\n");
  ASSERT_FALSE(truth.ok());
  EXPECT_NE(truth.error().message.find("x.toml:7: clip.mp4 ends at 3.00 s"), std::string::npos)
      << truth.error().message;
}

TEST_F(EpisodeComposerTest, RefusesAPictureThatCoversAPerson) {
  const auto truth = Compose(R"(
[[shot]]
frames = 5
[[shot.picture]]
image = "red.ppm"
id = "A"
at = [0.5, 0.5]
height = 0.5
[[shot.picture]]
image = "blue.ppm"
at = [0.6, 0.5]
height = 0.5
)");
  ASSERT_FALSE(truth.ok());
  EXPECT_EQ(truth.error().reason, "ERR_BAD_PARAMS");
  EXPECT_NE(truth.error().message.find("covers A"), std::string::npos);
}

// A stands still, B passes before A from the left to the right.
TEST_F(EpisodeComposerTest, NobodyIsSeenWhileHalfOfTheFaceIsCovered) {
  const auto truth = Compose(R"(
[[shot]]
frames = 100
[[shot.picture]]
image = "red.ppm"
id = "A"
at = [0.5, 0.5]
height = 0.5
[[shot.picture]]
image = "blue.ppm"
id = "B"
at = [0.1875, 0.5]
height = 0.5
to = [0.8125, 0.5]
may_cover = true
)");
  ASSERT_TRUE(truth.ok()) << truth.error().ToString();
  ASSERT_EQ(truth->people[0].intervals.size(), 2U);
  // 60 pixels wide each, 100 pixels of way in 4 s: half is covered from 0.8 s to 3.2 s.
  EXPECT_NEAR(static_cast<double>(truth->people[0].intervals[0].end_ms), 800, 40);
  EXPECT_NEAR(static_cast<double>(truth->people[0].intervals[1].start_ms), 3200, 40);
  EXPECT_EQ(truth->people[1].seen_ms, 4000);
}

TEST_F(EpisodeComposerTest, ACrossFadeChangesPeopleInItsMiddle) {
  const auto truth = Compose(R"(
[[shot]]
frames = 50
[[shot.picture]]
image = "red.ppm"
id = "A"
at = [0.5, 0.5]
height = 0.5
opacity = [1, 0]
[[shot.picture]]
image = "blue.ppm"
id = "B"
at = [0.5, 0.5]
height = 0.5
opacity = [0, 1]
may_cover = true
)");
  ASSERT_TRUE(truth.ok()) << truth.error().ToString();
  EXPECT_NEAR(static_cast<double>(truth->people[0].intervals[0].end_ms), 1000, 40);
  EXPECT_NEAR(static_cast<double>(truth->people[1].intervals[0].start_ms), 1000, 40);
  EXPECT_GT(ColourAt(2, 80, 60)[0], 150);
  EXPECT_GT(ColourAt(47, 80, 60)[2], 150);
}

TEST_F(EpisodeComposerTest, FlickersByFrames) {
  ASSERT_TRUE(
      Compose("[[shot]]\nframes = 20\ncolour = [\"#a0a0a0\"]\nflicker = [3, 2, 0.25]\n").ok());
  for (const std::int64_t bright : {0, 2, 5}) EXPECT_NEAR(ColourAt(bright, 80, 60)[1], 160, 8);
  for (const std::int64_t dark : {3, 4, 8}) EXPECT_NEAR(ColourAt(dark, 80, 60)[1], 40, 8);
}

TEST_F(EpisodeComposerTest, LeavesNothingBehindWhenASourceIsMissing) {
  const auto truth =
      Compose(std::string(kTwoShots) +
              "[[shot]]\nframes = 5\n[[shot.picture]]\nimage = \"no.png\"\nheight = 1\n");
  ASSERT_FALSE(truth.ok());
  EXPECT_EQ(truth.error().reason, "ERR_VIDEO_NOT_FOUND");
  EXPECT_NE(truth.error().message.find("x.toml:"), std::string::npos);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_)) left.push_back(entry.path().filename());
  EXPECT_EQ(left.size(), 2U) << fmt::format("{}", fmt::join(left, " "));
}

TEST_F(EpisodeComposerTest, StopsWhenToldTo) {
  const auto spec = ParseSpec(std::string(kVideo) + std::string(kTwoShots),
                              {.name = "x.toml", .folder = folder_, .media_root = {}});
  ASSERT_TRUE(spec.ok());
  const auto truth = ComposeEpisode(*spec, folder_ / "x.mp4", [](std::int64_t) { return false; });
  ASSERT_FALSE(truth.ok());
  EXPECT_EQ(truth.error().reason, "ERR_CANCELLED");
  EXPECT_FALSE(fs::exists(folder_ / "x.mp4"));
}

}  // namespace
}  // namespace rollcall::compose
