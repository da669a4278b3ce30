#include "app/api_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/testing/owner.h"
#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"
#include "store/memory/memory_store.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using api::Answer;
using api::Request;
using base::Json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

class ApiRoutesTest : public ::testing::Test {
 protected:
  ~ApiRoutesTest() override {
    owner_.reset();
    fs::remove_all(folder_);
  }

  // The episode a_s01_e01.
  void AddEpisode() {
    ASSERT_TRUE(base::WriteFileAtomic(video(), "0123456789").ok());
    ASSERT_TRUE(owner_->Ask(api::Post({"api", "episodes"}, {{"video", video().string()}})).ok());
  }
  fs::path video() const { return folder_ / "A_S01_E01.mp4"; }

  Answer Ask(const std::string& method_name, std::vector<std::string> path, api::Fields query = {},
             Json body = Json::object(), api::Door door = api::Door::kTcp) {
    return owner_->router().Run({.method = method_name,
                                 .path = std::move(path),
                                 .query = std::move(query),
                                 .fields = {{"host", "localhost"}},
                                 .body = std::move(body),
                                 .door = door});
  }
  Answer Get(std::vector<std::string> path, api::Fields query = {}) {
    return Ask("GET", std::move(path), std::move(query));
  }
  static Json Document(const Answer& answer) { return Json::parse(answer.body); }
  static std::string Reason(const Answer& answer) {
    EXPECT_EQ(answer.content_type, "application/problem+json");
    return Document(answer).value("reason", "");
  }

  fs::path folder_ = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
  DataDirectory data_ = DataDirectory::Open(folder_).value();
  base::SystemClock clock_;
  store::MemoryStore store_{store::StoreClock{clock_}};
  std::unique_ptr<testing::Owner> owner_ = std::make_unique<testing::Owner>(store_, data_);
};

TEST_F(ApiRoutesTest, SaysThatItLivesAndIsReady) {
  EXPECT_EQ(Get({"healthz"}).status, 200);
  EXPECT_EQ(Document(Get({"readyz"}))["ready"], true);
  EXPECT_THAT(Get({"metrics"}).body, HasSubstr("# TYPE"));
}

