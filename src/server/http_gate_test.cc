// The gate, seen from outside.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/reasons.h"
#include "server/testing/bad_heads.h"
#include "server/testing/served_test.h"

namespace rollcall::server {
namespace {

using server::testing::BadHead;
using server::testing::RawClient;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BadHeadOverSocketsTest : public server::testing::ServedTest,
                               public ::testing::WithParamInterface<BadHead> {};

TEST_P(BadHeadOverSocketsTest, IsRefusedAndNothingBehindItRuns) {
  const bool is_misdirected = GetParam().reason == domain::reason::kMisdirected;
  for (const bool over_tcp : {true, false}) {
    if (is_misdirected && !over_tcp) continue;  // Any name will do there.
    RawClient client = over_tcp ? AtTcp() : AtUnix();
    client.Send(GetParam().text + Get("/echo"));
    const std::string answer = client.ReadAll();
    EXPECT_THAT(answer, AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 421 "),
                              StartsWith("HTTP/1.1 431 ")));
    EXPECT_THAT(answer, HasSubstr(GetParam().reason));
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
  }
  EXPECT_EQ(asked_, 0);
}

INSTANTIATE_TEST_SUITE_P(All, BadHeadOverSocketsTest,
                         ::testing::ValuesIn(server::testing::BadHeads()),
                         [](const auto& head) { return std::string(head.param.name); });

}  // namespace
}  // namespace rollcall::server
