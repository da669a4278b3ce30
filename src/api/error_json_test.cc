#include "api/error_json.h"

#include <gtest/gtest.h>

#include "domain/reasons.h"

namespace rollcall::api {
namespace {

using base::Json;

TEST(ErrorJsonTest, CarriesAnErrorWithoutLoss) {
  const base::Error error =
      domain::MakeError(domain::reason::kVideoNotFound, "no such file: a.mp4");
  const base::Error back = ErrorFromJson(ErrorToJson(error));
  EXPECT_EQ(back.code, error.code);
  EXPECT_EQ(back.reason, error.reason);
  EXPECT_EQ(back.message, error.message);
  EXPECT_EQ(back.hint, error.hint);
}

TEST(ErrorJsonTest, MakesAnErrorOfAnyDocument) {
  EXPECT_EQ(ErrorFromJson(Json(3)).code, base::ErrorCode::kInternal);
  EXPECT_EQ(ErrorFromJson({{"reason", 5}, {"message", "m"}}).message, "m");
}

TEST(ErrorJsonTest, AnErrorSpeaksOfBytesThatAreNoUtf8AsTheyAreWritten) {
  const auto error = domain::MakeError(domain::reason::kVideoNotFound, "there is no a\xf1.mp4");
  EXPECT_EQ(ErrorFromJson(ErrorToJson(error)).message, "there is no a\\xf1.mp4");
}

}  // namespace
}  // namespace rollcall::api
