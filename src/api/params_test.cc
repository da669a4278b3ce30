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

}  // namespace
}  // namespace rollcall::api
