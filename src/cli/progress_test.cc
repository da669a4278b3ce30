#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing/sample_job.h"
#include "cli/progress_display.h"
#include "cli/progress_lines.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using api::StageView;
using domain::JobState;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

StageView MakeStage(const std::string& name, JobState state) {
  StageView stage;
  stage.name = name;
  stage.job = name + "_rhobh_s05_e03";
  stage.state = state;
  return stage;
}

// validate done, detect at work, the rest to come.
JobView RunningJob() {
  JobView job = api::testing::SampleJob(1);
  job.subject_id = "rhobh_s05_e03";
  StageView validate = MakeStage("validate", JobState::kSucceeded);
  validate.elapsed_s = 0.12;
  StageView detect = job.stages[0];
  detect.done = 6804;
  detect.rate = 340;
  detect.eta_p50_s = 62;
  detect.eta_p90_s = 80;
  detect.pulse_age_s = 1.4;
  job.stages = {validate, detect, MakeStage("track", JobState::kBlocked)};
  return job;
}

api::AttemptView KilledAttempt() {
  api::AttemptView attempt;
  attempt.number = 1;
  attempt.ended_at = "2026-11-22T01:46:00.000Z";
  attempt.outcome = "interrupted";
  attempt.error_reason = "ERR_WORKER_CRASHED";
  attempt.exit = "signal 9";
  return attempt;
}

TEST(StageSummaryTest, SaysHowMuchOfItsTimeAStageHasWaited) {
  StageView stage = MakeStage("detect", JobState::kSucceeded);
  stage.elapsed_s = 56;
  EXPECT_EQ(StageSummary(stage), "ok in 56 s");
  stage.waited_s = 0.3;  // Between two attempts there always is a moment.
  EXPECT_EQ(StageSummary(stage), "ok in 56 s");
  stage.waited_s = 40;
  EXPECT_EQ(StageSummary(stage), "ok in 56 s, 40 s of it waiting");
}

std::string Drawn(const JobView& job, const Terminal& terminal) {
  std::string text;
  for (const std::string& line : ProgressLines(job, terminal, 42)) text += line + "\n";
  return text;
}

TEST(OpenBesideTest, SaysWhatTheOtherJobIsAndHowToEndIt) {
  JobView own = RunningJob();
  own.request = {{"effort", "draft"}, {"model_pack", "/packs/default"}, {"provider", "cpu"}};
  JobView other = api::testing::SampleJob(3);
  other.request = {{"effort", "normal"}, {"model_pack", "/packs/default"}, {"provider", "cpu"}};
  EXPECT_EQ(OpenBesideText(other, own),
            "job 3 (effort normal, running) of the same episode is open as well: the files under "
            "the plain names will be those of the job that ends last. `rollcall jobs cancel 3` "
            "ends it");
  other.request["effort"] = "draft";
  other.request["model_pack"] = "/packs/yunet";
  other.state = JobState::kRetryWait;
  other.stages[0].state = JobState::kRetryWait;
  EXPECT_THAT(OpenBesideText(other, own), StartsWith("job 3 (models yunet, pending) of"));
}

TEST(ProgressLinesTest, DrawsARunningJobIn80Columns) {
  EXPECT_EQ(Drawn(RunningJob(), {.is_tty = true, .is_coloured = false, .width = 80}),
            "rhobh_s05_e03                                                     analyze · 42 s\n"
            "✓ validate   ok in 0.1 s\n"
            "● detect     ━━━━━━━──────   54%   6 804/12 600 frames   8.5×   1:02 left  ♥ 1 s\n"
            "○ track      \n");
}

TEST(ProgressLinesTest, SaysWhatAResultDoesNotTell) {
  StageView stage = MakeStage("detect", JobState::kSkipped);
  stage.is_reused = true;
  stage.result = {{"faces_detected", 12},
                  {"gaps", {{{"start_ms", 80'000}, {"end_ms", 90'000}, {"reason", "r"}}}}};
  EXPECT_EQ(StageSummary(stage), "already done (12 faces detected) without 00:01:20–00:01:30");
  stage.state = JobState::kSucceeded;
  stage.is_reused = false;
  EXPECT_THAT(StageSummary(stage), EndsWith("without 00:01:20–00:01:30"));
}

