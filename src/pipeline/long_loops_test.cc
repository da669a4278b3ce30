#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "artifacts/artifact_folder.h"
#include "artifacts/faces_pack.h"
#include "artifacts/parquet.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/testing/sanitizers.h"
#include "pipeline/cluster_stage.h"
#include "pipeline/detection_table.h"
#include "pipeline/stills_stage.h"
#include "pipeline/testing/faces.h"
#include "pipeline/testing/short_episode.h"
#include "pipeline/track_stage.h"

namespace rollcall::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FakeContext;
using ::testing::MatchesRegex;

// The loops of stages that a long video, a slow disk or many faces make long.
class LongLoopsTest : public testing::ShortEpisode {
 protected:
  using Handler = std::unique_ptr<domain::StageHandler>;

  // Cancels the stage at many of the places where it looks whether to go on: it must look up no
  // more than once afterwards, whichever thread does, and say that it was stopped.
  void CancelEverywhere(const std::string& stage, const std::function<Handler()>& make) {
    FakeContext undisturbed(folder_.path(), Assignment(stage));
    const auto whole = make()->Run(undisturbed);
    ASSERT_TRUE(whole.ok()) << stage << ": " << whole.error().ToString();
    const int looks = undisturbed.looks;
    ASSERT_GE(looks, 3) << stage;
    for (int i = 0; i < kCancels; i += base::testing::EveryOneOrNth(4)) {
      const int at = 1 + i * (looks - 1) / kCancels;
      SCOPED_TRACE(stage + " cancelled at look " + std::to_string(at) + " of " +
                   std::to_string(looks));
      FakeContext context(folder_.path(), Assignment(stage));
      context.cancel_at_look = at;
      const auto stopped = make()->Run(context);
      if (!context.is_cancelled) continue;  // Threads looked less often this time.
      ASSERT_FALSE(stopped.ok());
      EXPECT_EQ(stopped.error().reason, "ERR_CANCELLED") << stopped.error().ToString();
      EXPECT_LE(context.looks, at + kThreadsThatLook);
    }
  }

  static constexpr int kCancels = 12;
  static constexpr int kThreadsThatLook = 3;
};

TEST_F(LongLoopsTest, EveryStageStopsWhereItLooksUpAfterACancel) {
  CancelEverywhere("validate", [] { return std::make_unique<ValidateStage>(); });
  CancelEverywhere("extract", [] { return std::make_unique<ExtractStage>(); });
  ExtractStage extract;
  Pass(extract, "extract");
  CancelEverywhere("detect", [] { return std::make_unique<DetectStage>(MakeDetect()); });
  DetectStage detect = MakeDetect();
  Pass(detect, "detect");
  CancelEverywhere("track", [] { return std::make_unique<TrackStage>(); });
}

