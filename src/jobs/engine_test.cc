#include "jobs/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "jobs/testing/engine_fixture.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr std::string_view kBytes = "segment 0\nsegment 1\nsegment 2\n";

TEST_F(EngineTest, RunsAJobToItsEndAndShowsTheResult) {
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Run("detect").run.result_json, R"({"faces_detected":600,"embeddings_computed":300})");
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
  const Json meta = ReadJson("jobs/detect_x/meta.json");
  EXPECT_EQ(meta["stages"]["detect"]["status"], "ok");
  EXPECT_EQ(meta["stages"]["detect"]["result"],
            Json::parse(R"({"faces_detected":600,"embeddings_computed":300})"));
  EXPECT_EQ(ReadJson("episodes/x/state.json")["states"]["detected"], true);
  EXPECT_EQ(ReadJson("episodes/x/runtime.json")["active_jobs"], Json::object());
  EXPECT_FALSE(Exists("jobs/detect_x/.lock"));
}

TEST_F(EngineTest, WritesTheLogLinesInOrder) {
  StartEngine();
  WaitForEnd(SubmitOk(FakeRequest("x", {"detect"}, Json::object())).id);
  engine_.reset();
  EXPECT_THAT(
      LogLines("detect_x"),
      ElementsAre("[DETECT] x stage=start job_id=detect_x",
                  "[DETECT] x Registered as active job: detect_x",
                  "[DETECT] x Created lock file", "[DETECT] x envelope stage=running",
                  "[DETECT] x registry detected=false", "[DETECT] x model=fake loading...",
                  "[DETECT] x model=fake loaded in 0.0s provider=none",
                  MatchesRegex(R"(\[DETECT\] x hb seq=1 frames=[123]00/300 pct=[0-9.]+% faces=[246]00)"),
                  MatchesRegex(R"(\[DETECT\] x hb seq=2 frames=300/300 pct=100.0% faces=600)"),
                  "[DETECT] x stage=end status=ok frames=300 faces=600",
                  "[DETECT] x envelope stage=ok", "[DETECT] x registry detected=true",
                  "[DETECT] x Cleared active job from runtime"));
  EXPECT_EQ(ReadText("logs/worker.log"), ReadText("jobs/detect_x/log"));
}

}  // namespace
}  // namespace rollcall::jobs
