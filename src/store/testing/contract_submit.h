#pragma once

#include "store/testing/contract_fixture.h"

namespace rollcall::store {

using domain::JobState;

TEST_P(JobStoreContract, QueuesTheFirstStageAndBlocksTheRest) {
  const JobId job = SubmitAnalyze("x");
  EXPECT_EQ(JobStateOf(job), JobState::kQueued);
  EXPECT_EQ(StateOf(job, "extract"), JobState::kQueued);
  EXPECT_EQ(RunOf(job, "extract").wait_reason, "waits for a free worker");
  EXPECT_EQ(StateOf(job, "detect"), JobState::kBlocked);
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "waits for extract_x to end");
  EXPECT_EQ(RunOf(job, "track").wait_reason, "waits for detect_x to end");
  EXPECT_TRUE(*store().HasOpenJobs());
}

TEST_P(JobStoreContract, GivesBackAJobAsItWasSubmitted) {
  JobRequest request = MakeRequest("detect", "x", {"detect"});
  request.request_json = R"({"a":1})";
  request.priority = 3;
  request.stages[0].params_json = R"({"stride":2})";
  const JobId id = Submit(request).job.id;
  const Job job = *store().JobGet(id);
  EXPECT_EQ(job.subject, request.subject);
  EXPECT_EQ(job.kind, "detect");
  EXPECT_EQ(job.request_json, R"({"a":1})");
  EXPECT_EQ(job.priority, 3);
  EXPECT_EQ(job.created_at, now().wall);
  EXPECT_EQ(job.job_name(), "detect_x");
  EXPECT_FALSE(job.finished_at.has_value());
  const StageRun run = RunOf(id, "detect");
  EXPECT_EQ(run.subject, request.subject);
  EXPECT_EQ(run.generation, 1);
  EXPECT_EQ(run.work_key, "x/detect/1");
  EXPECT_EQ(run.dedupe_key, "x/detect/1");
  EXPECT_EQ(run.params_json, R"({"stride":2})");
  EXPECT_EQ(run.created_at, now().wall);
}

TEST_P(JobStoreContract, RefusesARequestThatContradictsItself) {
  const auto refuses = [&](const JobRequest& request) {
    EXPECT_EQ(ReasonOf(store().JobSubmit(request)), "ERR_BAD_PARAMS");
  };
  JobRequest request = MakeRequest("detect", "x", {});
  refuses(request);  // No stages.
  request = MakeRequest("detect", "x", {"detect", "detect"});
  refuses(request);
  request = MakeRequest("detect", "x", {"detect"});
  request.stages[0].needs = {"extract"};
  refuses(request);  // A need that is not part of it.
  request = MakeRequest("detect", "", {"detect"});
  refuses(request);
  request = MakeRequest("detect", "x", {"extract", "detect"});
  request.stages[1].dedupe_key = request.stages[0].dedupe_key;
  refuses(request);
  EXPECT_FALSE(*store().HasOpenJobs());
}

TEST_P(JobStoreContract, ReturnsTheOpenJobForTheSameWork) {
  const Submission first = Submit(MakeRequest("detect", "x", {"extract", "detect"}));
  const Submission second = Submit(MakeRequest("detect", "x", {"extract", "detect"}));
  EXPECT_FALSE(first.is_existing);
  EXPECT_TRUE(second.is_existing);
  EXPECT_EQ(second.job.id, first.job.id);
  EXPECT_EQ(store().JobList()->size(), 1u);
  EXPECT_EQ(CountEvents(first.job.id, "job_submitted"), 1);
}

TEST_P(JobStoreContract, ReturnsTheOpenJobWhileItsStageRuns) {
  const JobId first = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  ClaimStarted();
  const Submission second = Submit(MakeRequest("detect", "x", {"detect"}));
  EXPECT_TRUE(second.is_existing);
  EXPECT_EQ(second.job.id, first);
}

TEST_P(JobStoreContract, MakesANewGenerationOnceTheOldOneEnded) {
  const JobId first = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  RunToSuccess("detect");
  const Submission second = Submit(MakeRequest("detect", "x", {"detect"}));
  EXPECT_FALSE(second.is_existing);
  EXPECT_NE(second.job.id, first);
  EXPECT_EQ(RunOf(second.job.id, "detect").generation, 2);
}

