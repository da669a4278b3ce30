#include "store/testing/contract_fixture.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::store {

JobRequest MakeRequest(std::string kind, std::string id, std::initializer_list<std::string> stages,
                       int version) {
  JobRequest request{.subject = {.kind = "episode", .id = std::move(id)}, .kind = std::move(kind)};
  for (const std::string& stage : stages) {
    const std::string key = fmt::format("{}/{}/{}", request.subject.id, stage, version);
    StageRequest wanted{.name = stage, .work_key = key, .dedupe_key = key};
    if (!request.stages.empty()) wanted.needs.push_back(request.stages.back().name);
    request.stages.push_back(std::move(wanted));
  }
  return request;
}

JobRequest MakeSeparate(std::string kind, std::string id) {
  JobRequest request{.subject = {.kind = kind, .id = std::move(id)}, .kind = kind};
  request.stages.push_back({.name = "predict", .work_key = request.subject.id + "/predict"});
  return request;
}

domain::Segment MakeSegment(std::int64_t number, std::string_view bytes) {
  return {.number = number,
          .pts_from = std::chrono::seconds{10 * number},
          .pts_to = std::chrono::seconds{10 * (number + 1)},
          .path = fmt::format("harvest/seg-{:05}", number),
          .size_bytes = std::ssize(bytes),
          .sha256 = base::Sha256(bytes),
          .counters_json = R"({"faces":811})",
          .resume_blob = std::string("state\0with a null byte", 22)};
}

AttemptEnd MakeEnd(AttemptOutcome outcome) {
  return {.outcome = outcome,
          .error = domain::MakeError(domain::reason::kWorkerCrashed, "the worker ended"),
          .exit = "signal 9",
          .rss_peak_bytes = 1 << 20};
}

domain::Artifact MakeArtifact(std::string name, std::int64_t token) {
  return {.name = name,
          .path = fmt::format("{}.g{}", name, token),
          .size_bytes = 42,
          .sha256 = base::Sha256(name),
          .count = 7};
}

void JobStoreContract::TearDown() { EXPECT_OK(store().IntegrityCheck()); }

Submission JobStoreContract::Submit(const JobRequest& request) {
  return *store().JobSubmit(request);
}

JobId JobStoreContract::SubmitAnalyze(const std::string& id, int version) {
  return Submit(MakeRequest("analyze", id, {"extract", "detect", "track"}, version)).job.id;
}

std::optional<LeasedTask> JobStoreContract::TryClaim(std::vector<std::string> stages) {
  return *store().TaskClaim({.agent = agent_, .stages = std::move(stages), .lease = kLease});
}

std::optional<LeasedTask> JobStoreContract::TryClaimAs(const AgentIdentity& agent) {
  return *store().TaskClaim({.agent = agent, .stages = {}, .lease = kLease});
}

LeasedTask JobStoreContract::Claim(std::vector<std::string> stages) {
  auto task = TryClaim(std::move(stages));
  EXPECT_TRUE(task.has_value()) << "nothing to claim";
  return task.value();
}

LeasedTask JobStoreContract::ClaimStarted(std::vector<std::string> stages) {
  LeasedTask task = Claim(std::move(stages));
  EXPECT_OK(store().TaskStarted(task.fence, 1234, 5678));
  return task;
}

void JobStoreContract::Succeed(const LeasedTask& task) {
  const std::vector artifacts{MakeArtifact(task.run.name + ".parquet", task.fence.token)};
  EXPECT_OK(store().TaskSucceed(task.fence, R"({"faces":3})", artifacts,
                                {.exit = "exit 0", .rss_peak_bytes = 1 << 20}));
}

void JobStoreContract::End(const LeasedTask& task, AttemptOutcome outcome) {
  EXPECT_OK(store().TaskEnd(task.fence, MakeEnd(outcome)));
}

void JobStoreContract::EndWithRetry(const LeasedTask& task, std::chrono::milliseconds delay,
                                    AttemptOutcome outcome) {
  AttemptEnd end = MakeEnd(outcome);
  end.retry_in = delay;
  end.retries_max = 5;
  EXPECT_OK(store().TaskEnd(task.fence, end));
}

LeasedTask JobStoreContract::RunToSuccess(const std::string& stage) {
  LeasedTask task = ClaimStarted({stage});
  Succeed(task);
  return task;
}

domain::JobState JobStoreContract::JobStateOf(JobId id) { return store().JobGet(id)->state; }

StageRun JobStoreContract::RunOf(JobId id, std::string_view stage) {
  const auto views = *store().JobRuns(id);
  const auto at =
      std::ranges::find(views, stage, [](const RunView& view) { return view.run.name; });
  EXPECT_NE(at, views.end()) << stage;
  return at->run;
}

std::optional<Lease> JobStoreContract::LeaseOf(const Fence& fence) {
  const auto leases = *store().LeaseList();
  const auto at = std::ranges::find(leases, fence, &Lease::fence);
  if (at == leases.end()) return std::nullopt;
  return *at;
}

std::vector<std::string> JobStoreContract::EventsOf(JobId id) {
  std::vector<std::string> kinds;
  const auto events = *store().EventsAfter(id, 0, 1000);
  for (const Event& event : events) kinds.push_back(event.kind);
  return kinds;
}

int JobStoreContract::CountEvents(JobId id, std::string_view kind) {
  return static_cast<int>(std::ranges::count(EventsOf(id), kind));
}

std::string JobStoreContract::EventBody(JobId id, std::string_view kind) {
  const auto events = *store().EventsAfter(id, 0, 1000);
  const auto found = std::ranges::find(events, kind, &Event::kind);
  return found == events.end() ? std::string{} : found->body_json;
}

}  // namespace rollcall::store
