#include "jobs/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

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

// Its second pulse used to come a second after its start, whatever was set.
TEST_F(EngineTest, AWorkerPulsesAsOftenAsItIsTold) {
  StartEngine([](Engine::Options& options) { options.times = RuntimeTimes{}.DividedBy(50); });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"start_ms", 900}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").size(), 1U) << "a lease of 600 ms was kept all the time";
}

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
  StartEngine([](Engine::Options& options) { options.times.heartbeat = std::chrono::hours{1}; });
  WaitForEnd(SubmitOk(FakeRequest("x", {"detect"}, Json::object())).id);
  engine_.reset();
  EXPECT_THAT(
      LogLines("detect_x"),
      ElementsAre(
          "[DETECT] x stage=start job_id=detect_x", "[DETECT] x Registered as active job: detect_x",
          "[DETECT] x Created lock file", "[DETECT] x envelope stage=running",
          "[DETECT] x registry detected=false", "[DETECT] x model=fake loading...",
          "[DETECT] x model=fake loaded in 0.0s provider=none",
          MatchesRegex(R"(\[DETECT\] x hb seq=1 frames=[123]00/300 pct=[0-9.]+% faces=[246]00)"),
          MatchesRegex(R"(\[DETECT\] x hb seq=2 frames=300/300 pct=100.0% faces=600)"),
          "[DETECT] x stage=end status=ok frames=300 faces=600", "[DETECT] x envelope stage=ok",
          "[DETECT] x registry detected=true", "[DETECT] x Cleared active job from runtime"));
  EXPECT_EQ(ReadText("logs/worker.log"), ReadText("jobs/detect_x/log"));
}

TEST_F(EngineTest, RunsStagesInTheirOrderAndHandsInputsOn) {
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect", "track", "stills"}, Json::object()));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_LE(*Run("detect").run.finished_at, *Run("track").run.started_at);
  EXPECT_LE(*Run("track").run.finished_at, *Run("stills").run.started_at);
  engine_.reset();
  const std::string log = ReadText("logs/worker.log");
  EXPECT_THAT(log,
              testing::ContainsRegex("\\[DETECT\\] x stage=end(.|\n)*\\[TRACK\\] x stage=start"));
  EXPECT_THAT(log,
              testing::ContainsRegex("\\[TRACK\\] x stage=end(.|\n)*\\[STILLS\\] x stage=start"));
  const Json states = ReadJson("episodes/x/state.json")["states"];
  EXPECT_EQ(states, Json::parse(R"({"validated":false,"extracted_frames":false,"detected":true,
      "tracked":true,"stills_generated":true,"clustered":false,"mood_measured":false,
      "analytics_computed":false})"));
}

TEST_F(EngineTest, ShowsARunningStageEverywhere) {
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 2}}));
  ASSERT_TRUE(Eventually([&] { return Stage(job.id).done == 200; }));
  const api::StageView stage = Stage(job.id);
  EXPECT_EQ(stage.state, JobState::kRunning);
  EXPECT_EQ(stage.phase, "work");
  EXPECT_EQ(stage.attempt, 1);
  EXPECT_EQ(stage.total, 300);
  EXPECT_EQ(stage.unit, "frames");
  EXPECT_LT(*stage.pulse_age_s, 5);

  ASSERT_TRUE(Eventually([&] {
    const Json meta = ReadJson("jobs/detect_x/meta.json");
    return meta["stages"]["detect"]["result"].value("frames_done", 0) == 200;
  }));
  const Json meta = ReadJson("jobs/detect_x/meta.json");
  EXPECT_EQ(meta["job_id"], "detect_x");
  EXPECT_EQ(meta["episode_id"], "X_S01_E02");
  EXPECT_EQ(meta["episode_key"], "x");
  EXPECT_EQ(meta["video_path"], "/videos/x.mp4");
  EXPECT_EQ(meta["stages"]["detect"]["status"], "running");
  EXPECT_EQ(meta["stages"]["detect"]["error"], nullptr);
  const Json result = meta["stages"]["detect"]["result"];
  EXPECT_EQ(result["frames_total"], 300);
  EXPECT_EQ(result["faces_detected"], 400);
  EXPECT_THAT(result["updated_at"].get<std::string>(), MatchesRegex("2[-0-9]+T[:.0-9]+Z"));
  EXPECT_EQ(ReadJson("episodes/x/runtime.json")["active_jobs"], Json({{"detect", "detect_x"}}));
  const Json lock = ReadJson("jobs/detect_x/.lock");
  EXPECT_EQ(lock["job_id"], "detect_x");
  EXPECT_EQ(lock["pid"], stage.pid);
  EXPECT_EQ(ReadJson("episodes/x/state.json")["states"]["detected"], false);

  Touch("go");
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
}