TEST_P(JobStoreContract, JoinsALiveStageOfAJobOfAnotherKind) {
  const JobId detect = Submit(MakeRequest("detect", "x", {"extract", "detect"})).job.id;
  const Submission analyze = Submit(MakeRequest("analyze", "x", {"extract", "detect", "track"}));
  EXPECT_FALSE(analyze.is_existing);
  EXPECT_EQ(RunOf(detect, "detect").id, RunOf(analyze.job.id, "detect").id);
  RunToSuccess("extract");
  RunToSuccess("detect");
  EXPECT_EQ(JobStateOf(detect), JobState::kSucceeded);
  EXPECT_EQ(JobStateOf(analyze.job.id), JobState::kQueued);
  EXPECT_EQ(CountEvents(detect, "stage_succeeded"), 2);
  EXPECT_EQ(CountEvents(analyze.job.id, "stage_succeeded"), 2);
  RunToSuccess("track");
  EXPECT_EQ(JobStateOf(analyze.job.id), JobState::kSucceeded);
}

TEST_P(JobStoreContract, ASmallerJobJoinsALargerOneAsAJobOfItsOwn) {
  const JobId analyze = SubmitAnalyze("x");
  const Submission detect = Submit(MakeRequest("detect", "x", {"extract", "detect"}));
  EXPECT_FALSE(detect.is_existing);
  EXPECT_EQ(RunOf(analyze, "detect").id, RunOf(detect.job.id, "detect").id);
}

TEST_P(JobStoreContract, RunsNothingThatIsReused) {
  Submit(MakeRequest("extract", "x", {"extract"}));
  const StageRunId done = RunToSuccess("extract").run.id;
  JobRequest request = MakeRequest("detect", "x", {"extract", "detect"});
  request.stages[0].reuse = done;
  const JobId job = Submit(request).job.id;
  EXPECT_EQ(RunOf(job, "extract").id, done);
  const auto views = *store().JobRuns(job);
  EXPECT_TRUE(views[0].is_reused);
  EXPECT_FALSE(views[1].is_reused);
  const LeasedTask task = Claim();
  EXPECT_EQ(task.run.name, "detect");
  ASSERT_EQ(task.inputs.size(), 1u);
  EXPECT_EQ(task.inputs[0].name, "extract.parquet");
  EXPECT_EQ(CountEvents(job, "stage_skipped"), 1);
}

TEST_P(JobStoreContract, EndsAJobAtOnceWhoseStagesAreAllReused) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  JobRequest request = MakeRequest("detect", "x", {"detect"});
  request.stages[0].reuse = RunToSuccess("detect").run.id;
  const Submission submission = Submit(request);
  EXPECT_FALSE(submission.is_existing);
  EXPECT_EQ(submission.job.state, JobState::kSucceeded);
  EXPECT_TRUE(submission.job.finished_at.has_value());
  EXPECT_THAT(EventsOf(submission.job.id),
              testing::ElementsAre("job_submitted", "stage_skipped", "job_succeeded"));
  EXPECT_FALSE(TryClaim().has_value());
}

TEST_P(JobStoreContract, RefusesToReuseWhatIsNotAFinishedRunOfThatWork) {
  const JobId job = Submit(MakeRequest("detect", "x", {"detect"})).job.id;
  JobRequest request = MakeRequest("detect", "x", {"detect"});
  request.stages[0].reuse = RunOf(job, "detect").id;  // Not finished.
  EXPECT_EQ(ReasonOf(store().JobSubmit(request)), "ERR_BAD_PARAMS");
  RunToSuccess("detect");
  request.stages[0].work_key = "other work";
  EXPECT_EQ(ReasonOf(store().JobSubmit(request)), "ERR_BAD_PARAMS");
  request.stages[0].reuse = StageRunId{99999};
  EXPECT_EQ(ReasonOf(store().JobSubmit(request)), "ERR_BAD_PARAMS");
}

