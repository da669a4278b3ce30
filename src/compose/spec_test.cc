#include "compose/spec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace rollcall::compose {
namespace {

constexpr std::string_view kSmall = R"(
[video]
size = [640, 360]
fps = 30
frame_ms = [20, 60]
noise_sigma = 4.5

[[portrait]]
name = "smiling"
id = "A"
image = "$ROLLCALL_MEDIA/a.jpg"
crop = [10, 20, 300, 400]
face = [100, 120, 80, 100]

[[shot]]
frames = 50
colour = ["#102030", "#405060"]

[[shot.picture]]
portrait = "smiling"
at = [0.3, 0.5]
height = 0.8
to = [0.7, 0.5]

[[shot.picture]]
clip = "b.mp4"
start_s = 1.5
id = "B"
window = [0.5, 0, 0.5, 1]
)";

base::Result<EpisodeSpec> Parse(std::string_view text) {
  return ParseSpec(text, {.name = "x.toml", .folder = "specs", .media_root = "media"});
}

std::string MistakeIn(std::string_view text) {
  const auto spec = Parse(text);
  return spec.ok() ? "no mistake" : spec.error().reason + " " + spec.error().message;
}

TEST(SpecTest, ReadsVideoShotsAndPictures) {
  const auto spec = Parse(kSmall);
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->video.width, 640);
  EXPECT_EQ(spec->video.frame_ms->at(1), 60);
  ASSERT_EQ(spec->shots.size(), 1U);
  const ShotSpec& shot = spec->shots[0];
  EXPECT_EQ(shot.frames, 50);
  EXPECT_EQ(shot.colours[1][2], 0x60);
  ASSERT_EQ(shot.pictures.size(), 2U);
  EXPECT_EQ(shot.pictures[0].people[0].id, "A");
  EXPECT_DOUBLE_EQ(shot.pictures[0].to.centre_x, 0.7);
  EXPECT_DOUBLE_EQ(shot.pictures[0].to.height, 0.8);
  EXPECT_EQ(shot.pictures[1].clip_start, domain::MediaTime{1'500'000});
}

TEST(SpecTest, ResolvesPathsAgainstTheMediaFolderAndTheSpec) {
  const auto spec = Parse(kSmall);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->shots[0].pictures[0].source, "media/a.jpg");
  EXPECT_EQ(spec->shots[0].pictures[1].source, "specs/b.mp4");
}

TEST(SpecTest, RefusesAMediaPathWithoutAMediaFolder) {
  const auto spec = ParseSpec(kSmall, {.name = "x.toml", .folder = ".", .media_root = {}});
  ASSERT_FALSE(spec.ok());
  EXPECT_NE(spec.error().message.find("ROLLCALL_MEDIA"), std::string::npos);
}

TEST(SpecTest, NamesTheLineOfAnUnknownKey) {
  const std::string mistake = MistakeIn("[[shot]]\nframes = 3\ncolor = \"#000000\"\n");
  EXPECT_EQ(mistake, "ERR_BAD_PARAMS x.toml:3: [[shot]]: `color` is not a key of it");
}

TEST(SpecTest, NamesTheLineOfANumberOutOfRange) {
  const std::string mistake = MistakeIn("[video]\nfps = 0.2\n[[shot]]\nframes = 3\n");
  EXPECT_EQ(mistake, "ERR_BAD_PARAMS x.toml:2: [video]: `fps` must be a number from 1 to 120");
}

TEST(SpecTest, RefusesLightInWhichNobodyIsSeen) {
  const std::string mistake = MistakeIn("[[shot]]\nframes = 9\nlight = 0.1\n");
  EXPECT_NE(mistake.find("light"), std::string::npos) << mistake;
}

TEST(SpecTest, NamesTheLineOfBrokenToml) {
  EXPECT_TRUE(MistakeIn("[video]\nfps = = 3\n").starts_with("ERR_BAD_PARAMS x.toml:2: not TOML"));
}

TEST(SpecTest, RefusesAShotWithTwoLengths) {
  EXPECT_NE(MistakeIn("[[shot]]\nframes = 3\nduration_s = 1\n").find("needs one of"),
            std::string::npos);
}

TEST(SpecTest, RefusesAPictureWithoutAPlace) {
  EXPECT_NE(MistakeIn("[[shot]]\nframes = 3\n[[shot.picture]]\nimage = \"a.jpg\"\n").find("window"),
            std::string::npos);
}

TEST(SpecTest, RefusesAnUnknownPortrait) {
  EXPECT_NE(MistakeIn("[[shot]]\nframes = 3\n[[shot.picture]]\nportrait = \"x\"\nheight = 1\n")
                .find("is not the name of a [[portrait]]"),
            std::string::npos);
}

TEST(SpecTest, TakesPortraitsFromSeveralFiles) {
  std::string name = (std::filesystem::temp_directory_path() / "rollcall-spec-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const std::filesystem::path folder = name;
  for (const char* each : {"a", "b"}) {
    std::ofstream(folder / (std::string(each) + ".toml"))
        << "[[portrait]]\nname = \"" << each << "\"\nid = \"A\"\nimage = \"x.jpg\"\n";
  }
  const auto spec = ParseSpec(
      "portraits = [\"a.toml\", \"b.toml\"]\n[[shot]]\nframes = 9\n"
      "[[shot.picture]]\nportrait = \"a\"\nat = [0.2, 0.5]\n"
      "[[shot.picture]]\nportrait = \"b\"\nat = [0.8, 0.5]\n",
      {.name = "x.toml", .folder = folder, .media_root = {}});
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->portrait_files.size(), 2U);
}

TEST(SpecTest, RefusesSeveralPeopleWithoutFaces) {
  EXPECT_NE(MistakeIn("[[shot]]\nframes = 3\n[[shot.picture]]\nimage = \"a.jpg\"\nheight = 1\n"
                      "people = [{ id = \"A\" }]\n")
                .find("needs a `face`"),
            std::string::npos);
}

TEST(SpecTest, RefusesAnEpisodeWithoutShots) {
  EXPECT_NE(MistakeIn("[video]\nfps = 25\n").find("no [[shot]]"), std::string::npos);
}

}  // namespace
}  // namespace rollcall::compose
