#include "server/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/reasons.h"
#include "server/testing/bad_heads.h"

namespace rollcall::server {
namespace {

using server::testing::BadHead;

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
namespace reason = domain::reason;

GateLimits Limits() { return {.hosts = {"localhost", "127.0.0.1", "[::1]"}}; }

TEST(GateTest, ReadsAnOrdinaryRequest) {
  const auto head = CheckHead(
      "POST /api/jobs?limit=5 HTTP/1.1\r\nHost: LocalHost:8765\r\nContent-Length:  12 \r\n"
      "Accept: */*\r\n\r\n",
      Limits());
  ASSERT_TRUE(head.ok()) << head.error().ToString();
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/api/jobs?limit=5");
  EXPECT_EQ(head->host, "LocalHost:8765");
  EXPECT_EQ(head->content_length, 12U);
  EXPECT_FALSE(head->is_chunked);
  EXPECT_EQ(head->minor, 1);
}

struct GoodHead {
  const char* name;
  const char* text;
};

class GoodHeadTest : public ::testing::TestWithParam<GoodHead> {};

TEST_P(GoodHeadTest, IsTaken) {
  const auto head = CheckHead(GetParam().text, Limits());
  EXPECT_TRUE(head.ok()) << head.error().ToString();
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodHeadTest,
    ::testing::Values(
        GoodHead{"Http10", "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"},
        GoodHead{"Chunked",
                 "PUT /x HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\n\r\n"},
        GoodHead{"EmptyValue", "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie:\r\n\r\n"},
        GoodHead{"Utf8Value",
                 "GET /x HTTP/1.1\r\nHost: localhost\r\nX-Name: Ma\xc3\xb1"
                 "ana\r\n\r\n"},
        GoodHead{"NoLengthNoBody", "POST /x HTTP/1.1\r\nHost: localhost\r\n\r\n"}),
    [](const auto& head) { return std::string(head.param.name); });

class BadHeadTest : public ::testing::TestWithParam<BadHead> {};

TEST_P(BadHeadTest, IsRefusedWithAReason) {
  const auto head = CheckHead(GetParam().text, Limits());
  ASSERT_FALSE(head.ok());
  EXPECT_EQ(head.error().reason, GetParam().reason) << head.error().message;
}

// Otherwise the refusal would wait for a time limit.
TEST_P(BadHeadTest, IsSeenToHaveEnded) {
  const auto found = FindHead(GetParam().text, Limits());
  EXPECT_TRUE(found.is_complete || found.is_hopeless);
}

INSTANTIATE_TEST_SUITE_P(All, BadHeadTest, ::testing::ValuesIn(server::testing::BadHeads()),
                         [](const auto& head) { return std::string(head.param.name); });

TEST(FindHeadTest, WaitsForTheEmptyLine) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    const auto found = FindHead(std::string_view(head).substr(0, size), Limits());
    EXPECT_FALSE(found.is_complete || found.is_hopeless) << size;
  }
  const auto found = FindHead(head + "GET /next", Limits());
  EXPECT_TRUE(found.is_complete);
  EXPECT_EQ(found.size, head.size());
}

TEST(ParseTargetTest, DecodesOnce) {
  const auto target = ParseTarget("/api/episodes/a%20b%2525?q=%C3%B1+x&limit=5&&flag");
  ASSERT_TRUE(target.ok()) << target.error().ToString();
  EXPECT_THAT(target->path, ElementsAre("api", "episodes", "a b%25"));
  EXPECT_THAT(target->query,
              ElementsAre(Pair("q", "\xc3\xb1 x"), Pair("limit", "5"), Pair("flag", "")));
}

TEST(ParseTargetTest, TheRootIsNoSegment) { EXPECT_THAT(ParseTarget("/")->path, IsEmpty()); }

class BadTargetTest : public ::testing::TestWithParam<const char*> {};

TEST_P(BadTargetTest, IsRefused) {
  const auto target = ParseTarget(GetParam());
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.error().reason, reason::kBadRequest);
}

INSTANTIATE_TEST_SUITE_P(All, BadTargetTest,
                         ::testing::Values("", "a", "?q=1", "/a/../b", "/a/%2e%2e/b", "/a/%2E./b",
                                           "/..", "/.", "/a//b", "/a/", "/a%00b", "/a%0ab", "/a%1b",
                                           "/a%2fb", "/a%2Fb", "/a%", "/a%4", "/a%zz", "/%ff",
                                           "/%c0%ae", "/a?q=%00", "/a?q=%ff", "/a?%zz=1"));

}  // namespace
}  // namespace rollcall::server
