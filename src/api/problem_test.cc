#include "api/problem.h"

#include <gtest/gtest.h>

#include "domain/reasons.h"

namespace rollcall::api {
namespace {

using base::Json;
namespace reason = domain::reason;

TEST(ProblemTest, LosesNothingOfAnError) {
  const base::Error error =
      domain::MakeError(reason::kKeyTaken, "a_s01_e01 names another video", "name it otherwise");
  const Json problem = ProblemOf(error, "/api/episodes");
  EXPECT_EQ(problem["status"], 409);
  EXPECT_EQ(problem["title"], "Conflict");
  EXPECT_EQ(problem["instance"], "/api/episodes");
  const base::Error back = ErrorOfProblem(problem);
  EXPECT_EQ(back.code, error.code);
  EXPECT_EQ(back.reason, error.reason);
  EXPECT_EQ(back.message, error.message);
  EXPECT_EQ(back.hint, error.hint);
}

TEST(ProblemTest, MakesAnErrorOfAnyDocument) {
  for (const char* text : {"null", "[]", "7", "{}", R"({"detail": 7, "reason": []})"}) {
    EXPECT_EQ(ErrorOfProblem(Json::parse(text)).code, base::ErrorCode::kInternal) << text;
  }
}

TEST(ProblemTest, EveryReasonOfHttpHasItsStatusWithATitle) {
  for (const auto& [known, status] :
       {std::pair{reason::kForbidden, 403}, std::pair{reason::kMethodNotAllowed, 405},
        std::pair{reason::kMisdirected, 421}, std::pair{reason::kHeadTooLarge, 431},
        std::pair{reason::kTooLarge, 413}, std::pair{reason::kUnsupportedMedia, 415},
        std::pair{reason::kRequestTimeout, 408}, std::pair{reason::kNoSuchResource, 404},
        std::pair{reason::kJobAlreadyRunning, 409}, std::pair{reason::kDiskFull, 507}}) {
    EXPECT_EQ(StatusOf(domain::MakeError(known, "x")), status) << known;
    EXPECT_NE(StatusTitle(status), "") << status;
  }
}

TEST(ProblemTest, ANewReasonHasTheStatusOfItsCode) {
  EXPECT_EQ(StatusOf({base::ErrorCode::kNotFound, "ERR_SOMETHING_NEW", "", ""}), 404);
}

}  // namespace
}  // namespace rollcall::api