// Of tracks and crops that no video needs to be decoded for.
TEST_F(LongLoopsTest, StagesOfManyTracksStopWhereTheyLookUpAfterACancel) {
  constexpr int kTracks = 100;
  const artifacts::ArtifactFolder folder(folder_.path(), 1);
  const auto pack =
      artifacts::FacesPackWriter::Create(folder.PathFor("harvest/x/faces.pack").value()).value();
  const auto table =
      artifacts::ParquetWriter::Create(folder.PathFor("harvest/x/tracks.parquet").value(),
                                       {{"track_id", artifacts::ColumnType::kInt64},
                                        {"shot_id", artifacts::ColumnType::kInt64},
                                        {"start_us", artifacts::ColumnType::kInt64},
                                        {"end_us", artifacts::ColumnType::kInt64},
                                        {"until_us", artifacts::ColumnType::kInt64},
                                        {"count", artifacts::ColumnType::kInt64},
                                        {"mean_confidence", artifacts::ColumnType::kFloat},
                                        {"quality", artifacts::ColumnType::kFloat},
                                        {"best_frame_id", artifacts::ColumnType::kInt64},
                                        {"best_det_idx", artifacts::ColumnType::kInt32},
                                        {"embedding_count", artifacts::ColumnType::kInt64},
                                        {"needs_tiles", artifacts::ColumnType::kBool},
                                        {"embedding", artifacts::ColumnType::kFloatList}})
          .value();
  const auto detections =
      DetectionTableWriter::Create(folder.PathFor("harvest/x/embeddings.parquet").value(), "x")
          .value();
  for (int i = 0; i < kTracks; ++i) {
    domain::Detection face = testing::FaceAt(i * 1000, 100);
    face.frame_id = i;
    ASSERT_TRUE(detections->Add(face, i).ok());
    table->Int64(i);
    table->Int64(0);
    table->Int64(i * 1'000'000);
    table->Int64(i * 1'000'000 + 900'000);
    table->Int64(i * 1'000'000 + 940'000);
    table->Int64(9);
    table->Float(0.9F);
    table->Float(0.5F);
    table->Int64(i);
    table->Int32(0);
    table->Int64(4);
    table->Bool(false);
    table->FloatList(testing::VectorOf(i % 8, 0.3F, i));
    ASSERT_TRUE(table->EndRow().ok());
    ASSERT_TRUE(pack->Add({.frame_id = i, .jpeg = std::string(1000, 'x')}).ok());
  }
  ASSERT_TRUE(pack->Finish().ok());
  ASSERT_TRUE(table->Finish().ok());
  ASSERT_TRUE(detections->Finish().ok());
  inputs_ = {folder.Seal("harvest/x/embeddings.parquet", kTracks).value(),
             folder.Seal("harvest/x/tracks.parquet", kTracks).value(),
             folder.Seal("harvest/x/faces.pack", kTracks).value()};
  CancelEverywhere("stills", [] { return std::make_unique<StillsStage>(); });
  CancelEverywhere("cluster", [] { return std::make_unique<ClusterStage>(); });
}

TEST_F(LongLoopsTest, TheModelThatHangsIsTheOneThatTheLogNamesLast) {
  ExtractStage extract;
  Pass(extract, "extract");
  FakeContext context(folder_.path(), Assignment("detect"));
  DetectStage detect = MakeDetect();
  ASSERT_TRUE(detect.Run(context).ok());
  const auto loaded = [](const std::string& model) {
    return MatchesRegex("model=default/" + model + ".onnx loaded in [0-9]+.[0-9]s provider=cpu");
  };
  EXPECT_THAT(context.log,
              ElementsAre("model=default/detector.onnx loading...", loaded("detector"),
                          "model=default/embedder.onnx loading...", loaded("embedder"),
                          "model=default/landmarks.onnx loading...", loaded("landmarks")));

  // One that cannot be loaded stands for one that never is.
  const fs::path pack = folder_ / "pack";
  fs::copy(PackFolder(), pack, fs::copy_options::recursive);
  std::string bytes = base::ReadFile(pack / "embedder.onnx").value();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  ASSERT_TRUE(base::WriteFileAtomic(pack / "embedder.onnx", bytes).ok());
  FakeContext hanging(folder_.path(), Assignment("detect"));
  EXPECT_EQ(MakeDetect(pack).Run(hanging).error().reason, "ERR_MODEL_ALTERED");
  ASSERT_EQ(hanging.log.size(), 3U);
  EXPECT_EQ(hanging.log.back(), "model=default/embedder.onnx loading...");
}

#if defined(ROLLCALL_FAILPOINTS)

// Every piece that is read takes 50 ms: a disk of 1.3 MB a second.
class SlowDisk {
 public:
  explicit SlowDisk(fs::path count_file) : count_file_(std::move(count_file)) {
    ::setenv("ROLLCALL_FAIL", "file.read:0:delay", 1);
    ::setenv("ROLLCALL_FAIL_COUNT", count_file_.c_str(), 1);
    base::ReadFailpointAgain();
  }
  ~SlowDisk() {
    ::unsetenv("ROLLCALL_FAIL");
    ::unsetenv("ROLLCALL_FAIL_COUNT");
    base::ReadFailpointAgain();
  }
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;

  std::int64_t reads() const {
    std::error_code none_yet;
    const auto size = fs::file_size(count_file_, none_yet);
    return none_yet ? 0 : static_cast<std::int64_t>(size);
  }

 private:
  const fs::path count_file_;
};

// A box that no player looks at, behind the video. Sparse: it takes no room.
void AppendFreeBox(const fs::path& video, std::uint32_t bytes) {
  const auto size = fs::file_size(video);
  std::ofstream file(video, std::ios::binary | std::ios::app);
  for (int shift = 24; shift >= 0; shift -= 8) file.put(static_cast<char>((bytes >> shift) & 0xff));
  file << "free";
  file.close();
  fs::resize_file(video, size + bytes);
}

// Reads between two words of the stage: 200 ms to the end of a stretch and 200 ms of the next.
constexpr std::int64_t kReadsUnsaidMax = 10;

TEST_F(LongLoopsTest, HashingALongFileOnASlowDiskSaysHowFarItIs) {
  AppendFreeBox(video_, 3 << 20);
  FakeContext context(folder_.path(), Assignment("validate"));
  SlowDisk disk(folder_ / "reads");
  std::int64_t done = 0;
  std::int64_t said_at = 0;
  std::int64_t unsaid_max = 0;
  context.on_progress = [&](const domain::Progress& progress) {
    EXPECT_EQ(progress.unit, "bytes");
    EXPECT_GE(progress.done, done);
    EXPECT_LE(progress.done, progress.total);
    done = progress.done;
    unsaid_max = std::max(unsaid_max, disk.reads() - said_at);
    said_at = disk.reads();
  };
  ValidateStage validate;
  const auto output = validate.Run(context);
  ASSERT_TRUE(output.ok()) << output.error().ToString();
  EXPECT_GE(done, output->result.at("size_bytes").get<std::int64_t>());
  EXPECT_GE(disk.reads(), 48);
  EXPECT_LE(unsaid_max, kReadsUnsaidMax);
}

TEST_F(LongLoopsTest, ACancelIsHeardWithin200MsWhileALongFileIsHashed) {
  AppendFreeBox(video_, 16 << 20);
  FakeContext context(folder_.path(), Assignment("validate"));
  SlowDisk disk(folder_ / "reads");
  std::int64_t reads_at_cancel = 0;
  context.on_progress = [&](const domain::Progress& progress) {
    if (progress.done < (6 << 20) || reads_at_cancel > 0) return;  // 4 MB are the fingerprint.
    context.is_cancelled = true;
    reads_at_cancel = disk.reads();
  };
  ValidateStage validate;
  const auto output = validate.Run(context);
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().reason, "ERR_CANCELLED");
  ASSERT_GT(reads_at_cancel, 0);
  // Counted, not timed: 50 ms each.
  EXPECT_LT(disk.reads() - reads_at_cancel, 4);
}

#endif

}  // namespace
}  // namespace rollcall::pipeline
