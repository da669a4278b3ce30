#include <gtest/gtest.h>

#include "domain/face.h"
#include "domain/geometry.h"
#include "domain/job_state.h"
#include "domain/reasons.h"
#include "domain/stage_handler.h"

namespace rollcall::domain {
namespace {

TEST(GeometryTest, IouAndOverlapOfTableOfBoxes) {
  const PixelBox a{0, 0, 10, 10};
  EXPECT_FLOAT_EQ(Iou(a, a), 1);
  EXPECT_FLOAT_EQ(Iou(a, {20, 20, 30, 30}), 0);
  EXPECT_FLOAT_EQ(Iou(a, {5, 0, 15, 10}), 50.0F / 150.0F);
  EXPECT_FLOAT_EQ(Overlap(a, {2, 2, 4, 4}), 1);
  EXPECT_FLOAT_EQ(Iou(a, {3, 3, 3, 3}), 0);
}

TEST(GeometryTest, SquareAroundKeepsTheCentre) {
  const PixelBox square = SquareAround({0, 0, 10, 20}, 1.5F);
  EXPECT_FLOAT_EQ(square.width(), 30);
  EXPECT_FLOAT_EQ(square.height(), 30);
  EXPECT_FLOAT_EQ(square.centre().y, 10);
}

TEST(SegmentSpanTest, TellsTimesAsAPlayerShowsThem) {
  using std::chrono::milliseconds;
  EXPECT_EQ(TimeRangeText(milliseconds{80'000}, milliseconds{90'000}), "00:01:20–00:01:30");
  EXPECT_EQ(TimeRangeText(milliseconds{0}, milliseconds{360'061'042}), "00:00:00–100:01:01.042");
}

TEST(JobStateTest, WordsOnPaper) {
  EXPECT_EQ(JobStateWord(JobState::kSucceeded), "ok");
  EXPECT_EQ(JobStateWord(JobState::kFailed), "error");
  EXPECT_EQ(JobStateWord(JobState::kCancelled), "canceled");
  EXPECT_EQ(JobStateWord(JobState::kRetryWait), "pending");
  EXPECT_EQ(JobStateWord(JobState::kCancelling), "running");
  for (int i = 0; i <= static_cast<int>(JobState::kSkipped); ++i) {
    const auto state = static_cast<JobState>(i);
    EXPECT_EQ(JobStateFromName(JobStateName(state)), state);
  }
}

TEST(ReasonsTest, EveryReasonHasACodeAndAHint) {
  for (const std::string_view name :
       {reason::kEpisodeNotRegistered, reason::kVideoNotFound, reason::kVideoUnreadable,
        reason::kVideoChanged, reason::kModelMissing, reason::kDiskFull, reason::kStalled,
        reason::kStoreBusy, reason::kKeyTaken}) {
    const base::Error error = MakeError(name, "x");
    EXPECT_EQ(error.reason, name);
    EXPECT_FALSE(error.hint.empty()) << name;
  }
}

TEST(ReasonsTest, PermanentErrorsAreNotRetried) {
  EXPECT_FALSE(IsRetryable(MakeError(reason::kVideoNotFound, "x")));
  EXPECT_FALSE(IsRetryable(MakeError(reason::kBadParams, "x")));
  EXPECT_FALSE(IsRetryable(MakeError(reason::kModelMissing, "x")));
  EXPECT_FALSE(IsRetryable(MakeError(reason::kEpisodeNotRegistered, "x")));
  EXPECT_TRUE(IsRetryable(MakeError(reason::kStalled, "x")));
  EXPECT_FALSE(IsRetryable(StoppedError()));
}

TEST(FaceTest, CosineOfUnitVectors) {
  EXPECT_FLOAT_EQ(Cosine({1, 0}, {0, 1}), 0);
  EXPECT_FLOAT_EQ(Cosine({0.6F, 0.8F}, {0.6F, 0.8F}), 1);
}

}  // namespace
}  // namespace rollcall::domain