TEST_F(ApiRoutesTest, TheStateIsTheFileWhateverTheSpellingOfTheKey) {
  AddEpisode();
  const Answer answer = Get({"api", "episodes", "A_S01_E01_11062025", "state"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.fields, Contains(Pair("Content-Location", "/api/episodes/a_s01_e01/state")));
  EXPECT_EQ(answer.body, base::ReadFile(folder_ / "episodes/a_s01_e01/state.json").value());
}

TEST_F(ApiRoutesTest, ShowsEpisodes) {
  AddEpisode();
  EXPECT_EQ(Document(Get({"api", "episodes"}))["episodes"].size(), 1U);
  EXPECT_EQ(Document(Get({"api", "episodes", "a_s01_e01"}))["stages"].size(), 8U);
  EXPECT_EQ(Reason(Get({"api", "episodes", "b_s01_e01"})), "ERR_EPISODE_NOT_REGISTERED");
  EXPECT_EQ(Reason(Get({"api", "episodes", "..", "state"})), "ERR_BAD_EPISODE_KEY");
}

TEST_F(ApiRoutesTest, StartsFollowsAndCancelsAJob) {
  AddEpisode();
  const Answer started =
      Ask("POST", {"api", "jobs"}, {}, {{"kind", "validate"}, {"episode", "a_s01_e01"}});
  EXPECT_EQ(started.status, 202) << started.body;
  EXPECT_THAT(started.fields, Contains(Pair("Location", "/api/jobs/1")));
  EXPECT_EQ(Document(Get({"api", "episodes", "a_s01_e01", "active"}))["jobs"][0]["job_id"], 1);
  const Answer again =
      Ask("POST", {"api", "jobs"}, {}, {{"kind", "validate"}, {"episode", "a_s01_e01"}});
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(Document(again)["job"]["job_id"], 1);
  const Answer events = Get({"api", "events"}, {{"topics", "job:1"}});
  ASSERT_NE(events.events, nullptr) << events.body;
  const std::string told = events.events->Take();
  EXPECT_THAT(told, StartsWith("event: begin\nid: "));
  EXPECT_THAT(told, HasSubstr("event: view\ndata: {\"job_id\":1,"));
  EXPECT_EQ(Document(Ask("POST", {"api", "jobs", "1", "cancel"}))["job"]["job_id"], 1);
  EXPECT_EQ(Document(Get({"api", "jobs", "1"}))["job"]["job"], "validate_a_s01_e01");
  EXPECT_GT(Document(Get({"api", "jobs", "1", "events"}))["events"].size(), 0U);
  EXPECT_EQ(Document(Get({"api", "jobs"}))["jobs"].size(), 1U);
}

TEST_F(ApiRoutesTest, AJobThatIsNotThereIsNotFoundWhateverItIsCalled) {
  for (const char* id : {"0", "-1", "7", "x", "1x", "99999999999999999999"}) {
    EXPECT_EQ(Reason(Get({"api", "jobs", id})), "ERR_JOB_NOT_FOUND") << id;
    EXPECT_EQ(Reason(Ask("POST", {"api", "jobs", id, "cancel"})), "ERR_JOB_NOT_FOUND") << id;
    EXPECT_EQ(Reason(Ask("POST", {"api", "jobs", id, "resume"}, {}, {{"skip_poison", 7}})),
              "ERR_JOB_NOT_FOUND")
        << id;
    EXPECT_EQ(Reason(Get({"api", "events"}, {{"topics", std::string("job:") + id}})),
              "ERR_JOB_NOT_FOUND")
        << id;
  }
  EXPECT_EQ(Reason(Get({"api", "events"}, {{"topics", "weather"}})), "ERR_BAD_REQUEST");
  EXPECT_EQ(Reason(Get({"api", "jobs"}, {{"limit", "many"}})), "ERR_BAD_REQUEST");
}

TEST_F(ApiRoutesTest, AJobIsNamedByItsNumberOrItsName) {
  AddEpisode();
  ASSERT_EQ(
      Ask("POST", {"api", "jobs"}, {}, {{"kind", "validate"}, {"episode", "a_s01_e01"}}).status,
      202);
  for (const char* name : {"1", "validate_a_s01_e01"}) {
    EXPECT_EQ(Document(Get({"api", "jobs", name}))["job"]["job_id"], 1) << name;
    EXPECT_EQ(Reason(Ask("POST", {"api", "jobs", name, "resume"}, {}, {{"skip_poison", 7}})),
              "ERR_BAD_REQUEST")
        << name;
  }
}

TEST_F(ApiRoutesTest, SaysWhyAJobIsWhereItIsAndShowsItsLog) {
  AddEpisode();
  ASSERT_EQ(
      Ask("POST", {"api", "jobs"}, {}, {{"kind", "validate"}, {"episode", "a_s01_e01"}}).status,
      202);
  ASSERT_EQ(Ask("POST", {"api", "jobs", "1", "cancel"}).status, 200);
  ASSERT_TRUE(owner_->engine().Wait(store::JobId{1}, std::chrono::minutes{1}).ok());
  ASSERT_EQ(
      Ask("POST", {"api", "engine", "settle"}, {}, {{"job_id", 1}}, api::Door::kUnixSocket).status,
      200);
  const Json diagnosis = Document(Get({"api", "jobs", "1", "diagnosis"}));
  EXPECT_EQ(diagnosis["findings"], Json::array({"It was cancelled."}));
  EXPECT_EQ(diagnosis["advice"], "`rollcall jobs resume 1` goes on");
  fs::create_directories(data_.job("validate_a_s01_e01"));
  ASSERT_TRUE(
      base::WriteFileAtomic(data_.job("validate_a_s01_e01") / "log", "one\ntwo\n\xff\n").ok());
  const Json log = Document(Get({"api", "jobs", "1", "log"}, {{"lines", "2"}}));
  EXPECT_EQ(log["lines"], Json::array({"two", "\\xff"}));
  EXPECT_EQ(Reason(Get({"api", "jobs", "1", "log"}, {{"lines", "0"}})), "ERR_BAD_REQUEST");
  EXPECT_EQ(Reason(Get({"api", "jobs", "2", "log"})), "ERR_JOB_NOT_FOUND");
}

TEST_F(ApiRoutesTest, WhatOnlyCommandsMayDoIsNotThereOverTcp) {
  int count = 0;
  for (const server::Route& route : owner_->router().routes()) {
    if (!route.pattern.starts_with("/api/engine/")) continue;
    const std::vector<std::string> path{"api", "engine", route.pattern.substr(12)};
    EXPECT_EQ(Ask(route.method, path).status, 404) << route.pattern;
    ++count;
  }
  EXPECT_EQ(count, 7);
  EXPECT_EQ(Ask("GET", {"api", "engine", "hello"}, {}, {}, api::Door::kUnixSocket).status, 200);
}

TEST_F(ApiRoutesTest, AStreamShowsAgesAsOftenAsItIsAskedTo) {
  AddEpisode();
  ASSERT_EQ(
      Ask("POST", {"api", "jobs"}, {}, {{"kind", "validate"}, {"episode", "a_s01_e01"}}).status,
      202);
  EXPECT_EQ(Reason(Get({"api", "events"}, {{"topics", "job:1"}, {"every_ms", "99"}})),
            "ERR_BAD_REQUEST");
  const Answer often = Get({"api", "events"}, {{"topics", "job:1"}, {"every_ms", "100"}});
  while (often.events->Take().empty() || often.events->patience().count() == 0) {
  }
  EXPECT_EQ(often.events->patience(), std::chrono::milliseconds{100});
  const Answer seldom = Get({"api", "events"}, {{"topics", "job:1"}});
  while (seldom.events->Take().empty() || seldom.events->patience().count() == 0) {
  }
  EXPECT_GE(seldom.events->patience(), std::chrono::minutes{1});
}

TEST_F(ApiRoutesTest, NoFileOfTheHostCanBeNamedOverTcp) {
  ASSERT_TRUE(base::WriteFileAtomic(video(), "v").ok());
  const Json named{{"video", video().string()}};
  EXPECT_EQ(Ask("POST", {"api", "episodes"}, {}, named).status, 403);
  EXPECT_EQ(Ask("POST", {"api", "jobs"}, {}, named).status, 403);
  EXPECT_EQ(Ask("POST", {"api", "jobs"}, {}, {{"model_pack", "/tmp"}}).status, 403);
  EXPECT_EQ(Document(Get({"api", "episodes"}))["episodes"].size(), 0U);
  EXPECT_EQ(Ask("POST", {"api", "episodes"}, {}, named, api::Door::kUnixSocket).status, 201);
}

TEST_F(ApiRoutesTest, GivesTheVideoAndNoFileThatNoStageHasMade) {
  AddEpisode();
  const Answer video_answer = Get({"api", "episodes", "a_s01_e01", "video"});
  ASSERT_TRUE(video_answer.file.has_value());
  EXPECT_EQ(video_answer.file->path, video());
  EXPECT_EQ(video_answer.file->content_type, "video/mp4");
  EXPECT_EQ(Document(Get({"api", "episodes", "a_s01_e01", "files"}))["files"], Json::array());
  for (const char* name : {"report.json", "state.json", "..", "rollcall.db", ""}) {
    EXPECT_EQ(Reason(Get({"api", "episodes", "a_s01_e01", "files", name})), "ERR_NO_SUCH_RESOURCE")
        << name;
  }
  for (const char* what : {"report", "timeline"}) {
    EXPECT_EQ(Reason(Get({"api", "episodes", "a_s01_e01", what})), "ERR_NO_SUCH_RESOURCE");
  }
  for (const char* track : {"1", "-1", "x", "00001.jpg", "99999999999999999999"}) {
    EXPECT_EQ(Reason(Get({"api", "episodes", "a_s01_e01", "tracks", track, "still"})),
              "ERR_NO_SUCH_RESOURCE");
  }
}

TEST_F(ApiRoutesTest, ForgetsAnEpisode) {
  AddEpisode();
  EXPECT_EQ(Ask("DELETE", {"api", "episodes", "a_s01_e01"}, {{"keep_files", "1"}}).status, 400);
  EXPECT_EQ(Ask("DELETE", {"api", "episodes", "a_s01_e01"}).status, 200);
  EXPECT_EQ(Get({"api", "episodes", "a_s01_e01"}).status, 404);
  EXPECT_EQ(Ask("DELETE", {"api", "episodes", "a_s01_e01"}).status, 404);
}

// Its last files are still being written then.
TEST_F(ApiRoutesTest, AnEpisodeCanBeForgottenTheMomentItsJobHasEnded) {
  AddEpisode();
  for (int job = 1; job <= 5; ++job) {
    ASSERT_EQ(
        Ask("POST", {"api", "jobs"}, {}, {{"kind", "validate"}, {"episode", "a_s01_e01"}}).status,
        202);
    ASSERT_EQ(Ask("POST", {"api", "jobs", std::to_string(job), "cancel"}).status, 200);
    ASSERT_TRUE(owner_->engine().Wait(store::JobId{job}, std::chrono::minutes{1}).ok());
    const Answer forgotten = Ask("DELETE", {"api", "episodes", "a_s01_e01"});
    ASSERT_EQ(forgotten.status, 200) << forgotten.body;
    EXPECT_FALSE(fs::exists(folder_ / "episodes/a_s01_e01"));
    EXPECT_FALSE(fs::exists(folder_ / "jobs/validate_a_s01_e01"));
    AddEpisode();
  }
}

TEST_F(ApiRoutesTest, AStreamSaysNothingTwice) {
  AddEpisode();
  ASSERT_EQ(
      Ask("POST", {"api", "jobs"}, {}, {{"kind", "validate"}, {"episode", "a_s01_e01"}}).status,
      202);
  ASSERT_EQ(Ask("POST", {"api", "jobs", "1", "cancel"}).status, 200);
  ASSERT_TRUE(owner_->engine().Wait(store::JobId{1}, std::chrono::minutes{1}).ok());
  const Answer events = Get({"api", "events"}, {{"topics", "job:1"}});
  EXPECT_THAT(events.events->Take(), HasSubstr(R"("state":"cancelled")"));
  EXPECT_TRUE(events.events->is_over());
  EXPECT_EQ(events.events->Take(), "");
}

}  // namespace
}  // namespace rollcall::app
