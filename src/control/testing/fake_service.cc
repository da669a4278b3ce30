#include "control/testing/fake_service.h"

#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::control::testing {

using base::Json;
using base::MutexLock;
using base::Result;

TemporaryFolder::TemporaryFolder()
    : path_(std::filesystem::temp_directory_path() / ("rollcall-" + base::RandomId())) {
  std::filesystem::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

api::JobView SampleJob(std::int64_t id) {
  api::StageView stage;
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

  api::JobView view;
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

Result<Json> FakeService::Call(std::string_view method, const Json& params) {
  if (method == "echo") return params;
  if (method == "fail") {
    return domain::MakeError(domain::reason::kDiskFull, "no space for segment 3", "free 2 GB");
  }
  if (method == "block") {
    MutexLock lock(mutex_);
    Block();
    return Json("released");
  }
  return domain::MakeError(domain::reason::kBadRequest, "unknown method");
}

void FakeService::Block() {
  ++blocked_;
  changed_.NotifyAll();
  while (!is_released_) changed_.Wait(mutex_);
}

void FakeService::BlockViews() {
  MutexLock lock(mutex_);
  blocks_views_ = true;
}

Result<api::JobView> FakeService::View(std::int64_t job_id) {
  MutexLock lock(mutex_);
  if (blocks_views_) Block();
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) return domain::MakeError(domain::reason::kJobNotFound, "no such job");
  return found->second;
}

void FakeService::OnClientCount(int count) {
  MutexLock lock(mutex_);
  clients_ = count;
  changed_.NotifyAll();
}

void FakeService::Put(api::JobView view) {
  MutexLock lock(mutex_);
  jobs_[view.job_id] = std::move(view);
}

void FakeService::Remove(std::int64_t job_id) {
  MutexLock lock(mutex_);
  jobs_.erase(job_id);
}

void FakeService::Release() {
  MutexLock lock(mutex_);
  is_released_ = true;
  changed_.NotifyAll();
}

void FakeService::WaitForBlocked(int count) {
  MutexLock lock(mutex_);
  while (blocked_ < count) changed_.Wait(mutex_);
}

void FakeService::WaitForClients(int count) {
  MutexLock lock(mutex_);
  while (clients_ != count) changed_.Wait(mutex_);
}

}  // namespace rollcall::control::testing
