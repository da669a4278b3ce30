#include "api/http.h"

#include <gtest/gtest.h>

#include "domain/reasons.h"

namespace rollcall::api {
namespace {

TEST(RequestTest, WritesItsTargetSoThatItIsReadBack) {
  EXPECT_EQ(Get({"api", "jobs"}, {{"limit", "5"}, {"q", "a&b=c d"}}).Target(),
            "/api/jobs?limit=5&q=a%26b%3Dc%20d");
  EXPECT_EQ(Post({"a/b", "\xc3\xa4"}).Target(), "/a%2Fb/%C3%A4");
}

TEST(DocumentOfTest, GivesTheDocumentOfAnAnswer) {
  EXPECT_EQ(DocumentOf(JsonAnswer({{"a", 1}})).value(), (base::Json{{"a", 1}}));
  EXPECT_EQ(DocumentOf({.content_type = "text/plain; charset=utf-8", .body = "a 1"}).value(),
            (base::Json{{"text", "a 1"}}));
}

TEST(DocumentOfTest, GivesTheErrorOfAProblemAsItWas) {
  const auto error = domain::MakeError(domain::reason::kDiskFull, "no space", "free 2 GB");
  const auto document = DocumentOf(ProblemAnswer(error, "/"));
  ASSERT_FALSE(document.ok());
  EXPECT_EQ(document.error().reason, error.reason);
  EXPECT_EQ(document.error().code, error.code);
  EXPECT_EQ(document.error().message, error.message);
  EXPECT_EQ(document.error().hint, error.hint);
  EXPECT_EQ(DocumentOf({.body = "{"}).error().reason, domain::reason::kProtocol);
}

}  // namespace
}  // namespace rollcall::api
