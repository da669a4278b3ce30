#include "app/diagnosis.h"

#include <gmock/gmock.h>

#include "domain/reasons.h"

namespace rollcall::app {
namespace {

using api::JobView;
using api::StageView;
using domain::JobState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

JobView JobWith(StageView stage) {
  JobView job;
  job.job_id = 7;
  job.name = "detect_x";
  job.kind = "detect";
  job.subject_id = "x";
  job.state = stage.state;
  stage.name = "detect";
  job.stages = {std::move(stage)};
  return job;
}

const jobs::RuntimeTimes kTimes;

StageView Running() {
  StageView stage;
  stage.state = JobState::kRunning;
  stage.attempt = 1;
  stage.phase = "work";
  stage.pulse_age_s = 0.4;
  stage.progress_age_s = 0.2;
  stage.done = 50;
  stage.total = 100;
  stage.unit = "frames";
  return stage;
}

TEST(DiagnoseTest, SaysThatAllIsWell) {
  StageView stage = Running();
  stage.eta_p50_s = 20;
  stage.eta_p90_s = 40;
  const Diagnosis diagnosis = Diagnose(JobWith(stage), kTimes);
  EXPECT_THAT(diagnosis.findings,
              ElementsAre(HasSubstr("detect works: 50%"), HasSubstr("20 s more, 40 s if")));
  EXPECT_EQ(diagnosis.advice, "nothing to do");
}

TEST(DiagnoseTest, OffersToSkipAPoisonSegment) {
  StageView stage;
  stage.state = JobState::kFailed;
  stage.error = domain::MakeError(domain::reason::kPoisonSegment, "twice", "skip it with this");
  EXPECT_EQ(Diagnose(JobWith(stage), kTimes).advice, "skip it with this");
}

TEST(DiagnoseTest, TellsAStallFromASilence) {
  StageView stage = Running();
  stage.is_stalled = true;
  stage.progress_age_s = 45;
  stage.segments = 7;
  const Diagnosis stalled = Diagnose(JobWith(stage), kTimes);
  EXPECT_THAT(stalled.findings.front(),
              HasSubstr("no progress for 45 s: it is stalled (ERR_STALLED)"));
  EXPECT_THAT(stalled.findings.front(), HasSubstr("segment 7"));
  EXPECT_THAT(stalled.advice, HasSubstr("jobs resume 7"));

  stage.is_stalled = false;
  stage.pulse_age_s = 12;
  EXPECT_THAT(Diagnose(JobWith(stage), kTimes).findings.front(),
              HasSubstr("no sign of life for 12 s"));
}

TEST(DiagnoseTest, NamesThePhaseAndItsBudget) {
  StageView stage = Running();
  stage.phase = "model_load";
  stage.budget_s = 300;
  stage.budget_used_s = 12;
  stage.attempt = 2;
  EXPECT_THAT(Diagnose(JobWith(stage), kTimes).findings,
              ElementsAre(HasSubstr("attempt 2"),
                          HasSubstr("model_load, which may take 5:00 (12 s are used)")));
}

TEST(DiagnoseTest, SaysWhyItWaitsAndThatNobodyWorks) {
  StageView stage;
  stage.state = JobState::kQueued;
  stage.wait_reason = "queue detect is paused: ERR_DISK_FULL";
  const Diagnosis paused = Diagnose(JobWith(stage), kTimes);
  EXPECT_THAT(paused.findings, ElementsAre(HasSubstr("ERR_DISK_FULL")));
  JobView left = JobWith(stage);
  left.is_worked_on = false;
  const Diagnosis alone = Diagnose(left, kTimes);
  EXPECT_THAT(alone.findings.back(), HasSubstr("No engine works"));
  EXPECT_THAT(alone.advice, HasSubstr("jobs wait 7"));
}

TEST(DiagnoseTest, SaysThatTheDiskIsFullWhateverTheStageIsAt) {
  StageView stage = Running();
  stage.wait_reason = "its end (ERR_IO) cannot be written";
  JobView job = JobWith(stage);
  job.troubles = {domain::MakeError(domain::reason::kDiskFull, "no space left")};
  const Diagnosis diagnosis = Diagnose(job, kTimes);
  EXPECT_THAT(diagnosis.findings, ElementsAre(HasSubstr("ERR_DISK_FULL: no space left"),
                                              HasSubstr("detect: its end (ERR_IO)")));
  EXPECT_THAT(diagnosis.advice, HasSubstr("free some space"));
}

TEST(DiagnoseTest, SaysItInOneSentence) {
  StageView stage;
  stage.state = JobState::kQueued;
  stage.wait_reason = "waits for a free worker";
  EXPECT_THAT(Diagnose(JobWith(stage), kTimes).findings,
              ElementsAre("detect waits for a free worker."));
}

TEST(DiagnoseTest, SaysWhatToDoAfterTheEnd) {
  StageView stage;
  stage.state = JobState::kFailed;
  stage.error = domain::MakeError(domain::reason::kVideoNotFound, "gone.mp4 is not there");
  const Diagnosis failed = Diagnose(JobWith(stage), kTimes);
  EXPECT_THAT(failed.findings.front(), HasSubstr("ERR_VIDEO_NOT_FOUND: gone.mp4"));
  EXPECT_THAT(failed.advice, HasSubstr("jobs retry 7"));
  stage.error.reset();
  stage.state = JobState::kCancelled;
  EXPECT_THAT(Diagnose(JobWith(stage), kTimes).advice, HasSubstr("jobs resume"));
  stage.state = JobState::kSucceeded;
  EXPECT_THAT(Diagnose(JobWith(stage), kTimes).advice, HasSubstr("inspect x"));
}

TEST(DiagnoseTest, SaysWhereItWasLeftWhenNobodyWorks) {
  StageView stage = Running();
  stage.pulse_age_s = 200;
  stage.segments = 7;
  JobView left = JobWith(stage);
  left.is_worked_on = false;
  const Diagnosis diagnosis = Diagnose(left, kTimes);
  EXPECT_THAT(diagnosis.findings.front(), HasSubstr("interrupted at 50%"));
  EXPECT_THAT(diagnosis.findings.front(), HasSubstr("segment 7"));
  EXPECT_THAT(diagnosis.advice, HasSubstr("jobs wait 7"));
}

TEST(DiagnoseTest, GoesByTheTimesOfTheEngineThatWorks) {
  StageView stage = Running();
  stage.pulse_age_s = 2;
  EXPECT_THAT(Diagnose(JobWith(stage), kTimes).findings.front(), HasSubstr("works"));
  jobs::RuntimeTimes divided;
  divided.pulse = std::chrono::milliseconds{100};
  divided.lease = std::chrono::milliseconds{3000};
  const Diagnosis silent = Diagnose(JobWith(stage), divided);
  EXPECT_THAT(silent.findings.front(), HasSubstr("no sign of life for 2.0 s"));
  EXPECT_THAT(silent.findings.front(), HasSubstr("lasted 3.0 s it is ended"));
}

}  // namespace
}  // namespace rollcall::app
