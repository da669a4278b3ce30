#include "cli/job_details.h"

#include <gmock/gmock.h>

#include "api/testing/sample_job.h"

namespace rollcall::cli {
namespace {

using api::StageView;
using base::Json;
using ::testing::HasSubstr;
using ::testing::Not;

StageView Live() { return api::testing::SampleJob(1).stages[0]; }

TEST(LiveDetailsTest, SaysAllThatIsKnownOfARunningStage) {
  EXPECT_EQ(LiveDetails(Live(), true),
            "  phase        work; 0.2 s of the 30 s that it may go without progress are used\n"
            "  heartbeat    0.5 s ago\n"
            "  progress     0.2 s ago, 640/12600 frames\n"
            "  rate         212 frames/s, 8.5x real time\n"
            "  left         56 s (p50), 1:03 (p90)\n"
            "  checkpoints  2\n");
}

TEST(LiveDetailsTest, SaysThePhasesBudget) {
  StageView stage = Live();
  stage.phase = "model_load";
  stage.budget_s = 300;
  stage.budget_used_s = 12;
  stage.eta_p50_s.reset();
  const std::string text = LiveDetails(stage, true);
  EXPECT_THAT(text, HasSubstr("model_load; 12 s of its 5:00 are used"));
  EXPECT_THAT(text, HasSubstr("left         not known yet"));
}

TEST(LiveDetailsTest, PromisesNothingWhereNothingWorks) {
  StageView stage = Live();
  stage.pulse_age_s = 200;
  const std::string text = LiveDetails(stage, false);
  EXPECT_THAT(text, HasSubstr("last pulse   3:20 ago"));
  EXPECT_THAT(text, Not(HasSubstr("left")));
  EXPECT_THAT(text, Not(HasSubstr("heartbeat")));
  stage.pulse_age_s.reset();
  EXPECT_THAT(LiveDetails(stage, false), HasSubstr("last pulse   before the machine was started"));
}

TEST(LiveDetailsTest, IsSilentAboutAStageThatDoesNotRun) {
  EXPECT_EQ(LiveDetails(StageView{}, true), "");
}

TEST(AttemptTableTest, SaysHowEachEnded) {
  StageView stage = Live();
  stage.attempts = {{.number = 1,
                     .started_at = "2026-11-22T01:45:57.000Z",
                     .ended_at = "2026-11-22T01:47:59.000Z",
                     .outcome = "stalled",
                     .error_reason = "ERR_STALLED",
                     .exit = "signal 9",
                     .rss_peak_bytes = 123'456'789},
                    {.number = 2,
                     .started_at = "2026-11-22T01:48:00.000Z",
                     .ended_at = "",
                     .outcome = "running",
                     .error_reason = "",
                     .exit = ""}};
  EXPECT_EQ(
      AttemptTable({stage}, Paint(false)),
      "STAGE   ATTEMPT  STARTED              ENDED     HOW                   EXIT      "
      "MEMORY\n"
      "detect  1        2026-11-22 01:45:57  01:47:59  stalled: ERR_STALLED  signal 9  123 MB\n"
      "detect  2        2026-11-22 01:48:00  –         running\n");
  EXPECT_EQ(AttemptTable({StageView{}}, Paint(false)), "");
}

TEST(EventTextTest, SaysInWordsWhatHappened) {
  EXPECT_EQ(EventText({{"stage", "detect"}, {"attempt", 2}, {"token", 7}}), "detect, attempt 2");
  EXPECT_EQ(EventText({{"stage", "detect"}, {"number", 3}, {"size_bytes", 99}}),
            "detect, segment 3");
  const Json error{{"reason", "ERR_STALLED"}, {"message", "no change of done=1"}};
  EXPECT_EQ(EventText({{"stage", "detect"}, {"outcome", "stalled"}, {"error", error}}),
            "detect, stalled, ERR_STALLED: no change of done=1");
  EXPECT_EQ(EventText(Json::object()), "");
}

TEST(ShortTimeTest, KeepsWhatIsNoTime) {
  EXPECT_EQ(ShortTime("2026-11-22T01:45:56.123Z"), "2026-11-22 01:45:56");
  EXPECT_EQ(ShortTime(""), "");
}

}  // namespace
}  // namespace rollcall::cli
