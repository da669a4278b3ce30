#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "artifacts/artifact_folder.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "media/testing/test_video.h"
#include "pipeline/analytics_stage.h"
#include "pipeline/cluster_stage.h"
#include "pipeline/detect_stage.h"
#include "pipeline/detection_table.h"
#include "pipeline/prepare_stages.h"
#include "pipeline/stills_stage.h"
#include "pipeline/testing/fake_context.h"
#include "pipeline/track_stage.h"

namespace rollcall::pipeline {
namespace {

namespace fs = std::filesystem;
using testing::FakeContext;

fs::path MediaFolder() {
  const char* named = std::getenv("ROLLCALL_MEDIA");
  return named != nullptr ? fs::path(named) : fs::path(ROLLCALL_SOURCE_DIR) / ".." / "shared/media";
}

fs::path PackFolder() { return fs::path(ROLLCALL_SOURCE_DIR) / ".deps/models/default"; }

// Under a sanitizer `draft`: how detect works at `normal` it sees in damage_resume_test.
#ifdef ROLLCALL_SANITIZED
constexpr const char* kEffort = "draft";
#else
constexpr const char* kEffort = "normal";
#endif

// Runs stages one after the other on a real video, without a runtime.
class StagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    video_ = MediaFolder() / "episodes" / "open_ep4_ccby.mp4";
    if (!fs::exists(video_)) GTEST_SKIP() << "no shared media: all stages on " << video_;
    ASSERT_TRUE(base::MakeFolders(data_).ok());
  }
  ~StagesTest() override { fs::remove_all(data_); }

  // Six of them a second: where who is seen is not what is looked at.
  void UseFewPictures() {
    const fs::path few = data_ / "open_ep4_few.mp4";
    ASSERT_TRUE(media::testing::RunFfmpeg(
        "-i " + video_.string() + " -an -r 6 -g 12 -c:v libx264 -preset veryfast " + few.string()));
    video_ = few;
  }

  FakeContext ContextFor(const std::string& stage, std::vector<domain::Segment> segments = {}) {
    const base::Json params{{"video_path", fs::weakly_canonical(video_).string()},
                            {"effort", effort_},
                            {"models", base::Json::array()}};
    return FakeContext(data_, {.subject_kind = "episode",
                               .subject_id = "open_ep4",
                               .stage = stage,
                               .job = stage + "_open_ep4",
                               .work_key = "w",
                               .token = ++token_,
                               .params_json = params.dump(),
                               .inputs = inputs_,
                               .segments = std::move(segments),
                               .skips = skips_,
                               .crashes = crashes_});
  }

  void Pass(domain::StageHandler& handler, const std::string& stage) {
    FakeContext context = ContextFor(stage);
    auto output = handler.Run(context);
    ASSERT_TRUE(output.ok()) << stage << ": " << output.error().ToString();
    Keep(*output);
  }

  void Keep(const domain::StageOutput& output) {
    for (const domain::Artifact& artifact : output.artifacts) {
      const auto digest = base::DigestFile(data_ / artifact.path);
      ASSERT_TRUE(digest.ok() && digest->sha256 == artifact.sha256 &&
                  digest->size_bytes == artifact.size_bytes)
          << artifact.name;
    }
    // The nearest stage's come first, as the runtime has it.
    inputs_.insert(inputs_.begin(), output.artifacts.begin(), output.artifacts.end());
  }

  void Prepare() {
    ValidateStage validate;
    Pass(validate, "validate");
    ExtractStage extract;
    Pass(extract, "extract");
  }

  DetectStage MakeDetect() { return DetectStage({.model_pack = PackFolder(), .threads = 2}); }

  std::string HashOf(const std::string& name) const {
    for (const domain::Artifact& input : inputs_) {
      if (input.name == "harvest/open_ep4/" + name) return input.sha256;
    }
    return {};
  }

  fs::path PathOf(const std::string& name) const {
    for (const domain::Artifact& input : inputs_) {
      if (input.name == "harvest/open_ep4/" + name) return input.path;
    }
    return {};
  }

  fs::path video_;
  std::string effort_ = kEffort;
  const fs::path data_ = fs::temp_directory_path() / ("rollcall_stages_" + base::RandomId());
  std::vector<domain::Artifact> inputs_;
  std::vector<domain::SegmentSpan> skips_;
  int crashes_ = 0;
  std::int64_t token_ = 0;
};