TEST_F(EngineTest, TakesTheFlagAwayWhenAStageBeginsAnew) {
  StartEngine();
  WaitForEnd(SubmitOk(FakeRequest("x", {"detect"}, Json::object())).id);
  ASSERT_TRUE(Eventually(
      [&] { return ReadJson("episodes/x/state.json")["states"].value("detected", false); }));
  const Json good = ReadJson("episodes/x/state.json")["results"]["detected"];
  EXPECT_EQ(good[0]["sha256"], base::Sha256(kBytes));

  const store::Job again = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 0}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  EXPECT_EQ(ReadJson("episodes/x/state.json")["states"]["detected"], false);
  EXPECT_EQ(ReadJson("episodes/x/state.json")["results"]["detected"], good)
      << "the last good result stays until its successor commits";
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
  EXPECT_EQ(ReadJson("jobs/detect_x/1/meta.json")["stages"]["detect"]["status"], "ok");
  EXPECT_EQ(ReadJson("jobs/detect_x/meta.json")["generation"], 2);
  EXPECT_THAT(LogLines("detect_x").front(), HasSubstr("stage=start"));
  Touch("go");
  WaitForEnd(again.id);
}

TEST_F(EngineTest, FailsAtOnceOnAPermanentError) {
  StartEngine();
  const store::Job job =
      SubmitOk(FakeRequest("x", {"detect", "track"}, {{"behaviour", "permanent"}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
  EXPECT_EQ(Attempts("detect").size(), 1U);
  EXPECT_EQ(Run("track").run.last_error->reason, "ERR_PREREQ_FAILED");
  engine_.reset();
  const Json stage = ReadJson("jobs/detect_x/meta.json")["stages"]["detect"];
  EXPECT_EQ(stage["status"], "error");
  EXPECT_THAT(stage["error"].get<std::string>(), StartsWith("ERR_VIDEO_NOT_FOUND: "));
  EXPECT_EQ(ReadJson("episodes/x/runtime.json")["active_jobs"], Json::object());
  EXPECT_FALSE(Exists("jobs/detect_x/.lock"));
  EXPECT_THAT(LogLines("detect_x"), testing::Contains("[DETECT] x stage=end status=error "
                                                      "error=ERR_VIDEO_NOT_FOUND: no such video"));
}

TEST_F(EngineTest, TriesATransientErrorAgain) {
  StartEngine();
  const store::Job job =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "transient"}, {"at", 1}, {"times", 2}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").size(), 3U);
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineTest, SaysThatACrashWasACrashAndGoesOnFromTheCheckpoint) {
  StartEngine();
  const store::Job job =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "crash"}, {"at", 2}, {"times", 1}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto attempts = Attempts("detect");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].outcome, store::AttemptOutcome::kCrashed);
  EXPECT_EQ(attempts[0].exit, "signal 6");
  EXPECT_GT(attempts[0].rss_peak_bytes, 1 << 20);
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineTest, FailsAStageThatNoWorkerKnows) {
  StartEngine();
  const store::Job job = SubmitOk(FakeRequest("x", {"unknown"}, Json::object()));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
}