TEST_P(JobStoreContract, QueuesOtherParametersBehindTheLiveGenerationAndSaysSo) {
  const JobId first = Submit(MakeRequest("detect", "x", {"detect"}, 1)).job.id;
  const Submission second = Submit(MakeRequest("detect", "x", {"detect"}, 2));
  EXPECT_FALSE(second.is_existing);
  EXPECT_EQ(StateOf(second.job.id, "detect"), JobState::kBlocked);
  EXPECT_EQ(RunOf(second.job.id, "detect").wait_reason,
            "behind generation 1 of detect_x, which runs with other parameters");
  const LeasedTask task = ClaimStarted();
  EXPECT_EQ(task.run.id, RunOf(first, "detect").id);
  EXPECT_FALSE(TryClaim().has_value());
  End(task, AttemptOutcome::kFailed);  // However it ends.
  EXPECT_EQ(StateOf(second.job.id, "detect"), JobState::kQueued);
  EXPECT_EQ(Claim().run.id, RunOf(second.job.id, "detect").id);
}

TEST_P(JobStoreContract, ThreeGenerationsRunOneAfterTheOther) {
  for (int version = 1; version <= 3; ++version) {
    Submit(MakeRequest("detect", "x", {"detect"}, version));
  }
  for (int generation = 1; generation <= 3; ++generation) {
    const LeasedTask task = ClaimStarted();
    EXPECT_EQ(task.run.generation, generation);
    EXPECT_FALSE(TryClaim().has_value());
    Succeed(task);
  }
}

TEST_P(JobStoreContract, SaysWhatABlockedRunWaitsForNext) {
  Submit(MakeRequest("detect", "x", {"detect"}, 1));
  JobRequest request = MakeRequest("analyze", "x", {"extract", "detect"}, 2);
  const JobId job = Submit(request).job.id;
  EXPECT_EQ(RunOf(job, "detect").wait_reason, "waits for extract_x to end");
  RunToSuccess("extract");
  EXPECT_EQ(RunOf(job, "detect").wait_reason,
            "behind generation 1 of detect_x, which runs with other parameters");
  EXPECT_EQ(CountEvents(job, "stage_waiting"), 1);
}

TEST_P(JobStoreContract, EqualSubmissionsWithoutADedupeKeyAreSeparateAndRunTogether) {
  for (const std::string kind : {"hume", "music"}) {
    const Submission first = Submit(MakeSeparate(kind, "clip"));
    const Submission second = Submit(MakeSeparate(kind, "clip"));
    EXPECT_FALSE(second.is_existing);
    EXPECT_NE(first.job.id, second.job.id);
    const LeasedTask a = ClaimStarted();
    const LeasedTask b = ClaimStarted();
    EXPECT_NE(a.run.id, b.run.id);
    EXPECT_EQ(a.run.generation, 1);
    EXPECT_EQ(b.run.generation, 2);
    EXPECT_EQ(a.run.subject.kind, kind);
    Succeed(a);
    Succeed(b);
    EXPECT_EQ(JobStateOf(first.job.id), JobState::kSucceeded);
    EXPECT_EQ(JobStateOf(second.job.id), JobState::kSucceeded);
  }
}

TEST_P(JobStoreContract, TheSameStageOfTwoSubjectsRunsTogether) {
  Submit(MakeRequest("detect", "x", {"detect"}));
  Submit(MakeRequest("detect", "y", {"detect"}));
  EXPECT_EQ(ClaimStarted().run.subject.id, "x");
  EXPECT_EQ(ClaimStarted().run.subject.id, "y");
}

TEST_P(JobStoreContract, AStageWithTwoNeedsWaitsForBoth) {
  JobRequest request = MakeRequest("analyze", "x", {"extract", "detect"});
  request.stages[1].needs.clear();
  request.stages.push_back({.name = "track",
                            .work_key = "x/track",
                            .dedupe_key = "x/track",
                            .needs = {"extract", "detect"}});
  const JobId job = Submit(request).job.id;
  EXPECT_EQ(RunOf(job, "track").wait_reason, "waits for extract_x and detect_x to end");
  RunToSuccess("detect");
  EXPECT_EQ(RunOf(job, "track").wait_reason, "waits for extract_x to end");
  RunToSuccess("extract");
  EXPECT_EQ(StateOf(job, "track"), JobState::kQueued);
  const LeasedTask task = Claim();
  ASSERT_EQ(task.inputs.size(), 2u);
  EXPECT_EQ(task.inputs[0].name, "extract.parquet");
  EXPECT_EQ(task.inputs[1].name, "detect.parquet");
}

}  // namespace rollcall::store
