#pragma once

#include "domain/reasons.h"
#include "store/testing/contract_fixture.h"

namespace rollcall::store {

// Jobs whose worker ended twice at segment `number`.
class PoisonContract : public JobStoreContract {
 protected:
  static domain::SegmentSpan SpanOf(std::int64_t number) {
    return {.number = number,
            .pts_from = std::chrono::seconds{10 * number},
            .pts_to = std::chrono::seconds{10 * (number + 1)}};
  }
  void EndPoisoned(const LeasedTask& task, std::optional<domain::SegmentSpan> at) {
    AttemptEnd end = MakeEnd(AttemptOutcome::kCrashed);
    end.error = domain::MakeError(domain::reason::kPoisonSegment, "twice");
    end.poison = at;
    EXPECT_OK(store().TaskEnd(task.fence, end));
  }
  // A detect of "x" that has segment 0 and failed at segment 1.
  void FailAtOne() {
    Submit(MakeRequest("detect", "x", {"detect"}));
    const LeasedTask task = ClaimStarted();
    EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(0)));
    EndPoisoned(task, SpanOf(1));
  }
  static JobRequest Wishing(SkipWish wish, std::initializer_list<std::string> stages = {"detect"}) {
    JobRequest request = MakeRequest("detect", "x", stages);
    request.stages.front().skip = wish;
    return request;
  }
  JobId SubmitWishing(SkipWish wish) { return Submit(Wishing(wish)).job.id; }
  // Ends `task` well, with `result`.
  void SucceedWith(const LeasedTask& task, const std::string& result) {
    EXPECT_OK(store().TaskSucceed(task.fence, result, {}, {}));
  }
};

TEST_P(PoisonContract, WithoutAWishAPoisonSegmentIsTriedAgain) {
  FailAtOne();
  SubmitWishing(SkipWish::kAsBefore);
  EXPECT_TRUE(Claim().skips.empty());
}

TEST_P(PoisonContract, AWishSkipsTheSegmentThatARunFailedAt) {
  FailAtOne();
  const JobId job = SubmitWishing(SkipWish::kPoison);
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(task.skips, std::vector{SpanOf(1)});
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1)));
  EXPECT_EQ(CountEvents(job, "segment_skipped"), 1);
  EXPECT_EQ(CountEvents(job, "segment_committed"), 0);
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(2)));
  EXPECT_EQ(CountEvents(job, "segment_committed"), 1);
}

TEST_P(PoisonContract, ASkippedSegmentStaysSkippedForLaterAttemptsAndJobs) {
  FailAtOne();
  const JobId job = SubmitWishing(SkipWish::kPoison);
  End(ClaimStarted(), AttemptOutcome::kInterrupted);
  const LeasedTask second = ClaimStarted();
  EXPECT_EQ(second.skips, std::vector{SpanOf(1)});
  EXPECT_OK(store().SegmentCommit(second.fence, MakeSegment(1)));
  EXPECT_OK(store().SegmentDrop(second.run.work_key, 1));
  EXPECT_OK(store().JobCancel(job));
  End(second, AttemptOutcome::kCancelled);
  SubmitWishing(SkipWish::kAsBefore);
  EXPECT_EQ(Claim().skips, std::vector{SpanOf(1)});
}

TEST_P(PoisonContract, TheNextPoisonSegmentIsAWishOfItsOwn) {
  FailAtOne();
  SubmitWishing(SkipWish::kPoison);
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1)));
  EndPoisoned(task, SpanOf(2));
  SubmitWishing(SkipWish::kPoison);
  EXPECT_EQ(Claim().skips, (std::vector{SpanOf(1), SpanOf(2)}));
}

TEST_P(PoisonContract, WishingNothingTriesAll) {
  FailAtOne();
  SubmitWishing(SkipWish::kPoison);
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1)));
  End(task, AttemptOutcome::kFailed);
  EXPECT_OK(store().SegmentDrop(task.run.work_key, 0));
  SubmitWishing(SkipWish::kNone);
  EXPECT_TRUE(Claim().skips.empty());
}

