// How fast the job runtime's store is, how long an owner takes to start, and how both grow. All on
// the real SQLite store with every commit synced. Ratios between sizes say more than the rates,
// which are the machine's.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "jobs/data_lock.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "jobs/testing/fake_stages.h"
#include "jobs/worker.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using base::Json;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kLease{30};

double Since(Steady::time_point then) {
  return std::chrono::duration<double>(Steady::now() - then).count();
}

// Resident memory of this process in bytes.
double ResidentMegabytes() {
  long pages = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

// A store in a folder of its own, gone with the object.
class Place {
 public:
  Place()
      : folder_(fs::temp_directory_path() /
                ("rollcall-jobs-bench-" + base::RandomId().substr(0, 12))) {
    fs::create_directories(folder_);
    Open();
  }
  ~Place() {
    store_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  void Open() {
    auto store = store::SqliteStore::Open({.path = folder_ / "rollcall.db"});
    ROLLCALL_CHECK(store.ok());
    store_ = std::move(store).value();
  }
  void Close() { store_.reset(); }
  store::JobStore& store() { return *store_; }
  const fs::path& folder() const { return folder_; }
  base::Instant Now() { return clock_.Now(); }
  base::Clock& clock() { return clock_; }
  const store::AgentIdentity& agent() const { return agent_; }

  store::Job Submit(int number) {
    const std::string key = fmt::format("episode_{:06}", number);
    const auto put = store().EpisodePut({.key = key,
                                         .display = key,
                                         .video_path = "/videos/" + key + ".mp4",
                                         .fingerprint = key,
                                         .created_at = Now().wall});
    ROLLCALL_CHECK(put.ok());
    auto submission = store().JobSubmit(jobs::FakeRequest(key, {"detect"}, Json::object()), Now());
    ROLLCALL_CHECK(submission.ok());
    return std::move(submission->job);
  }
  store::LeasedTask Claim() {
    auto task = store().TaskClaim({.agent = agent_, .stages = {}, .lease = kLease, .now = Now()});
    ROLLCALL_CHECK(task.ok() && task->has_value());
    ROLLCALL_CHECK(store().TaskStarted((*task)->fence, 1, 1, Now()).ok());
    return **std::move(task);
  }
  void Commit(const store::Fence& fence, std::int64_t number) {
    const auto committed = store().SegmentCommit(fence,
                                                 {.number = number,
                                                  .pts_from = std::chrono::seconds{10 * number},
                                                  .pts_to = std::chrono::seconds{10 * number + 10},
                                                  .path = {},
                                                  .size_bytes = 0,
                                                  .sha256 = {},
                                                  .counters_json = R"({"faces_detected":12})",
                                                  .resume_blob = {}},
                                                 Now());
    ROLLCALL_CHECK(committed.ok());
  }
  void Succeed(const store::Fence& fence) {
    const store::AttemptEnd end{.outcome = store::AttemptOutcome::kSucceeded,
                                .error = {},
                                .retry_at = std::nullopt,
                                .exit = "exit 0",
                                .rss_peak_bytes = 0};
    ROLLCALL_CHECK(store().TaskSucceed(fence, "{}", {}, end, Now()).ok());
  }

 private:
  fs::path folder_;
  base::SystemClock clock_;
  store::AgentIdentity agent_{.id = "bench", .incarnation = "1", .boot_id = base::BootId()};
  std::unique_ptr<store::JobStore> store_;
};

// Episodes that are done, each with so many segments.
void Fill(Place& place, int episodes, int segments) {
  for (int i = 0; i < episodes; ++i) {
    place.Submit(i);
    const store::LeasedTask task = place.Claim();
    for (int s = 0; s < segments; ++s) place.Commit(task.fence, s);
    place.Succeed(task.fence);
  }
}

Json MeasureRates(int episodes) {
  constexpr int kJobs = 1000;
  constexpr int kSegments = 1000;
  Place place;
  Fill(place, episodes, 2);
  auto began = Steady::now();
  for (int i = 0; i < kJobs; ++i) place.Submit(1'000'000 + i);
  const double submitting = Since(began);
  began = Steady::now();
  for (int i = 0; i < kJobs; ++i) place.Succeed(place.Claim().fence);
  const double claiming = Since(began);
  const store::Job job = place.Submit(2'000'000);
  const store::LeasedTask task = place.Claim();
  began = Steady::now();
  for (int i = 0; i < kSegments; ++i) place.Commit(task.fence, i);
  const double committing = Since(began);
  began = Steady::now();
  const auto events = place.store().EventsAfter(job.id, 0, 1'000'000);
  const double replaying = Since(began);
  ROLLCALL_CHECK(events.ok() && std::ssize(*events) >= kSegments);
  const Json row{{"episodes", episodes},
                 {"submits_per_s", kJobs / submitting},
                 {"claims_and_completions_per_s", kJobs / claiming},
                 {"segment_commits_per_s", kSegments / committing},
                 {"events_replayed_per_s", static_cast<double>(events->size()) / replaying}};
  fmt::print("{:>10}{:>14.0f}{:>22.0f}{:>18.0f}{:>18.0f}\n", episodes, kJobs / submitting,
             kJobs / claiming, kSegments / committing,
             static_cast<double>(events->size()) / replaying);
  return row;
}

Json MeasureRenewal(int leases) {
  constexpr int kRounds = 20;
  Place place;
  std::vector<store::Heartbeat> heartbeats;
  for (int i = 0; i < leases; ++i) place.Submit(i);
  for (int i = 0; i < leases; ++i) {
    heartbeats.push_back({.fence = place.Claim().fence, .liveness = {}});
  }
  const auto began = Steady::now();
  for (int round = 0; round < kRounds; ++round) {
    const auto replies = place.store().LeaseRenew(place.agent(), heartbeats, kLease, place.Now());
    ROLLCALL_CHECK(replies.ok() && std::ssize(*replies) == leases && replies->front().is_held);
  }
  const double each = Since(began) / kRounds;
  fmt::print("{:>10}{:>14.1f}{:>22.0f}\n", leases, each * 1e3, leases / each);
  return {{"leases", leases}, {"renewal_ms", each * 1e3}, {"renewals_per_s", leases / each}};
}

Json MeasureStart(int episodes, int segments) {
  Place place;
  Fill(place, episodes, segments);
  place.Close();
  const double before_mb = ResidentMegabytes();
  const auto began = Steady::now();
  const auto lock = jobs::DataLock::Acquire(place.folder());
  ROLLCALL_CHECK(lock.ok());
  place.Open();
  const auto engine =
      jobs::Engine::Create(jobs::FakeEngineOptions(place.folder()), place.store(), place.clock());
  ROLLCALL_CHECK(engine.ok() && (*engine)->StartWorking().ok());
  const double took = Since(began);
  const double after_mb = ResidentMegabytes();
  const double file_mb = static_cast<double>(fs::file_size(place.folder() / "rollcall.db")) / 1e6;
  fmt::print("{:>10}{:>12}{:>12.3f}{:>14.0f}{:>14.0f}{:>12.0f}\n", episodes, episodes * segments,
             took, before_mb, after_mb, file_mb);
  return {{"episodes", episodes},
          {"segments", episodes * segments},
          {"start_s", took},
          {"resident_mb", after_mb},
          {"store_mb", file_mb}};
}

int Main(int argc, char** argv) {
  bool is_full = false;
  std::string json_file;
  CLI::App app("Measures the job runtime's store and the start of its owner");
  app.add_flag("--full", is_full, "Up to 100,000 episodes and 1,000,000 segments (minutes)");
  app.add_option("--json", json_file, "Write the figures here");
  CLI11_PARSE(app, argc, argv);
  Json document;
  fmt::print("{:>10}{:>14}{:>22}{:>18}{:>18}\n", "episodes", "submits/s", "claims+completions/s",
             "segments/s", "events read/s");
  for (const int episodes : {0, 1000, 10'000}) document["rates"].push_back(MeasureRates(episodes));
  fmt::print("\n{:>10}{:>14}{:>22}\n", "leases", "renewal ms", "renewals/s");
  for (const int leases : {100, 1000, 10'000}) document["leases"].push_back(MeasureRenewal(leases));
  fmt::print("\n{:>10}{:>12}{:>12}{:>14}{:>14}{:>12}\n", "episodes", "segments", "start s",
             "before MB", "resident MB", "store MB");
  for (const int episodes : {100, 1000, 10'000}) {
    document["start"].push_back(MeasureStart(episodes, 10));
  }
  if (is_full) document["start"].push_back(MeasureStart(100'000, 10));
  if (!json_file.empty()) {
    ROLLCALL_CHECK(base::WriteFileAtomic(json_file, document.dump(1) + "\n").ok());
  }
  return 0;
}

}  // namespace
}  // namespace rollcall::bench

int main(int argc, char** argv) {
  using namespace rollcall;  // NOLINT(build/namespaces)
  if (argc == 2 && std::string_view(argv[1]) == "--worker") {
    return jobs::RunWorker(jobs::kWorkerSocketFd, &jobs::MakeFakeStage);
  }
  return bench::Main(argc, argv);
}
