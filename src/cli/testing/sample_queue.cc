#include "cli/testing/sample_queue.h"

#include <string>

#include "api/testing/sample_job.h"
#include "domain/reasons.h"

namespace rollcall::cli::testing {
namespace {

using api::JobView;
using api::StageView;
using domain::JobState;

StageView QueueStage(const std::string& name, JobState state, double elapsed_s = 0) {
  StageView stage;
  stage.name = name;
  stage.job = name + "_show";
  stage.state = state;
  if (elapsed_s > 0) stage.elapsed_s = elapsed_s;
  return stage;
}

}  // namespace

JobView JobAt(std::int64_t id, double share, double detect_s) {
  JobView job = api::testing::SampleJob(id);
  job.subject_id = "show_e" + std::to_string(id);
  StageView detect = job.stages[0];
  detect.done = static_cast<std::int64_t>(share * 10'000);
  detect.total = 10'000;
  detect.elapsed_s = share * detect_s;
  detect.waited_s.reset();
  detect.segments = 0;
  detect.eta_p50_s = (1 - share) * detect_s;
  detect.eta_p90_s = *detect.eta_p50_s * 1.1;
  job.stages = {QueueStage("validate", JobState::kSucceeded, 1), detect,
                QueueStage("analytics", JobState::kBlocked)};
  return job;
}

JobView WaitingJob(std::int64_t id) {
  JobView job = JobAt(id, 0, 100);
  job.state = JobState::kQueued;
  job.stages = {QueueStage("validate", JobState::kQueued), QueueStage("detect", JobState::kBlocked),
                QueueStage("analytics", JobState::kBlocked)};
  return job;
}

JobView EndedJob(std::int64_t id, double detect_s) {
  JobView job = JobAt(id, 1, detect_s);
  job.state = JobState::kSucceeded;
  job.stages[1] = QueueStage("detect", JobState::kSucceeded, detect_s);
  job.stages[2] = QueueStage("analytics", JobState::kSucceeded, 4);
  job.stages[2].result = {{"people", 5}, {"duration_ms", 2'530'000}};
  return job;
}

JobView OnceDoneJob(std::int64_t id, double detect_s) {
  JobView job = EndedJob(id, detect_s);
  for (StageView& stage : job.stages) {
    stage.state = JobState::kSkipped;
    stage.is_reused = true;
  }
  return job;
}

JobView FailedJob(std::int64_t id) {
  JobView job = JobAt(id, 0, 100);
  job.state = JobState::kFailed;
  job.stages[1].state = JobState::kFailed;
  job.stages[1].error = domain::MakeError(domain::reason::kWorkerCrashed, "signal 11");
  return job;
}

std::vector<VideoFile> SampleVideos(int count) {
  std::vector<VideoFile> files;
  for (int i = 1; i <= count; ++i) {
    const std::string name = "e" + std::to_string(i) + ".mp4";
    files.push_back({.path = "/v/" + name, .name = name, .bytes = 1'000'000'000});
  }
  return files;
}

VideoQueue QueueOf(int count, int slots) { return VideoQueue(SampleVideos(count), slots); }

}  // namespace rollcall::cli::testing