TEST_F(EngineTest, GivesUpOnAProgramThatCannotBeExecuted) {
  StartEngine([](Engine::Options& options) {
    options.worker_argv = {"/no/such/program"};
    options.times.retry_first = std::chrono::milliseconds{5};
  });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kFailed);
  EXPECT_THAT(Run("detect").run.last_error->message, HasSubstr("cannot be executed"));
}

TEST_F(EngineTest, ReturnsTheJobThatAlreadyDoesTheSame) {
  StartEngine();
  const auto request = FakeRequest("x", {"detect"}, {{"hold_after", 0}});
  const store::Job job = SubmitOk(request);
  const auto twin = engine_->Submit(request);
  ASSERT_TRUE(twin.ok());
  EXPECT_TRUE(twin->is_existing);
  EXPECT_EQ(twin->job.id, job.id);
  Touch("go");
  WaitForEnd(job.id);
}

TEST_F(EngineTest, TakesOverAFinishedTwinWhoseArtefactsAreIntact) {
  StartEngine();
  auto request = FakeRequest("x", {"detect"}, Json::object());
  WaitForEnd(SubmitOk(request).id);
  request.stages[0].reuse = engine_->FindReusable(request.stages[0].work_key).value();
  ASSERT_TRUE(request.stages[0].reuse.has_value());
  const store::Job job = SubmitOk(request);
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(Stage(job.id).state, JobState::kSkipped);
}

// The plain names are of the newest run: pointing at an older one would not bring its files back.
TEST_F(EngineTest, RunsAgainWhenOtherWorkCameAfterTheFinishedTwin) {
  StartEngine();
  auto request = FakeRequest("x", {"detect"}, Json::object());
  WaitForEnd(SubmitOk(request).id);
  const store::StageRunId first = Run("detect").run.id;
  const store::Job other = SubmitOk(FakeRequest("x", {"detect"}, {{"segments", 5}}));
  WaitForEnd(other.id);
  ASSERT_TRUE(engine_->Settle(other.id, kLong).ok());
  EXPECT_NE(ReadText("harvest/x/detect.bin"), kBytes);
  EXPECT_FALSE(engine_->FindReusable(request.stages[0].work_key).value().has_value());
  request.stages[0].reuse = first;
  const store::Job job = SubmitOk(request);
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
  EXPECT_EQ(Run("detect").run.generation, 3);
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineTest, TellsTheEndOfAnEarlierGenerationThatNeverBegan) {
  StartEngine();
  const auto earlier = SubmitOk(FakeRequest("x", {"detect", "track"}, {{"hold_after", 1}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  const auto later =
      SubmitOk(FakeRequest("x", {"detect", "track"}, {{"hold_after", 1}, {"segments", 5}}));
  for (const store::Job& job : {later, earlier}) {
    ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
    ASSERT_TRUE(engine_->Cancel(job.id).ok());
    EXPECT_EQ(WaitForEnd(job.id).state, JobState::kCancelled);
    ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
  }
  EXPECT_EQ(ReadJson("jobs/track_x/meta.json")["stages"]["track"]["status"], "canceled");
  EXPECT_EQ(ReadJson("jobs/track_x/1/meta.json")["stages"]["track"]["status"], "canceled");
}

TEST_F(EngineTest, RunsAgainWhenTheArtefactsOfATwinAreDamaged) {
  StartEngine();
  auto request = FakeRequest("x", {"detect"}, Json::object());
  WaitForEnd(SubmitOk(request).id);
  request.stages[0].reuse = engine_->FindReusable(request.stages[0].work_key).value();
  const auto artifacts = store_->ArtifactList(Run("detect").run.id).value();
  ASSERT_TRUE(base::WriteFileAtomic(data_dir_ / artifacts.at(0).path, "damaged").ok());
  EXPECT_FALSE(engine_->FindReusable(request.stages[0].work_key).value().has_value());
  const store::Job job = SubmitOk(request);
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Run("detect").run.generation, 2);
}

TEST_F(EngineTest, DoesADamagedSegmentAgain) {
  StartEngine();
  const auto request = FakeRequest("x", {"detect"}, {{"hold_after", 2}});
  const store::Job job = SubmitOk(request);
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  const auto segments = store_->SegmentList(request.stages[0].work_key).value();
  ASSERT_EQ(segments.size(), 2U);
  ASSERT_TRUE(base::WriteFileAtomic(data_dir_ / segments[1].path, "damaged").ok());
  Touch("go");
  ::kill(static_cast<pid_t>(std::stol(ReadText("held"))), SIGKILL);
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  engine_.reset();
  EXPECT_THAT(LogLines("detect_x"), testing::Contains(HasSubstr("checkpoint repaired: segment 1")));
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineTest, OnlyObservesBeforeItStartsToWork) {
  auto engine = Engine::Create(FakeEngineOptions(data_dir_), *store_, clock_);
  engine_ = std::move(engine).value();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  EXPECT_EQ(engine_->Wait(job.id, std::chrono::milliseconds{50})->state, JobState::kQueued);
  EXPECT_THAT(Stage(job.id).wait_reason, HasSubstr("nothing works on this data directory"));
  EXPECT_TRUE(engine_->HasOpenJobs().value());
  ASSERT_TRUE(engine_->StartWorking().ok());
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_FALSE(engine_->HasOpenJobs().value());
}

TEST_F(EngineTest, WaitsForSpaceOnAFullDiskAndGoesOnByItself) {
  // For long enough that it can be seen to wait.
  StartEngine([](Engine::Options& options) { options.times.disk_check = std::chrono::seconds{3}; });
  const store::Job job =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "disk_full"}, {"times", 1}}));
  EXPECT_TRUE(Eventually(
      [&] { return Stage(job.id).wait_reason.find("ERR_DISK_FULL") != std::string::npos; }));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Run("detect").run.failures, 0);
}

