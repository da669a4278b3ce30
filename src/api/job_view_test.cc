#include "api/job_view.h"

#include <gtest/gtest.h>

#include "api/testing/sample_job.h"
#include "domain/reasons.h"

namespace rollcall::api {
namespace {

using base::Json;

TEST(JobViewTest, SurvivesTheWayThroughJson) {
  JobView view = testing::SampleJob(3);
  view.stages[0].error = domain::MakeError(domain::reason::kStalled, "no progress for 30 s");
  view.stages[0].attempts = {{.number = 1,
                              .started_at = "2026-11-22T01:45:57.000Z",
                              .ended_at = "2026-11-22T01:47:59.000Z",
                              .outcome = "stalled",
                              .error_reason = "ERR_STALLED",
                              .exit = "signal 9",
                              .rss_peak_bytes = 123'456'789}};
  view.is_worked_on = false;
  const auto back = JobViewFromJson(ToJson(view));
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(ToJson(*back), ToJson(view));
  EXPECT_EQ(back->stages[0].state, domain::JobState::kRunning);
  EXPECT_EQ(back->stages[0].error->reason, "ERR_STALLED");
  ASSERT_EQ(back->stages[0].attempts.size(), 1U);
  EXPECT_EQ(back->stages[0].attempts[0].exit, "signal 9");
  EXPECT_EQ(back->stages[0].attempts[0].rss_peak_bytes, 123'456'789);
  EXPECT_EQ(back->stages[0].budget_s, 30.0);
  EXPECT_FALSE(back->is_worked_on);
}

TEST(JobViewTest, DoesNotSayThatAnEndedStageCountedNothing) {
  JobView view = testing::SampleJob(3);
  EXPECT_EQ(ToJson(view)["stages"][0]["done"], 640);
  view.stages[0].done = 0;  // As the engine has it: the count went with the attempt.
  view.stages[0].total = 0;
  EXPECT_EQ(ToJson(view)["stages"][0]["total"], 0) << "nothing counted yet";
  view.stages[0].state = domain::JobState::kSucceeded;
  const Json json = ToJson(view);
  EXPECT_TRUE(json["stages"][0]["done"].is_null());
  EXPECT_TRUE(json["stages"][0]["total"].is_null());
  EXPECT_EQ(JobViewFromJson(json)->stages[0].total, 0);
}

TEST(JobViewTest, RefusesADocumentThatIsNoJob) {
  for (const Json& document : {Json(), Json(1), Json::object(), Json{{"id", "x"}}}) {
    const auto view = JobViewFromJson(document);
    ASSERT_FALSE(view.ok());
    EXPECT_EQ(view.error().reason, domain::reason::kBadRequest);
  }
  Json unknown_state = ToJson(testing::SampleJob(1));
  unknown_state["state"] = "sleeping";
  EXPECT_FALSE(JobViewFromJson(unknown_state).ok());
}

}  // namespace
}  // namespace rollcall::api
