#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "pipeline/analytics_stage.h"
#include "pipeline/peoples_times.h"
#include "pipeline/presence_pack.h"
#include "pipeline/testing/fake_context.h"
#include "pipeline/track_stage.h"

namespace rollcall::pipeline {
namespace {

namespace fs = std::filesystem;
using base::Json;
using testing::FakeContext;

// An episode of the data directory in tests/fixtures/whole-v2: the token that each stage wrote
// under.
struct FixtureRun {
  std::string name;
  std::string key;
  int probe = 0;
  int extract = 0;
  int detect = 0;
  int track = 0;
  int stills = 0;
  int cluster = 0;
  int analytics = 0;
};

// Results of a release before, made again from what its own stages before had left.
class SameBytesTest : public ::testing::TestWithParam<FixtureRun> {
 protected:
  SameBytesTest() {
    EXPECT_TRUE(base::MakeFolders(folder_).ok());
    const std::string unpack = "tar -xzf '" ROLLCALL_SOURCE_DIR
                               "/tests/fixtures/whole-v2/data.tar.gz' --no-same-owner -C '" +
                               folder_.string() + "'";
    EXPECT_EQ(std::system(unpack.c_str()), 0);
  }
  ~SameBytesTest() override { fs::remove_all(folder_); }

  domain::Artifact Input(const std::string& file, int token) const {
    const std::string name = "harvest/" + GetParam().key + "/" + file;
    return {.name = name, .path = name + ".g" + std::to_string(token)};
  }

  // Runs the stage as it ran then and compares all that it writes, byte for byte.
  void ExpectSame(domain::StageHandler& handler, const std::string& stage, int token,
                  std::vector<domain::Artifact> inputs, std::size_t files) {
    const Json report =
        Json::parse(base::ReadFile(data_ / "outputs" / GetParam().key /
                                   ("report.json.g" + std::to_string(GetParam().analytics)))
                        .value());
    const Json params{{"video_path", "/tmp/" + GetParam().key + ".mp4"},
                      {"effort", report.at("effort")},
                      {"models", report.at("models")}};
    const fs::path again = folder_ / stage;
    ASSERT_TRUE(base::MakeFolders(again).ok());
    // The fake writes where it reads: it reads the inputs by links.
    fs::create_directory_symlink(data_, again / "before");
    for (domain::Artifact& input : inputs) input.path = "before/" + input.path;
    FakeContext context(again, {.subject_kind = "episode",
                                .subject_id = GetParam().key,
                                .stage = stage,
                                .job = stage + "_" + GetParam().key,
                                .work_key = report.at("work_key"),
                                .token = token,
                                .params_json = params.dump(),
                                .inputs = std::move(inputs)});
    const auto output = handler.Run(context);
    ASSERT_TRUE(output.ok()) << output.error().ToString();
    EXPECT_EQ(output->artifacts.size(), files);
    for (const domain::Artifact& artifact : output->artifacts) {
      if (artifact.name.ends_with("/presence.pack")) continue;  // That release made none.
      const auto before = base::DigestFile(data_ / artifact.path);
      ASSERT_TRUE(before.ok()) << artifact.path;
      if (artifact.name.ends_with("/report.json")) {
        EXPECT_EQ(ReportAt(again / artifact.path), ReportAt(data_ / artifact.path));
      } else {
        EXPECT_EQ(artifact.sha256, before->sha256) << artifact.path;
      }
    }
  }

  void MakeOutputs() {
    AnalyticsStage analytics;
    ExpectSame(
        analytics, "analytics", GetParam().analytics,
        {Input("probe.json", GetParam().probe), Input("extract.json", GetParam().extract),
         Input("det_stats.json", GetParam().detect),
         Input("diagnostics/track_stats.json", GetParam().track),
         Input("samples.parquet", GetParam().detect), Input("embeddings.parquet", GetParam().track),
         Input("tracks.parquet", GetParam().track), Input("stills", GetParam().stills),
         Input("clusters.json", GetParam().cluster)},
        7);
  }

  // Without what is new since then: edits, ignored tracks, and that a person's number is its label.
  static Json ReportAt(const fs::path& path) {
    Json report = Json::parse(base::ReadFile(path).value());
    report.erase("edits");
    report["coverage"].erase("tracks_ignored");
    for (Json& person : report["people"]) {
      person.erase("id");
      person.erase("group");
    }
    return report;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall_bytes_" + base::RandomId());
  const fs::path data_ = folder_ / "rollcall-whole-v2/data";
};

TEST_P(SameBytesTest, TracksAreThoseOfTheReleaseBefore) {
  TrackStage track;
  ExpectSame(
      track, "track", GetParam().track,
      {Input("embeddings.parquet", GetParam().detect), Input("samples.parquet", GetParam().detect)},
      4);
}

TEST_P(SameBytesTest, OutputsAreThoseOfTheReleaseBefore) { MakeOutputs(); }

// What the engine says at once is what stands in the files, to the millisecond.
TEST_P(SameBytesTest, PeopleFromThePackAreThoseOfTheFiles) {
  ASSERT_NO_FATAL_FAILURE(MakeOutputs());
  const std::string token = ".g" + std::to_string(GetParam().analytics);
  const fs::path made = folder_ / "analytics";
  const auto pack = ReadPresencePack(made / "harvest" / GetParam().key / ("presence.pack" + token));
  ASSERT_TRUE(pack.ok()) << pack.error().ToString();
  const auto people = MeasurePeople(*pack, {}, 0, {});
  ASSERT_TRUE(people.ok()) << people.error().ToString();
  const Json report = Json::parse(
      base::ReadFile(made / "outputs" / GetParam().key / ("report.json" + token)).value());
  ASSERT_EQ(people->times.size(), report.at("people").size());
  ASSERT_FALSE(people->times.empty());
  for (std::size_t i = 0; i < people->times.size(); ++i) {
    const PersonTime& live = people->times[i];
    const Json& filed = report.at("people")[i];
    EXPECT_EQ(live.label, filed.at("id"));
    EXPECT_EQ(live.name, filed.at("name"));
    EXPECT_EQ(domain::ToMillis(live.seen_length()), filed.at("seen_ms"));
    EXPECT_EQ(domain::ToMillis(live.total_length()), filed.at("total_ms"));
    EXPECT_EQ(domain::ToMillis(live.error()), filed.at("error_ms"));
    EXPECT_EQ(live.intervals.size(), filed.at("intervals").size());
    EXPECT_NEAR(live.mean_confidence, filed.at("mean_confidence"), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixture, SameBytesTest,
    ::testing::Values(FixtureRun{"Normal", "show_s01_e01", 1, 2, 3, 4, 5, 6, 7},
                      FixtureRun{"Draft", "show_s01_e04", 10, 11, 12, 13, 14, 15, 16},
                      FixtureRun{"NormalAfterDraft", "show_s01_e04", 10, 17, 18, 19, 20, 21, 22}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace rollcall::pipeline
