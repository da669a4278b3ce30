#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "artifacts/artifact_folder.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "pipeline/analytics_stage.h"
#include "pipeline/detection_table.h"
#include "pipeline/testing/faces.h"
#include "pipeline/testing/fake_context.h"
#include "pipeline/track_stage.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {
namespace {

namespace fs = std::filesystem;
using base::Json;
using testing::FakeContext;
using testing::VectorOf;

constexpr const char* kKey = "long";
constexpr std::int64_t kSamples = 1'500;    // Ten a second.
constexpr std::int64_t kShotSamples = 250;  // The two change sides at each cut.

std::string HarvestName(const std::string& file) {
  return std::string("harvest/") + kKey + "/" + file;
}

// Under a sanitizer, which looks at memory and threads, not each is the one that is cancelled.
#ifdef ROLLCALL_SANITIZED
constexpr int kLooksApart = 5;
#else
constexpr int kLooksApart = 1;
#endif

// What detect leaves of two people, without a video: track and analytics on it.
class LongEpisodeTest : public ::testing::Test {
 protected:
  LongEpisodeTest() {
    EXPECT_TRUE(base::MakeFolders(data_).ok());
    const artifacts::ArtifactFolder folder(data_, 1);
    const auto samples =
        SampleTableWriter::Create(folder.PathFor(HarvestName("samples.parquet")).value()).value();
    const auto faces = DetectionTableWriter::Create(
                           folder.PathFor(HarvestName("embeddings.parquet")).value(), kKey)
                           .value();
    for (std::int64_t i = 0; i < kSamples; ++i) {
      const Sample sample = testing::SampleAt(100 * i, i > 0 && i % kShotSamples == 0);
      EXPECT_TRUE(samples->Add(sample).ok());
      for (int side = 0; side < 2; ++side) {
        const int person = static_cast<int>(i / kShotSamples + side) % 2;
        domain::Detection face = testing::FaceAt(100 * i, 100 + 300 * static_cast<float>(side),
                                                 VectorOf(person, 0.1F, static_cast<int>(i % 7)));
        face.frame_id = sample.frame_id;
        face.index = side;
        EXPECT_TRUE(faces->Add(face, std::nullopt).ok());
      }
    }
    EXPECT_TRUE(samples->Finish().ok());
    EXPECT_TRUE(faces->Finish().ok());
    inputs_.push_back(folder.Seal(HarvestName("samples.parquet"), kSamples).value());
    inputs_.push_back(folder.Seal(HarvestName("embeddings.parquet"), 2 * kSamples).value());
    Write(folder, "probe.json", {{"file", "long.mp4"}, {"sha256", "0"}});
    Write(folder, "extract.json",
          {{"first_picture_us", 0},
           {"end_us", kSamples * 100'000},
           {"frames", 1},
           {"warnings", Json::array()}});
    Write(folder, "det_stats.json", {{"faces_detected", 2 * kSamples}});
  }
  ~LongEpisodeTest() override { fs::remove_all(data_); }

  void Write(const artifacts::ArtifactFolder& folder, const std::string& file, const Json& json) {
    inputs_.push_back(folder.Write(HarvestName(file), json.dump(1), 1).value());
  }

  domain::StageAssignment Assignment(const std::string& stage) {
    return {.subject_kind = "episode",
            .subject_id = kKey,
            .stage = stage,
            .job = stage + "_" + kKey,
            .work_key = "w",
            .token = ++token_,
            .params_json = R"({"video_path": "/long.mp4"})",
            .inputs = inputs_};
  }

  // Runs it to its end; what it left comes before what is there. The last word of its progress.
  domain::Progress Pass(domain::StageHandler& handler, const std::string& stage) {
    FakeContext context(data_, Assignment(stage));
    auto output = handler.Run(context);
    EXPECT_TRUE(output.ok()) << stage << ": " << output.error().ToString();
    inputs_.insert(inputs_.begin(), output->artifacts.begin(), output->artifacts.end());
    looks_ = context.looks;
    return {.done = context.last_progress.done, .total = context.last_progress.total};
  }

  // All odd shots' first tracks and all even shots' second ones are of one person: from 1 on, two
  // tracks a shot.
  void Cluster(std::int64_t tracks) {
    std::map<std::int64_t, std::vector<std::int64_t>> tracks_of;
    for (std::int64_t id = 1; id <= tracks; ++id) {
      const std::int64_t shot = (id - 1) / 2;
      tracks_of[(shot + id) % 2].push_back(id);
    }
    Json clusters = Json::array();
    for (const auto& [person, ids] : tracks_of) {
      clusters.push_back({{"cluster_id", person + 1},
                          {"track_ids", ids},
                          {"quality_score", 0.9},
                          {"is_lowconf", false},
                          {"track_metrics", {{{"track_id", 1}, {"cosine", 0.9}}}}});
    }
    Write(
        artifacts::ArtifactFolder(data_, 1), "clusters.json",
        {{"noise_track_ids", Json::array()}, {"clusters", clusters}, {"warnings", Json::array()}});
  }

  fs::path PathOf(const std::string& name) const {
    const auto found = std::ranges::find(inputs_, name, &domain::Artifact::name);
    return found == inputs_.end() ? fs::path() : data_ / found->path;
  }
  Json JsonOf(const std::string& name) const {
    return Json::parse(base::ReadFile(PathOf(name)).value());
  }

  const fs::path data_ = fs::temp_directory_path() / ("rollcall_long_" + base::RandomId());
  std::vector<domain::Artifact> inputs_;
  std::int64_t token_ = 1;
  int looks_ = 0;  // Of the last pass, whether to go on.
};

TEST_F(LongEpisodeTest, TracksJsonNamesEachDetectionOfEachTrackOnce) {
  TrackStage track;
  Pass(track, "track");
  const Json document = JsonOf(HarvestName("tracks.json"));
  const Json& tracks = document.at("tracks");
  ASSERT_EQ(tracks.size(), 2U * kSamples / kShotSamples);
  EXPECT_EQ(document.at("total_tracks"), tracks.size());
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> track_of;  // Frame, index.
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    EXPECT_EQ(tracks[i].at("track_id"), i + 1);
    EXPECT_EQ(tracks[i].at("count"), tracks[i].at("frame_refs").size());
    EXPECT_EQ(tracks[i].at("start_ms"), tracks[i].at("frame_refs").front().at("ts_ms"));
    EXPECT_EQ(tracks[i].at("end_ms"), tracks[i].at("frame_refs").back().at("ts_ms"));
    for (const Json& ref : tracks[i].at("frame_refs")) {
      const std::pair place(ref.at("frame_id").get<std::int64_t>(),
                            ref.at("det_idx").get<std::int64_t>());
      const bool is_new = track_of.emplace(place, static_cast<std::int64_t>(i) + 1).second;
      EXPECT_TRUE(is_new);
    }
  }
  // The table says the same.
  DetectionReader rows =
      DetectionReader::Open(PathOf(HarvestName("embeddings.parquet")), WithEmbeddings::kNo).value();
  std::size_t with_track = 0;
  while (const auto row = rows.Next().value()) {
    const auto found = track_of.find({row->detection.frame_id, row->detection.index});
    ASSERT_EQ(row->track_id.has_value(), found != track_of.end());
    if (!row->track_id) continue;
    EXPECT_EQ(*row->track_id, found->second);
    ++with_track;
  }
  EXPECT_EQ(with_track, track_of.size());
}

TEST_F(LongEpisodeTest, AtTheEndAllRowsAreDone) {
  TrackStage track;
  const domain::Progress tracked = Pass(track, "track");
  // The samples, the points of tracks.json, the detections: all of them are in a track.
  EXPECT_EQ(tracked.done, kSamples + 2 * 2 * kSamples);
  EXPECT_EQ(tracked.total, tracked.done);
  Cluster(2 * kSamples / kShotSamples);
  AnalyticsStage analytics;
  const domain::Progress analysed = Pass(analytics, "analytics");
  // The samples, the detections twice, and what is written of each interval.
  EXPECT_GT(analysed.done, kSamples + 2 * 2 * kSamples);
  EXPECT_EQ(analysed.total, analysed.done);
  EXPECT_EQ(JsonOf("outputs/long/report.json").at("people").size(), 2U);
}

TEST_F(LongEpisodeTest, ACancelIsObeyedInEveryLoop) {
  const auto stops = [this](domain::StageHandler& handler, const std::string& stage, int looks) {
    // In every pass over rows, and while the results are made durable.
    EXPECT_GT(looks, (kSamples + 2 * 2 * kSamples) / kRowsPerLook + 3);
    for (int at = 1; at <= looks; at += kLooksApart) {
      FakeContext context(data_, Assignment(stage));
      context.cancel_at_look = at;
      const auto output = handler.Run(context);
      ASSERT_FALSE(output.ok()) << stage << " " << at << " of " << looks;
      EXPECT_EQ(output.error().code, base::ErrorCode::kCancelled);
      EXPECT_EQ(context.looks, at) << stage;  // At once.
    }
  };
  TrackStage track;
  Pass(track, "track");
  const int looks_of_track = looks_;
  Cluster(2 * kSamples / kShotSamples);
  AnalyticsStage analytics;
  Pass(analytics, "analytics");
  const int looks_of_analytics = looks_;
  stops(track, "track", looks_of_track);
  stops(analytics, "analytics", looks_of_analytics);
}

}  // namespace
}  // namespace rollcall::pipeline
