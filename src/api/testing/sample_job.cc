#include "api/testing/sample_job.h"

#include <utility>

namespace rollcall::api::testing {

JobView SampleJob(std::int64_t id) {
  StageView stage;
  stage.name = "detect";
  stage.job = "detect_show_s01_e01";
  stage.state = domain::JobState::kRunning;
  stage.generation = 1;
  stage.attempt = 1;
  stage.phase = "work";
  stage.budget_s = 30.0;
  stage.budget_used_s = 0.25;
  stage.done = 640;
  stage.total = 12600;
  stage.unit = "frames";
  stage.rate = 212.5;
  stage.realtime_factor = 8.5;
  stage.eta_p50_s = 56.0;
  stage.eta_p90_s = 63.0;
  stage.pulse_age_s = 0.5;
  stage.progress_age_s = 0.25;
  stage.elapsed_s = 3.0;
  stage.waited_s = 0.5;
  stage.segments = 2;
  stage.counters["faces_detected"] = 811;

  JobView view;
  view.job_id = id;
  view.name = "analyze_show_s01_e01";
  view.kind = "analyze";
  view.subject_kind = "episode";
  view.subject_id = "show_s01_e01";
  view.state = domain::JobState::kRunning;
  view.created_at = "2026-11-22T01:45:56.123Z";
  view.stages.push_back(std::move(stage));
  return view;
}

}  // namespace rollcall::api::testing