TEST_F(StagesTest, FindElevenPeopleInARealEpisode) {
  Prepare();
  DetectStage detect = MakeDetect();
  Pass(detect, "detect");
  TrackStage track;
  Pass(track, "track");
  StillsStage stills;
  Pass(stills, "stills");
  ClusterStage cluster;
  Pass(cluster, "cluster");
  AnalyticsStage analytics;
  Pass(analytics, "analytics");
  const domain::Artifact& report_file = inputs_.front();
  ASSERT_EQ(report_file.name, "outputs/open_ep4/report.json");
  const base::Json report =
      base::ParseJson(base::ReadFile(data_ / report_file.path).value(), "report").value();
  if (effort_ == "normal") {
    EXPECT_EQ(report.at("people").size(), 11U);
  }
  EXPECT_NEAR(report.at("video").at("duration_ms").get<double>(), 39'200, 50);
  EXPECT_TRUE(fs::exists(
      data_ /
      fs::path(report.at("people")[0].at("still").get<std::string>()).parent_path().concat(".g5")))
      << report.at("people")[0].at("still");
}

TEST_F(StagesTest, DetectGoesOnFromItsSegmentsWithTheSameBytes) {
  UseFewPictures();
  Prepare();
  const std::vector<domain::Artifact> prepared = inputs_;
  DetectStage detect = MakeDetect();
  Pass(detect, "detect");
  std::map<std::string, std::string> whole;
  for (const char* name :
       {"embeddings.parquet", "samples.parquet", "faces.pack", "det_stats.json"}) {
    whole[name] = HashOf(name);
  }
  // Stopped behind each segment.
  inputs_ = prepared;
  std::vector<domain::Segment> done;
  for (int stop = 1; stop <= 3; ++stop) {
    FakeContext next = ContextFor("detect", done);
    next.StopAfterSegments(1);
    ASSERT_FALSE(detect.Run(next).ok());
    ASSERT_EQ(next.committed.size(), 1U);
    EXPECT_EQ(next.committed.front().number, stop - 1);  // Nothing was done twice.
    done.push_back(next.committed.front());
  }
  FakeContext last = ContextFor("detect", done);
  auto output = detect.Run(last);
  ASSERT_TRUE(output.ok()) << output.error().ToString();
  Keep(*output);
  EXPECT_EQ(last.committed.front().number, 3);
  for (const auto& [name, hash] : whole) EXPECT_EQ(HashOf(name), hash) << name;
}

TEST_F(StagesTest, DetectLeavesASkippedSegmentOutAndTheOthersAsTheyAre) {
  UseFewPictures();
  Prepare();
  const std::vector<domain::Artifact> prepared = inputs_;
  DetectStage detect = MakeDetect();
  FakeContext undisturbed = ContextFor("detect");
  ASSERT_TRUE(detect.Run(undisturbed).ok());
  ASSERT_EQ(undisturbed.committed.size(), 4U);

  skips_ = {
      {.number = 2, .pts_from = std::chrono::seconds{20}, .pts_to = std::chrono::seconds{30}}};
  FakeContext with_gap = ContextFor("detect");
  auto output = detect.Run(with_gap);
  ASSERT_TRUE(output.ok()) << output.error().ToString();
  ASSERT_EQ(with_gap.committed.size(), 4U);
  EXPECT_EQ(with_gap.committed[0].sha256, undisturbed.committed[0].sha256);
  EXPECT_EQ(with_gap.committed[1].sha256, undisturbed.committed[1].sha256);
  EXPECT_LT(with_gap.committed[2].size_bytes, 100);
  for (const domain::SegmentSpan& begun : with_gap.begun) EXPECT_NE(begun.number, 2);
  ASSERT_EQ(with_gap.begun.back().number, 3);
  EXPECT_EQ(with_gap.last_progress.done, with_gap.last_progress.total);
  const base::Json gaps = output->result.at("gaps");
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].at("start_ms"), 20'000);
  Keep(*output);
  const std::string whole_gap = HashOf("embeddings.parquet");
  // What comes behind begins a shot, so that nothing is taken to go on.
  SampleReader samples = SampleReader::Open(data_ / PathOf("samples.parquet")).value();
  std::optional<Sample> behind = samples.Next().value();
  while (behind && behind->pts < std::chrono::seconds{20}) behind = samples.Next().value();
  ASSERT_TRUE(behind);
  EXPECT_GE(domain::ToMillis(behind->pts), gaps[0].at("end_ms").get<std::int64_t>());
  EXPECT_TRUE(behind->is_cut);

  // Interrupted behind each segment, the same bytes.
  inputs_ = prepared;
  std::vector<domain::Segment> done;
  for (int stop = 1; stop <= 3; ++stop) {
    FakeContext next = ContextFor("detect", done);
    next.StopAfterSegments(1);
    ASSERT_FALSE(detect.Run(next).ok());
    ASSERT_EQ(next.committed.size(), 1U);
    done.push_back(next.committed.front());
  }
  FakeContext last = ContextFor("detect", done);
  auto resumed = detect.Run(last);
  ASSERT_TRUE(resumed.ok()) << resumed.error().ToString();
  EXPECT_EQ(resumed->result.at("gaps"), gaps);
  Keep(*resumed);
  EXPECT_EQ(HashOf("embeddings.parquet"), whole_gap);
}