TEST(ProgressLinesTest, KeepsWhatMattersInANarrowWindow) {
  const std::string text = Drawn(RunningJob(), {.is_tty = true, .is_coloured = false, .width = 46});
  EXPECT_THAT(text, HasSubstr("54%"));
  EXPECT_THAT(text, HasSubstr("♥ 1 s"));
  EXPECT_THAT(text, Not(HasSubstr("frames")));
}

TEST(ProgressLinesTest, FitsEveryWidth) {
  JobView job = RunningJob();
  job.subject_id = std::string(100, 'k');
  job.stages[0].state = JobState::kFailed;
  job.stages[0].error = domain::MakeError(domain::reason::kInternal, std::string(300, 'x'));
  job.stages[1].is_stalled = true;
  job.stages[1].progress_age_s = 34;
  job.stages[1].attempt = 2;
  job.stages[1].attempts = {KilledAttempt()};
  for (int width = 40; width <= 200; ++width) {
    for (const std::string& line :
         ProgressLines(job, {.is_tty = true, .is_coloured = true, .width = width}, 1e6)) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(ProgressLinesTest, SaysThatAStageStandsStill) {
  JobView job = RunningJob();
  job.stages[1].progress_age_s = 34;
  EXPECT_THAT(Drawn(job, {.is_tty = true}), HasSubstr("no progress for 34 s\n"));
  job.stages[1].is_stalled = true;
  EXPECT_THAT(Drawn(job, {.is_tty = true}),
              HasSubstr("stalled: no progress for 34 s (ERR_STALLED)"));
}

TEST(ProgressLinesTest, SaysThatAStageIsSilent) {
  JobView job = RunningJob();
  job.stages[1].is_stalled = true;
  job.stages[1].pulse_age_s = 16;
  EXPECT_THAT(Drawn(job, {.is_tty = true}),
              HasSubstr("stalled: no sign of life for 16 s (ERR_STALLED)"));
}

TEST(ProgressLinesTest, SaysThatAStageWasRestartedAndWhy) {
  JobView job = RunningJob();
  EXPECT_THAT(Drawn(job, {.is_tty = true}), Not(HasSubstr("restarted")));
  job.stages[1].attempt = 2;
  EXPECT_THAT(Drawn(job, {.is_tty = true}), HasSubstr("             restarted, attempt 2\n"));
  job.stages[1].attempts = {KilledAttempt()};
  EXPECT_THAT(Drawn(job, {.is_tty = true}),
              HasSubstr("restarted, attempt 2 (attempt 1: ERR_WORKER_CRASHED, signal 9)\n"));
}

TEST(StatusWordTest, SaysWhatFollowsFromMoreThanTheState) {
  JobView job = RunningJob();
  EXPECT_EQ(StatusWord(job), "running");
  job.stages[1].is_stalled = true;
  EXPECT_EQ(StatusWord(job), "stalled");
  job.is_worked_on = false;
  EXPECT_EQ(StatusWord(job), "interrupted");
  job.is_worked_on = true;
  job.troubles = {domain::MakeError(domain::reason::kDiskFull, "no room")};
  EXPECT_EQ(StatusWord(job), "paused");
  job.state = JobState::kCancelled;
  EXPECT_EQ(StatusWord(job), "canceled") << "though a stage that others want goes on";
  job.troubles.clear();
  job.stages[1].state = JobState::kQueued;
  job.state = JobState::kQueued;
  EXPECT_EQ(StatusWord(job), "pending");
}

TEST(StageProgressTest, SaysHowMuchOfThePhaseIsUsed) {
  StageView stage = RunningJob().stages[1];
  stage.phase = "model_load";
  stage.budget_s = 300;
  stage.budget_used_s = 12;
  stage.eta_p50_s.reset();
  EXPECT_THAT(StageProgress(stage), HasSubstr("loading models (12 s of 5:00)"));
}

TEST(StageProgressTest, ShowsNoOldHeartbeatAsAlive) {
  StageView stage = RunningJob().stages[1];
  stage.pulse_age_s = 200;
  EXPECT_EQ(WhereItWasLeft(stage),
            "interrupted at 54%, 6804/12600 frames, last heartbeat 3:20 ago; nothing works on it "
            "now");
}

TEST(ProgressLinesTest, SaysWhatGoesOnBeforeThereIsAnEta) {
  JobView job = RunningJob();
  job.stages[1].eta_p50_s.reset();
  job.stages[1].phase = "model_load";
  EXPECT_THAT(Drawn(job, {.is_tty = true}), HasSubstr("loading models"));
}

TEST(ProgressLinesTest, ShowsAReusedStageAsDone) {
  JobView job = RunningJob();
  job.stages[0].state = JobState::kSkipped;
  job.stages[0].is_reused = true;
  EXPECT_THAT(Drawn(job, {.is_tty = true}), HasSubstr("✓ validate   already done\n"));
}

TEST(ProgressLinesTest, UsesColoursOnlyWhereTheyAreWanted) {
  EXPECT_THAT(Drawn(RunningJob(), {.is_tty = true, .is_coloured = false}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(Drawn(RunningJob(), {.is_tty = true, .is_coloured = true}), HasSubstr("\x1b[32m✓"));
}

TEST(ProgressLinesTest, CountsAResultInWords) {
  EXPECT_EQ(DescribeNumbers({{"faces_detected", 5678},
                             {"model", "x"},
                             {"duration_ms", 9},
                             {"embeddings_computed", 812},
                             {"third", 3}}),
            "5 678 faces detected, 812 embeddings computed");
  EXPECT_EQ(DescribeNumbers(base::Json(nullptr)), "");
}

class ProgressDisplayTest : public ::testing::Test {
 protected:
  ProgressDisplay::Write Collect() {
    return [this](std::string_view bytes) { written_ += bytes; };
  }
  std::string Take() { return std::exchange(written_, {}); }

  ProgressDisplay::Moment start_{};
  std::string written_;
};

TEST_F(ProgressDisplayTest, WritesPlainLinesAtTransitionsAndEveryTenSeconds) {
  PlainProgress plain(Collect());
  JobView job = RunningJob();
  plain.Show(job, start_);
  EXPECT_EQ(Take(), "validate: ok in 0.1 s\ndetect: running\n");
  plain.Show(job, start_ + seconds{9});
  EXPECT_EQ(Take(), "");
  plain.Show(job, start_ + seconds{10});
  EXPECT_EQ(
      Take(),
      "detect: 54%, 6804/12600 frames, 8.5x real time, 1:02 left (p90 1:20), heartbeat 1 s ago\n");
  plain.Show(job, start_ + seconds{11});
  EXPECT_EQ(Take(), "");
  job.stages[1].state = JobState::kSucceeded;
  job.stages[1].elapsed_s = 75;
  job.stages[1].result["faces_detected"] = 5678;
  plain.Show(job, start_ + seconds{12});
  EXPECT_EQ(Take(), "detect: ok in 1:15 (5 678 faces detected)\n");
}

TEST_F(ProgressDisplayTest, SaysARetryAndAStallOnce) {
  PlainProgress plain(Collect());
  JobView job = RunningJob();
  plain.Show(job, start_);
  Take();
  job.stages[1].state = JobState::kRetryWait;
  job.stages[1].error = domain::MakeError(domain::reason::kWorkerCrashed, "signal 9");
  job.stages[1].wait_reason = "tried again at 12:00:05Z (retry 1 of 5): signal 9";
  plain.Show(job, start_ + seconds{1});
  EXPECT_EQ(Take(),
            "detect: ERR_WORKER_CRASHED: tried again at 12:00:05Z (retry 1 of 5): signal 9\n");
  job.stages[1].state = JobState::kRunning;
  job.stages[1].attempt = 2;
  job.stages[1].wait_reason.clear();
  plain.Show(job, start_ + seconds{6});
  EXPECT_EQ(Take(), "detect: restarted, attempt 2\n");
  job.stages[1].is_stalled = true;
  plain.Show(job, start_ + seconds{7});
  EXPECT_EQ(Take(), "detect: restarted, attempt 2, stalled (ERR_STALLED)\n");
}

TEST_F(ProgressDisplayTest, SaysThatAStageWaitsOnlyWhenItTakesLong) {
  PlainProgress plain(Collect());
  JobView job = RunningJob();
  job.stages = {MakeStage("track", JobState::kQueued)};
  job.stages[0].wait_reason = "waits for a free worker";
  plain.Show(job, start_);
  plain.Show(job, start_ + seconds{2});
  EXPECT_EQ(Take(), "");
  plain.Show(job, start_ + seconds{3});
  EXPECT_EQ(Take(), "track: waits for a free worker\n");
}

// It went on with the last rate, as if the worker were merely late.
TEST_F(ProgressDisplayTest, SaysThatTheDiskIsFullAndNothingElseMeanwhile) {
  PlainProgress plain(Collect());
  JobView job = RunningJob();
  plain.Show(job, start_);
  Take();
  const JobView running = job;
  job.troubles = {domain::MakeError(domain::reason::kDiskFull, "no room")};
  for (int second = 1; second < 30; ++second) plain.Show(job, start_ + seconds{second});
  EXPECT_EQ(Take(), "paused: ERR_DISK_FULL: no room\n");
  plain.Show(running, start_ + seconds{31});
  EXPECT_THAT(Take(), HasSubstr("there is room on the disk again\ndetect: 54%"));
  EXPECT_THAT(Drawn(job, {.is_tty = true}), HasSubstr("paused: ERR_DISK_FULL: no room"));
}

TEST_F(ProgressDisplayTest, WritesNoEscapesToAPipe) {
  const auto display = ProgressDisplay::Make([] { return Terminal{}; }, Collect(), start_);
  display->Show(RunningJob(), start_);
  EXPECT_THAT(Take(), Not(HasSubstr("\x1b")));
}

TEST_F(ProgressDisplayTest, WritesNoEscapesToADumbTerminal) {
  const auto display =
      ProgressDisplay::Make([] { return Terminal{.is_tty = true}; }, Collect(), start_);
  display->Show(RunningJob(), start_);
  display->Note("a note");
  EXPECT_THAT(Take(), Not(HasSubstr("\x1b")));
}

TEST_F(ProgressDisplayTest, DrawsOverItselfOnATerminal) {
  const auto display = ProgressDisplay::Make(
      [] { return Terminal{.is_tty = true, .is_coloured = true}; }, Collect(), start_);
  display->Show(RunningJob(), start_);
  const std::string first = Take();
  EXPECT_THAT(first, StartsWith("\x1b[?2026h\r\x1b[1mrhobh"));
  EXPECT_THAT(first, EndsWith("\x1b[J\x1b[?2026l"));
  display->Show(RunningJob(), start_ + seconds{1});
  EXPECT_THAT(Take(), StartsWith("\x1b[?2026h\x1b[4A\r"));
}

TEST_F(ProgressDisplayTest, DrawsAtMostFiveFramesASecondUnlessSomethingHappened) {
  const auto display = ProgressDisplay::Make(
      [] { return Terminal{.is_tty = true, .is_coloured = true}; }, Collect(), start_);
  JobView job = RunningJob();
  display->Show(job, start_);
  Take();
  display->Show(job, start_ + milliseconds{150});
  EXPECT_EQ(Take(), "");
  display->Show(job, start_ + milliseconds{200});
  EXPECT_NE(Take(), "");
  job.stages[1].state = JobState::kSucceeded;
  display->Show(job, start_ + milliseconds{210});
  EXPECT_NE(Take(), "");
}

TEST_F(ProgressDisplayTest, PutsANoteAboveTheBlock) {
  const auto display = ProgressDisplay::Make(
      [] { return Terminal{.is_tty = true, .is_coloured = true}; }, Collect(), start_);
  display->Show(RunningJob(), start_);
  Take();
  display->Note("the engine has ended");
  EXPECT_EQ(Take(), "\x1b[4A\r\x1b[Jthe engine has ended\n");
  display->Show(RunningJob(), start_ + seconds{1});
  EXPECT_THAT(Take(), StartsWith("\x1b[?2026h\r\x1b[1mrhobh"));
}

}  // namespace
}  // namespace rollcall::cli
