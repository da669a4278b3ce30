#pragma once

#include "store/testing/contract_subjects.h"

namespace rollcall::store {

inline JobRequest WithKey(JobRequest request, std::string key) {
  request.idempotency_key = std::move(key);
  return request;
}

TEST_P(JobStoreContract, ASubmissionThatIsRepeatedWithItsKeyIsTheJobOfTheFirstTime) {
  const Submission first = Submit(WithKey(MakeBatch("b1"), "k"));
  EXPECT_FALSE(first.is_existing);
  const auto events = EventsOf(first.job.id);
  const Submission second = Submit(WithKey(MakeBatch("b2"), "k"));
  EXPECT_TRUE(second.is_existing);
  EXPECT_EQ(second.job.id, first.job.id);
  EXPECT_EQ(second.job.subject.id, "b1") << "the one that was made the second time is not known";
  EXPECT_EQ(store().JobList()->size(), 1U);
  EXPECT_TRUE(store().RunHistory({"batch", "b2"}, "scan")->empty());
  EXPECT_EQ(EventsOf(first.job.id), events);
}

TEST_P(JobStoreContract, WithoutAKeySubmissionsOfABatchAreSeparateJobsAndRuns) {
  const Submission first = Submit(MakeBatch("b1"));
  const Submission second = Submit(MakeBatch("b1"));
  const Submission keyed = Submit(WithKey(MakeBatch("b1"), "k"));
  const Submission other_key = Submit(WithKey(MakeBatch("b1"), "l"));
  const std::set<JobId> ids{first.job.id, second.job.id, keyed.job.id, other_key.job.id};
  EXPECT_EQ(ids.size(), 4U);
  EXPECT_FALSE(second.is_existing || keyed.is_existing || other_key.is_existing);
  EXPECT_EQ(store().RunHistory({"batch", "b1"}, "scan")->size(), 4U);
  std::set<StageRunId> runs;
  while (auto task = TryClaim({"scan"})) runs.insert(task->run.id);
  EXPECT_EQ(runs.size(), 4U) << "side by side";
}

TEST_P(JobStoreContract, AKeyNamesAJobThatHasEndedToo) {
  const JobId job = Submit(WithKey(MakeRequest("detect", "x", {"detect"}), "k")).job.id;
  RunToSuccess("detect");
  const Submission again = Submit(WithKey(MakeRequest("detect", "x", {"detect"}), "k"));
  EXPECT_TRUE(again.is_existing);
  EXPECT_EQ(again.job.id, job);
  EXPECT_EQ(again.job.state, JobState::kSucceeded);
  EXPECT_FALSE(*store().HasOpenJobs());
}

// The answer to the first time, which joined what was there, may have been lost as well.
TEST_P(JobStoreContract, AKeyNamesTheJobThatTheFirstSubmissionJoined) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  EXPECT_TRUE(Submit(WithKey(MakeRequest("detect", "x", {"detect"}), "k")).is_existing);
  EXPECT_TRUE(Submit(WithKey(MakeRequest("detect", "x", {"detect"}), "l")).is_existing);
  RunToSuccess("detect");
  for (const char* key : {"k", "l"}) {
    const Submission again = Submit(WithKey(MakeRequest("detect", "x", {"detect"}), key));
    EXPECT_TRUE(again.is_existing);
    EXPECT_EQ(again.job.id, job);
  }
  EXPECT_FALSE(Submit(MakeRequest("detect", "x", {"detect"})).is_existing);
}

TEST_P(JobStoreContract, AKeyIsRefusedForAnotherRequest) {
  JobRequest request = MakeRequest("detect", "x", {"detect"});
  request.request_json = R"({"a":1})";
  const JobId job = Submit(WithKey(request, "k")).job.id;
  const auto refuses = [&](const JobRequest& other) {
    const auto answer = store().JobSubmit(WithKey(other, "k"));
    EXPECT_EQ(ReasonOf(answer), "ERR_IDEMPOTENCY_KEY_REUSED");
    EXPECT_EQ(CodeOf(answer), base::ErrorCode::kFailedPrecondition);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("detect_x"));
    EXPECT_FALSE(answer.error().hint.empty());
  };
  JobRequest other = request;
  other.request_json = R"({"a":2})";
  refuses(other);
  other = request;
  other.kind = "again";
  refuses(other);
  other = request;
  other.subject.id = "y";
  refuses(other);  // An episode stays what it is, so its key is part of what is asked for.
  other = request;
  other.stages[0].dedupe_key.reset();
  refuses(other);
  EXPECT_EQ(store().JobList()->size(), 1U);
  other = request;
  other.priority = 7;
  other.stages[0].work_key = "planned when something else was there";
  EXPECT_EQ(Submit(WithKey(other, "k")).job.id, job);
}

TEST_P(JobStoreContract, AKeyIsOfOneKindOfSubject) {
  const JobId hume = Submit(WithKey(MakeSeparate("hume", "clip"), "k")).job.id;
  const Submission music = Submit(WithKey(MakeSeparate("music", "clip"), "k"));
  EXPECT_FALSE(music.is_existing);
  EXPECT_NE(music.job.id, hume);
}

TEST_P(JobStoreContract, AKeyIsForgottenAfterADayByTheStoresWallClock) {
  const JobId first = Submit(WithKey(MakeBatch("b1"), "k")).job.id;
  clock_.Advance(kIdempotencyKeyAge - std::chrono::milliseconds{1});
  EXPECT_EQ(Submit(WithKey(MakeBatch("b1"), "k")).job.id, first);
  clock_.Advance(std::chrono::milliseconds{1});
  JobRequest other = MakeBatch("b1");
  other.request_json = R"({"other":1})";
  const Submission second = Submit(WithKey(other, "k"));
  EXPECT_FALSE(second.is_existing) << "a repetition does not make it younger";
  clock_.JumpWall(-kIdempotencyKeyAge);
  EXPECT_EQ(Submit(WithKey(other, "k")).job.id, second.job.id);
  EXPECT_EQ(store().JobList()->size(), 2U);
}

TEST_P(JobStoreContract, ARefusedSubmissionLeavesItsKeyFree) {
  JobRequest wrong = MakeBatch("b1");
  wrong.stages[0].reuse = StageRunId{99};
  EXPECT_EQ(ReasonOf(store().JobSubmit(WithKey(wrong, "k"))), "ERR_BAD_PARAMS");
  EXPECT_FALSE(Submit(WithKey(MakeBatch("b1"), "k")).is_existing);
  EXPECT_EQ(ReasonOf(store().JobSubmit(WithKey(MakeBatch("b1"), ""))), "ERR_BAD_PARAMS");
  EXPECT_EQ(ReasonOf(store().JobSubmit(WithKey(MakeBatch("b1"), std::string(201, 'k')))),
            "ERR_BAD_PARAMS");
}

TEST_P(JobStoreContract, AKeyGoesWithItsJobAndOutlivesThatItIsPlannedAnew) {
  JobRequest request = WithKey(MakeRequest("detect", "x", {"detect"}, 1), "k");
  const JobId job = Submit(request).job.id;
  JobRequest anew = MakeRequest("detect", "x", {"detect"}, 2);
  anew.request_json = R"({"new":1})";
  EXPECT_OK(store().JobReplan(job, anew));
  EXPECT_EQ(Submit(request).job.id, job);
  EXPECT_OK(store().JobCancel(job));
  EXPECT_OK(store().SubjectErase(request.subject));
  EXPECT_FALSE(Submit(request).is_existing);
}

}  // namespace rollcall::store