TEST_F(StagesTest, NobodyIsFollowedOverAGap) {
  Prepare();
  skips_ = {
      {.number = 1, .pts_from = std::chrono::seconds{10}, .pts_to = std::chrono::seconds{20}}};
  DetectStage detect = MakeDetect();
  Pass(detect, "detect");
  skips_.clear();
  TrackStage track;
  Pass(track, "track");
  StillsStage stills;
  Pass(stills, "stills");
  ClusterStage cluster;
  Pass(cluster, "cluster");
  AnalyticsStage analytics;
  Pass(analytics, "analytics");
  const base::Json report =
      base::ParseJson(base::ReadFile(data_ / inputs_.front().path).value(), "report").value();
  const base::Json gap = report.at("coverage").at("gaps").at(0);
  EXPECT_EQ(gap.at("start_ms"), 10'000);
  EXPECT_GE(gap.at("end_ms"), 20'000);
  EXPECT_GE(report.at("people").size(), effort_ == "normal" ? 8U : 1U);
  for (const base::Json& person : report.at("people")) {
    for (const base::Json& each : person.at("intervals")) {
      EXPECT_TRUE(each.at("end_ms") <= gap.at("start_ms") ||
                  each.at("start_ms") >= gap.at("end_ms"))
          << person.at("name") << " " << each;
    }
  }
}

TEST_F(StagesTest, AfterACrashTheNextSegmentIsWorkedOnAloneWithTheSameBytes) {
  UseFewPictures();
  Prepare();
  DetectStage detect = MakeDetect();
  FakeContext undisturbed = ContextFor("detect");
  ASSERT_TRUE(detect.Run(undisturbed).ok());
  crashes_ = 1;
  FakeContext careful = ContextFor("detect");
  ASSERT_TRUE(detect.Run(careful).ok());
  ASSERT_EQ(careful.committed.size(), undisturbed.committed.size());
  for (std::size_t i = 0; i < careful.committed.size(); ++i) {
    EXPECT_EQ(careful.committed[i].sha256, undisturbed.committed[i].sha256) << i;
  }
  // A new reader begins in its seek phase: one for the first segment, one for the rest.
  EXPECT_EQ(std::count(careful.phases.begin(), careful.phases.end(), domain::Phase::kSeek), 2);
}

TEST_F(StagesTest, DraftLooksAtKeyframesOnly) {
  effort_ = "draft";
  Prepare();
  DetectStage detect = MakeDetect();
  FakeContext context = ContextFor("detect");
  auto output = detect.Run(context);
  ASSERT_TRUE(output.ok()) << output.error().ToString();
  EXPECT_LT(output->result.at("frames_processed").get<int>(), 100);
  EXPECT_GT(output->result.at("faces_detected").get<int>(), 0);
}

TEST_F(StagesTest, AMissingModelPackIsATypedError) {
  Prepare();
  DetectStage detect({.model_pack = data_ / "no-such-pack", .threads = 1});
  FakeContext context = ContextFor("detect");
  const auto output = detect.Run(context);
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().reason, "ERR_MODEL_MISSING");
}

TEST_F(StagesTest, AStageWithoutItsInputsSaysWhichOne) {
  TrackStage track;
  FakeContext context = ContextFor("track");
  const auto output = track.Run(context);
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().reason, "ERR_PREREQ_FAILED");
  EXPECT_NE(output.error().message.find("embeddings.parquet"), std::string::npos);
}

TEST_F(StagesTest, AVideoThatChangedIsRefused) {
  FakeContext context(
      data_, domain::StageAssignment{
                 .subject_kind = "episode",
                 .subject_id = "open_ep4",
                 .stage = "validate",
                 .job = "validate_open_ep4",
                 .work_key = "w",
                 .token = 1,
                 .params_json = base::Json{{"video_path", fs::weakly_canonical(video_).string()},
                                           {"fingerprint", "of another file"}}
                                    .dump(),
                 .inputs = {},
                 .segments = {}});
  ValidateStage validate;
  EXPECT_EQ(validate.Run(context).error().reason, "ERR_VIDEO_CHANGED");
}

}  // namespace
}  // namespace rollcall::pipeline
