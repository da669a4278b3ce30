#include "cli/exit_code.h"

#include <gtest/gtest.h>

#include "api/testing/sample_job.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

namespace reason = domain::reason;
using domain::JobState;

struct Case {
  std::string_view reason;
  ExitCode exit;
};
class ExitCodeTest : public ::testing::TestWithParam<Case> {};

TEST_P(ExitCodeTest, FollowsTheReason) {
  EXPECT_EQ(ExitCodeFor(domain::MakeError(GetParam().reason, "m")), GetParam().exit);
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, ExitCodeTest,
    ::testing::Values(
        Case{reason::kBadParams, ExitCode::kUsage}, Case{reason::kBadConfig, ExitCode::kUsage},
        Case{reason::kNothingToSkip, ExitCode::kUsage},
        Case{reason::kVideoNotFound, ExitCode::kInput}, Case{reason::kKeyTaken, ExitCode::kInput},
        Case{reason::kModelMissing, ExitCode::kInput}, Case{reason::kPermission, ExitCode::kInput},
        Case{reason::kCancelled, ExitCode::kCancelled}, Case{reason::kDiskFull, ExitCode::kFailed},
        Case{reason::kStoreBusy, ExitCode::kFailed},
        Case{reason::kJobAlreadyRunning, ExitCode::kAlreadyRunning}),
    [](const auto& tested) { return std::string(tested.param.reason); });

TEST(JobExitCodeTest, FollowsHowTheJobEnded) {
  api::JobView job = api::testing::SampleJob(1);
  job.state = JobState::kSucceeded;
  EXPECT_EQ(ExitCodeFor(job), ExitCode::kOk);
  job.state = JobState::kCancelled;
  EXPECT_EQ(ExitCodeFor(job), ExitCode::kCancelled);
  job.state = JobState::kFailed;
  job.stages[0].state = JobState::kFailed;
  job.stages[0].error = domain::MakeError(reason::kPoisonSegment, "m");
  EXPECT_EQ(ExitCodeFor(job), ExitCode::kFailed);
  job.stages[0].error = domain::MakeError(reason::kVideoUnreadable, "m");
  EXPECT_EQ(ExitCodeFor(job), ExitCode::kInput);
  job.stages[0].error = domain::MakeError(reason::kBadParams, "m");
  EXPECT_EQ(ExitCodeFor(job), ExitCode::kFailed);
}

}  // namespace
}  // namespace rollcall::cli
