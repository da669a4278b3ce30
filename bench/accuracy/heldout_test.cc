// What the held-out episodes promise (README.md), as far as their specs tell it.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compose/spec.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using compose::EpisodeSpec;
using compose::PictureSpec;

const fs::path kSpecs = fs::path(ROLLCALL_SOURCE_DIR) / "bench/accuracy/specs";

std::vector<EpisodeSpec> SpecsIn(const fs::path& folder) {
  std::vector<EpisodeSpec> specs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    auto spec = compose::LoadSpec(entry.path(), "media");
    EXPECT_TRUE(spec.ok()) << spec.error().ToString();
    if (spec.ok()) specs.push_back(std::move(spec).value());
  }
  return specs;
}

std::vector<PictureSpec> PicturesOfPeople(const EpisodeSpec& spec) {
  std::vector<PictureSpec> pictures;
  for (const compose::ShotSpec& shot : spec.shots) {
    for (const PictureSpec& picture : shot.pictures) {
      if (!picture.people.empty()) pictures.push_back(picture);
    }
  }
  return pictures;
}

TEST(HeldOutTest, ShowsEverybodyInTwoSourcesOrMore) {
  for (const EpisodeSpec& spec : SpecsIn(kSpecs / "heldout")) {
    std::map<std::string, std::set<fs::path>> sources;
    for (const PictureSpec& picture : PicturesOfPeople(spec)) {
      for (const auto& person : picture.people) sources[person.id].insert(picture.source);
    }
    EXPECT_GE(sources.size(), 6U) << spec.name;
    for (const auto& [id, from] : sources) EXPECT_GE(from.size(), 2U) << spec.name << ": " << id;
  }
}

TEST(HeldOutTest, TakesMostOfItsPicturesFromElsewhereThanTheScoredEpisodes) {
  std::set<fs::path> scored;
  for (const EpisodeSpec& spec : SpecsIn(kSpecs)) {
    for (const PictureSpec& picture : PicturesOfPeople(spec)) scored.insert(picture.source);
  }
  for (const EpisodeSpec& spec : SpecsIn(kSpecs / "heldout")) {
    std::set<fs::path> sources;
    for (const PictureSpec& picture : PicturesOfPeople(spec)) sources.insert(picture.source);
    std::size_t known = 0;
    for (const fs::path& source : sources) known += scored.count(source);
    EXPECT_LT(known * 2, sources.size()) << spec.name << ": " << known << " are known";
  }
}

TEST(HeldOutTest, HasSixEpisodesOrMoreOfHalfAMinuteToAMinute) {
  const std::vector<EpisodeSpec> specs = SpecsIn(kSpecs / "heldout");
  EXPECT_GE(specs.size(), 6U);
  for (const EpisodeSpec& spec : specs) {
    domain::MediaTime length{0};
    for (const compose::ShotSpec& shot : spec.shots) length += shot.duration;
    EXPECT_GE(length, std::chrono::seconds{30}) << spec.name;
    EXPECT_LE(length, std::chrono::seconds{60}) << spec.name;
  }
}

}  // namespace
}  // namespace rollcall::bench
