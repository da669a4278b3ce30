#include "control/protocol.h"

#include <gtest/gtest.h>

#include "api/error_json.h"
#include "api/job_view.h"
#include "api/params.h"
#include "control/testing/fake_service.h"
#include "domain/reasons.h"

namespace rollcall::control {
namespace {

using base::Json;

TEST(ProtocolTest, ReadsTheRequestThatItWrites) {
  const Request sent{.id = 7, .method = "job.start", .params = {{"kind", "analyze"}}};
  std::string line = RequestLine(sent);
  ASSERT_EQ(line.back(), '\n');
  line.pop_back();
  const auto read = ParseRequest(line);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->id, sent.id);
  EXPECT_EQ(read->method, sent.method);
  EXPECT_EQ(read->params, sent.params);
}

class JunkRequestTest : public ::testing::TestWithParam<const char*> {};

TEST_P(JunkRequestTest, IsRefusedWithAType) {
  const auto request = ParseRequest(GetParam());
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(request.error().reason, domain::reason::kBadRequest);
}

INSTANTIATE_TEST_SUITE_P(
    ProtocolTest, JunkRequestTest,
    ::testing::Values("", "{", "null", "[]", "7", "\xff\xfe", "GET / HTTP/1.1", "{}",
                      R"({"id":1,"method":"x"})", R"({"jsonrpc":"2.0","method":"x"})",
                      R"({"jsonrpc":"2.0","id":[],"method":"x"})", R"({"jsonrpc":"2.0","id":1})",
                      R"({"jsonrpc":"2.0","id":1,"method":3})",
                      R"({"jsonrpc":"2.0","id":1,"method":"x","params":[1]})"));

TEST(ProtocolTest, CarriesAnErrorWithoutLoss) {
  const base::Error error =
      domain::MakeError(domain::reason::kVideoNotFound, "no such file: a.mp4");
  const base::Error back = api::ErrorFromJson(api::ErrorToJson(error));
  EXPECT_EQ(back.code, error.code);
  EXPECT_EQ(back.reason, error.reason);
  EXPECT_EQ(back.message, error.message);
  EXPECT_EQ(back.hint, error.hint);
}

TEST(ProtocolTest, MakesAnErrorOfAnyDocument) {
  EXPECT_EQ(api::ErrorFromJson(Json(3)).code, base::ErrorCode::kInternal);
  EXPECT_EQ(api::ErrorFromJson({{"reason", 5}, {"message", "m"}}).message, "m");
}

TEST(ProtocolTest, AnErrorSpeaksOfBytesThatAreNoUtf8AsTheyAreWritten) {
  const auto error = domain::MakeError(domain::reason::kVideoNotFound, "there is no a\xf1.mp4");
  EXPECT_EQ(api::ErrorFromJson(api::ErrorToJson(error)).message, "there is no a\\xf1.mp4");
}

TEST(ProtocolTest, WritesANameThatIsNoUtf8) {
  const std::string line =
      RequestLine({.id = 1, .method = "job.start", .params = {{"video", "a\xff.mp4"}}});
  EXPECT_NE(line.find("a\xEF\xBF\xBD.mp4"), std::string::npos);
}

TEST(ProtocolTest, RefusesAParameterOfAnotherType) {
  const Json params{{"kind", 3}, {"force", "yes"}, {"job_id", "x"}, {"none", nullptr}};
  EXPECT_FALSE(api::TextParam(params, "kind", "").ok());
  EXPECT_FALSE(api::FlagParam(params, "force", false).ok());
  EXPECT_FALSE(api::IntegerParam(params, "job_id", 0).ok());
  EXPECT_EQ(api::TextParam(params, "none", "fallback").value(), "fallback");
  EXPECT_EQ(api::IntegerParam(params, "missing", 4).value(), 4);
}

TEST(JobViewTest, SurvivesTheWayThroughJson) {
  api::JobView view = testing::SampleJob(3);
  view.stages[0].error = domain::MakeError(domain::reason::kStalled, "no progress for 30 s");
  view.stages[0].attempts = {{.number = 1,
                              .started_at = "2026-11-22T01:45:57.000Z",
                              .ended_at = "2026-11-22T01:47:59.000Z",
                              .outcome = "stalled",
                              .error_reason = "ERR_STALLED",
                              .exit = "signal 9",
                              .rss_peak_bytes = 123'456'789}};
  view.is_worked_on = false;
  const auto back = api::JobViewFromJson(ToJson(view));
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
  api::JobView view = testing::SampleJob(3);
  EXPECT_EQ(ToJson(view)["stages"][0]["done"], 640);
  view.stages[0].done = 0;  // As the engine has it: the count went with the attempt.
  view.stages[0].total = 0;
  EXPECT_EQ(ToJson(view)["stages"][0]["total"], 0) << "nothing counted yet";
  view.stages[0].state = domain::JobState::kSucceeded;
  const Json json = ToJson(view);
  EXPECT_TRUE(json["stages"][0]["done"].is_null());
  EXPECT_TRUE(json["stages"][0]["total"].is_null());
  EXPECT_EQ(api::JobViewFromJson(json)->stages[0].total, 0);
}

TEST(JobViewTest, RefusesADocumentThatIsNoJob) {
  for (const Json& document : {Json(), Json(1), Json::object(), Json{{"id", "x"}}}) {
    const auto view = api::JobViewFromJson(document);
    ASSERT_FALSE(view.ok());
    EXPECT_EQ(view.error().reason, domain::reason::kBadRequest);
  }
  Json unknown_state = ToJson(testing::SampleJob(1));
  unknown_state["state"] = "sleeping";
  EXPECT_FALSE(api::JobViewFromJson(unknown_state).ok());
}

}  // namespace
}  // namespace rollcall::control
