// How fast the job runtime's store is, how long an owner takes to start, and how both grow. All on
// the real SQLite store with every commit synced. Ratios between sizes say more than the rates,
// which are the machine's.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
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

double ResidentMegabytes() {
  long pages = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

// A store in a folder of its own, gone with the object.
class Place {
 public:
  // In memory syncing costs nothing, so that large stores are filled in minutes; moved to the disk
  // before anything is measured.
  enum class Where { kDisk, kMemory };

  explicit Place(Where where = Where::kDisk)
      : folder_((where == Where::kMemory && fs::exists("/dev/shm") ? fs::path("/dev/shm")
                                                                   : fs::temp_directory_path()) /
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
  void MoveToDisk() {
    Close();
    const fs::path disk = fs::temp_directory_path() / folder_.filename();
    if (disk == folder_) return;
    fs::copy(folder_, disk, fs::copy_options::recursive);
    fs::remove_all(folder_);
    folder_ = disk;
    ::sync();
  }
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

// An owner's start, in this process: from the lock on the data directory until jobs are claimed.
// Prints {start_s, idle_resident_mb}, the memory after some seconds without work.
int RunOwner(const fs::path& folder, std::chrono::seconds idle) {
  const auto began = Steady::now();
  const auto lock = jobs::DataLock::Acquire(folder);
  ROLLCALL_CHECK(lock.ok());
  const auto store = store::SqliteStore::Open({.path = folder / "rollcall.db"});
  ROLLCALL_CHECK(store.ok());
  base::SystemClock clock;
  const auto engine = jobs::Engine::Create(jobs::FakeEngineOptions(folder), **store, clock);
  ROLLCALL_CHECK(engine.ok() && (*engine)->StartWorking().ok());
  const double took = Since(began);
  std::this_thread::sleep_for(idle);
  const Json facts{{"start_s", took}, {"idle_resident_mb", ResidentMegabytes()}};
  fmt::print("{}\n", facts.dump());
  std::fflush(stdout);
  // Whatever is still to be projected is left to the next owner.
  std::_Exit(0);
}

// RunOwner in a process of its own, so that nothing of this one is measured.
Json StartOwner(const fs::path& folder, std::chrono::seconds idle) {
  const std::string command =
      fmt::format("'{}' --owner '{}' {}", fs::read_symlink("/proc/self/exe").string(),
                  folder.string(), idle.count());
  FILE* output = ::popen(command.c_str(), "r");
  ROLLCALL_CHECK(output != nullptr);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), output));
  ROLLCALL_CHECK(::pclose(output) == 0);
  auto facts = base::ParseJson(text, "facts");
  ROLLCALL_CHECK(facts.ok());
  return std::move(*facts);
}

// What the projector leaves behind when everything has been projected once: most starts find it.
void MarkProjected(Place& place) {
  const auto epoch = place.store().StreamEpoch();
  ROLLCALL_CHECK(epoch.ok());
  std::int64_t change = 0;
  while (true) {
    const auto runs = place.store().RunsChangedSince(change, 10'000);
    ROLLCALL_CHECK(runs.ok());
    if (runs->empty()) break;
    change = runs->back().run.change;
  }
  const Json mark{{"epoch", *epoch}, {"change", change}};
  ROLLCALL_CHECK(
      base::WriteFileAtomic(place.folder() / "jobs" / ".projected.json", mark.dump()).ok());
}

Json MeasureStart(int episodes, int segments) {
  Place place(Place::Where::kMemory);
  Fill(place, episodes, segments);
  place.MoveToDisk();
  fs::create_directories(place.folder() / "jobs");
  // Once with everything still to be projected, once as an owner usually finds it.
  const Json first = StartOwner(place.folder(), std::chrono::seconds{1});
  place.Open();
  MarkProjected(place);
  place.Close();
  const Json usual = StartOwner(place.folder(), std::chrono::seconds{3});
  const double file_mb = static_cast<double>(fs::file_size(place.folder() / "rollcall.db")) / 1e6;
  fmt::print("{:>10}{:>12}{:>14.3f}{:>14.3f}{:>14.0f}{:>12.0f}\n", episodes, episodes * segments,
             first.at("start_s").get<double>(), usual.at("start_s").get<double>(),
             usual.at("idle_resident_mb").get<double>(), file_mb);
  return {{"episodes", episodes},
          {"segments", episodes * segments},
          {"first_start", first},
          {"start", usual},
          {"store_mb", file_mb}};
}

void MeasureStore(Json& document) {
  fmt::print("{:>10}{:>14}{:>22}{:>18}{:>18}\n", "episodes", "submits/s", "claims+completions/s",
             "segments/s", "events read/s");
  for (const int episodes : {0, 1000, 10'000}) document["rates"].push_back(MeasureRates(episodes));
  fmt::print("\n{:>10}{:>14}{:>22}\n", "leases", "renewal ms", "renewals/s");
  for (const int leases : {100, 1000, 10'000}) document["leases"].push_back(MeasureRenewal(leases));
}

int Main(int argc, char** argv) {
  bool is_full = false;
  bool is_start_only = false;
  std::string json_file;
  CLI::App app("Measures the job runtime's store and the start of its owner");
  app.add_flag("--start-only", is_start_only, "Only the starts of the owner");
  app.add_flag("--full", is_full, "Up to 100,000 episodes and 1,000,000 segments (minutes)");
  app.add_option("--json", json_file, "Write the figures here");
  CLI11_PARSE(app, argc, argv);
  Json document;
  if (!is_start_only) MeasureStore(document);
  fmt::print("\n{:>10}{:>12}{:>14}{:>14}{:>14}{:>12}\n", "episodes", "segments", "first start s",
             "start s", "idle MB", "store MB");
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
  if (argc == 4 && std::string_view(argv[1]) == "--owner") {
    return bench::RunOwner(argv[2], std::chrono::seconds{std::stoi(argv[3])});
  }
  return bench::Main(argc, argv);
}
