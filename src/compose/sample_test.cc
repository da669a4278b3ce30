#include "compose/sample.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "compose/spec.h"

namespace rollcall::compose {
namespace {

namespace fs = std::filesystem;

TEST(SampleTest, ShotListIsValid) {
  const auto spec =
      ParseSpec(SampleSpecText(), {.name = "sample.toml", .folder = ".", .media_root = "photos"});
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
}

TEST(SampleTest, ShowsSevenPeopleTwoOrThreeAtOnceWithGaps) {
  const fs::path photos = fs::path(ROLLCALL_DEPS_DIR) / "photos";
  ASSERT_TRUE(fs::exists(photos)) << "tools/fetch-packages.sh unpacks the photographs";
  std::string folder = (fs::temp_directory_path() / "rollcall-sample-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto sample = MakeSample(photos, folder);
  ASSERT_TRUE(sample.ok()) << sample.error().ToString();
  const auto truth = ReadTruth(sample->truth);
  ASSERT_TRUE(truth.ok()) << truth.error().ToString();
  EXPECT_EQ(truth->people.size(), 7U);
  EXPECT_GE(truth->duration_ms, 20'000);
  EXPECT_LE(truth->duration_ms, 40'000);
  for (const TruthPerson& person : truth->people) {
    EXPECT_GE(person.places.size(), 2U) << person.id;
    EXPECT_LT(person.seen_ms, truth->duration_ms / 2) << person.id;
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace rollcall::compose
