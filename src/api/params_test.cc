#include "api/params.h"

#include <gtest/gtest.h>

namespace rollcall::api {
namespace {

using base::Json;

TEST(ParamsTest, RefusesAParameterOfAnotherType) {
  const Json params{{"kind", 3}, {"force", "yes"}, {"job_id", "x"}, {"none", nullptr}};
  EXPECT_FALSE(TextParam(params, "kind", "").ok());
  EXPECT_FALSE(FlagParam(params, "force", false).ok());
  EXPECT_FALSE(IntegerParam(params, "job_id", 0).ok());
  EXPECT_EQ(TextParam(params, "none", "fallback").value(), "fallback");
  EXPECT_EQ(IntegerParam(params, "missing", 4).value(), 4);
}

TEST(ParamsTest, RefusesAQueryThatIsNoNumberOfThatSize) {
  const auto of = [](const char* text) { return IntegerQuery(Get({}, {{"n", text}}), "n", 7, 2); };
  EXPECT_EQ(IntegerQuery(Get({}), "n", 7, 2).value(), 7);
  EXPECT_EQ(of("2").value(), 2);
  for (const char* text : {"", "1", "-2", "2x", " 2", "+2", "0x2", "2.0", "99999999999999999999"}) {
    EXPECT_FALSE(of(text).ok()) << text;
  }
}

}  // namespace
}  // namespace rollcall::api
