#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "media/testing/test_video.h"
#include "pipeline/detect_stage.h"
#include "pipeline/prepare_stages.h"
#include "pipeline/testing/fake_context.h"

namespace rollcall::pipeline::testing {

// Stages on a small made video of four seconds with a keyframe in each, without a runtime. Detect
// cuts it into segments of a second, so that it has borders enough.
class ShortEpisode : public ::testing::Test {
 protected:
  static constexpr int kSegments = 4;
  static constexpr domain::MediaTime kSegment{1'000'000};

  ShortEpisode() {
    media::testing::WriteNumberedVideo(video_, 25 * kSegments,
                                       {.width = 192, .height = 128, .keyframe_interval = 25});
  }

  domain::StageAssignment Assignment(const std::string& stage) {
    return {.subject_kind = "episode",
            .subject_id = "x",
            .stage = stage,
            .job = stage + "_x",
            .work_key = "w",
            .token = ++token_,
            .params_json = base::Json{{"video_path", video_.string()},
                                      {"effort", "normal"},
                                      {"models", base::Json::array()}}
                               .dump(),
            .inputs = inputs_,
            .segments = {},
            .skips = {},
            .crashes = 0};
  }

  // The stage's results are there for the next.
  void Pass(domain::StageHandler& handler, const std::string& stage) {
    FakeContext context(folder_.path(), Assignment(stage));
    const auto output = handler.Run(context);
    ASSERT_TRUE(output.ok()) << stage << ": " << output.error().ToString();
    inputs_.insert(inputs_.begin(), output->artifacts.begin(), output->artifacts.end());
  }

  static std::filesystem::path PackFolder() {
    return std::filesystem::path(ROLLCALL_SOURCE_DIR) / ".deps/models/default";
  }
  static DetectStage MakeDetect(std::filesystem::path pack = PackFolder(), int threads = 2,
                                domain::MediaTime segment = kSegment) {
    return DetectStage({.model_pack = std::move(pack), .threads = threads, .segment = segment});
  }

  media::testing::TestFolder folder_;
  const std::filesystem::path video_ = folder_ / "video.mp4";
  std::vector<domain::Artifact> inputs_;
  std::int64_t token_ = 0;
};

}  // namespace rollcall::pipeline::testing