TEST_F(EngineTest, SweepsAtItsStartAndGoesOnSweeping) {
  std::filesystem::create_directories(data_dir_ / "harvest/x");
  Touch("harvest/x/tracks.json.g98");
  Touch("harvest/x/notes.txt");
  StartEngine([](Engine::Options& options) {
    options.times.retention = std::chrono::milliseconds{1};
    options.times.sweep = std::chrono::milliseconds{10};
  });
  EXPECT_TRUE(Eventually([&] { return !Exists("harvest/x/tracks.json.g98"); }));
  Touch("harvest/x/tracks.json.g99");
  EXPECT_TRUE(Eventually([&] { return !Exists("harvest/x/tracks.json.g99"); }));
  WaitForEnd(SubmitOk(FakeRequest("x", {"detect"}, Json::object())).id);
  engine_.reset();
  EXPECT_TRUE(Exists("harvest/x/notes.txt"));
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes) << "swept all the while";
}

TEST_F(EngineTest, RefusesOptionsThatCannotWork) {
  const auto refuses = [this](const std::function<void(Engine::Options&)>& spoil) {
    Engine::Options options = FakeEngineOptions(data_dir_);
    spoil(options);
    return !Engine::Create(options, *store_, clock_).ok();
  };
  EXPECT_TRUE(refuses([](auto& options) { options.slots = 0; }));
  EXPECT_TRUE(refuses([](auto& options) { options.worker_argv.clear(); }));
  EXPECT_TRUE(refuses([](auto& options) { options.worker_memory_bytes_max = -1; }));
  EXPECT_TRUE(refuses([](auto& options) { options.open_vault = nullptr; }));
  EXPECT_TRUE(refuses([](auto& options) { options.times.self_fence = options.times.lease; }));
}

}  // namespace
}  // namespace rollcall::jobs
