#include "server/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/json.h"
#include "domain/reasons.h"

namespace rollcall::server {
namespace {

using api::Answer;
using api::Request;
using base::Json;
using ::testing::ElementsAre;
namespace reason = domain::reason;

class RouterTest : public ::testing::Test {
 protected:
  static base::Result<Answer> Parts(const std::vector<std::string>& parts, const Request&) {
    return api::JsonAnswer(Json(parts));
  }
  static base::Result<Answer> Fail(const std::vector<std::string>&, const Request&) {
    return domain::MakeError(reason::kDiskFull, "no room");
  }
  static base::Result<Answer> Throw(const std::vector<std::string>&, const Request&) {
    throw std::runtime_error("thrown on purpose");
  }

  static Request Of(std::string method, std::vector<std::string> path) {
    return {.method = std::move(method), .path = std::move(path)};
  }
  // The status and the reason of a problem, or the document.
  std::pair<int, Json> Ask(const Request& request) {
    const Answer answer = router_.Run(request);
    auto document = base::ParseJson(answer.body, "answer");
    EXPECT_TRUE(document.ok());
    if (answer.content_type != "application/problem+json") return {answer.status, *document};
    EXPECT_EQ((*document)["status"], answer.status);
    return {answer.status, (*document)["reason"]};
  }

  Router router_{{
      {.method = "GET", .pattern = "/", .run = Parts},
      {.method = "GET", .pattern = "/api/jobs", .run = Parts},
      {.method = "POST", .pattern = "/api/jobs", .run = Parts},
      {.method = "GET", .pattern = "/api/jobs/{id}", .run = Parts},
      {.method = "POST", .pattern = "/api/jobs/{id}/{verb}", .run = Parts},
      {.method = "GET", .pattern = "/api/fail", .run = Fail},
      {.method = "GET", .pattern = "/api/throw", .run = Throw},
      {.method = "POST",
       .pattern = "/api/engine/work",
       .run = Parts,
       .from = Route::From::kUnixSocket},
  }};
};

TEST_F(RouterTest, FindsByMethodAndPath) {
  EXPECT_EQ(Ask(Of("GET", {})), std::pair(200, Json::array()));
  EXPECT_EQ(Ask(Of("GET", {"api", "jobs"})), std::pair(200, Json::array()));
  EXPECT_EQ(Ask(Of("GET", {"api", "jobs", "12"})), std::pair(200, Json({"12"})));
  EXPECT_EQ(Ask(Of("POST", {"api", "jobs", "12", "cancel"})),
            std::pair(200, Json({"12", "cancel"})));
}

TEST_F(RouterTest, AnswersHeadAsGet) {
  EXPECT_EQ(router_.Run(Of("HEAD", {"api", "jobs"})).status, 200);
}

TEST_F(RouterTest, SaysWhatThereIsNot) {
  EXPECT_EQ(Ask(Of("GET", {"api"})), std::pair(404, Json("ERR_NO_SUCH_RESOURCE")));
  EXPECT_EQ(Ask(Of("GET", {"api", "jobs", "1", "2", "3"})),
            std::pair(404, Json("ERR_NO_SUCH_RESOURCE")));
}

TEST_F(RouterTest, SaysWhichMethodsThereAre) {
  const Answer answer = router_.Run(Of("DELETE", {"api", "jobs"}));
  EXPECT_EQ(answer.status, 405);
  EXPECT_THAT(answer.fields, ElementsAre(std::pair("Allow", "GET, HEAD, POST")));
}

TEST_F(RouterTest, RoutesOfTheUnixSocketAreNotThereElsewhere) {
  Request request = Of("POST", {"api", "engine", "work"});
  EXPECT_EQ(Ask(request), std::pair(404, Json("ERR_NO_SUCH_RESOURCE")));
  request.door = api::Door::kUnixSocket;
  EXPECT_EQ(Ask(request).first, 200);
}

TEST_F(RouterTest, TurnsAnErrorIntoAProblem) {
  EXPECT_EQ(Ask(Of("GET", {"api", "fail"})), std::pair(507, Json("ERR_DISK_FULL")));
  EXPECT_EQ(Ask(Of("GET", {"api", "throw"})), std::pair(500, Json("ERR_INTERNAL")));
}

TEST_F(RouterTest, APageOfAnotherOriginChangesNothing) {
  Request request = Of("POST", {"api", "jobs"});
  request.fields = {{"host", "localhost:8765"}, {"origin", "http://evil.example"}};
  EXPECT_EQ(Ask(request), std::pair(403, Json("ERR_FORBIDDEN")));
  request.fields = {{"host", "localhost:8765"}, {"origin", "null"}};
  EXPECT_EQ(Ask(request).first, 403);
  request.fields = {{"host", "localhost:8765"}, {"sec-fetch-site", "cross-site"}};
  EXPECT_EQ(Ask(request).first, 403);
  request.fields = {{"host", "localhost:8765"},
                    {"origin", "http://localhost:8765"},
                    {"sec-fetch-site", "same-origin"}};
  EXPECT_EQ(Ask(request).first, 200);
  request.method = "GET";
  request.fields = {{"host", "localhost:8765"}, {"origin", "http://evil.example"}};
  EXPECT_EQ(Ask(request).first, 200);
}

TEST(RequestTest, EncodesItsPathAgain) {
  EXPECT_EQ(Request{}.Path(), "/");
  EXPECT_EQ((Request{.path = {"a b", "\xc3\xb1%"}}).Path(), "/a%20b/%C3%B1%25");
}

}  // namespace
}  // namespace rollcall::server