TEST_P(PoisonContract, ThereIsNothingToSkipWithoutAPoisonSegment) {
  const auto wish = [&] { return store().JobSubmit(Wishing(SkipWish::kPoison)); };
  EXPECT_EQ(ReasonOf(wish()), "ERR_NOTHING_TO_SKIP");
  Submit(MakeRequest("detect", "x", {"detect"}));
  EndPoisoned(ClaimStarted(), std::nullopt);  // It had begun no segment.
  EXPECT_EQ(ReasonOf(wish()), "ERR_NOTHING_TO_SKIP");
  EXPECT_EQ(CodeOf(wish()), base::ErrorCode::kFailedPrecondition);
  EXPECT_EQ(store().JobList()->size(), 1u);  // Nothing of a refused one is left.
}

TEST_P(PoisonContract, ASegmentThatWentWellAfterAllIsNoPoison) {
  FailAtOne();
  SubmitWishing(SkipWish::kAsBefore);
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1)));
  EXPECT_OK(store().SegmentDrop(task.run.work_key, 1));
  End(task, AttemptOutcome::kFailed);
  EXPECT_EQ(ReasonOf(store().JobSubmit(Wishing(SkipWish::kPoison))), "ERR_NOTHING_TO_SKIP");
}

TEST_P(PoisonContract, AWishIsNotLostOnARunThatIsTriedAgainAlready) {
  FailAtOne();
  SubmitWishing(SkipWish::kAsBefore);
  EXPECT_EQ(ReasonOf(store().JobSubmit(Wishing(SkipWish::kPoison))), "ERR_JOB_ALREADY_RUNNING");
}

TEST_P(PoisonContract, ResultsSayWhatTheyLackAndWhatTheyWereMadeFrom) {
  FailAtOne();
  JobRequest request = Wishing(SkipWish::kPoison, {"detect", "track"});
  const JobId job = Submit(request).job.id;
  const LeasedTask detect = ClaimStarted({"detect"});
  EXPECT_OK(store().SegmentCommit(detect.fence, MakeSegment(1)));
  SucceedWith(detect, R"({"faces_detected":3})");
  SucceedWith(ClaimStarted({"track"}), "{}");
  const std::string gaps = R"([{"start_ms":10000,"end_ms":20000,"reason":"ERR_POISON_SEGMENT"}])";
  EXPECT_EQ(RunOf(job, "detect").result_json, R"({"faces_detected":3,"gaps":)" + gaps + "}");
  EXPECT_EQ(RunOf(job, "track").result_json, R"({"input_gaps":)" + gaps + "}");

  // A later job that takes the result over says so.
  request.stages.front().skip = SkipWish::kAsBefore;
  for (StageRequest& stage : request.stages) stage.reuse = RunOf(job, stage.name).id;
  const JobId later = Submit(request).job.id;
  const auto events = *store().EventsAfter(later, 0, 10);
  EXPECT_THAT(events.at(1).body_json, testing::HasSubstr("\"gaps\":" + gaps));
}

TEST_P(PoisonContract, AHandlersOwnWordOnItsGapsCounts) {
  FailAtOne();
  const JobId job = SubmitWishing(SkipWish::kPoison);
  const LeasedTask task = ClaimStarted();
  EXPECT_OK(store().SegmentCommit(task.fence, MakeSegment(1)));
  const std::string result = R"({"gaps":[{"end_ms":21500,"reason":"x","start_ms":10000}]})";
  SucceedWith(task, result);
  EXPECT_EQ(RunOf(job, "detect").result_json, result);
}

TEST_P(PoisonContract, ForgettingAnEpisodeForgetsItsPoison) {
  EXPECT_OK(store().EpisodePut({.key = "x", .fingerprint = "f"}));
  FailAtOne();
  SubmitWishing(SkipWish::kPoison);
  End(ClaimStarted(), AttemptOutcome::kFailed);
  EXPECT_OK(store().EpisodeRemove("x"));
  SubmitWishing(SkipWish::kAsBefore);
  EXPECT_TRUE(Claim().skips.empty());
}

}  // namespace rollcall::store
