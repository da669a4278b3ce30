// How fast the job runtime's store is, how long an owner takes to start, and how both grow. All on
// the real SQLite store with every commit synced. Ratios between sizes, and to the yardsticks
// measured beside each figure, say more than the rates, which are the machine's.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "copies.h"
#include "figures.h"
#include "jobs/testing/fake_stages.h"
#include "owner.h"
#include "place.h"
#include "worker/worker.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using base::Json;
using Steady = std::chrono::steady_clock;

// Seconds of each of `count` calls of `act` with 0, 1, …
template <typename Act>
double SecondsEach(int count, const Act& act) {
  const auto began = Steady::now();
  for (int i = 0; i < count; ++i) act(i);
  return Since(began) / count;
}

// On an open store that has `episodes` finished ones, or leftovers of few jobs.
void MeasureRates(Place& place, int episodes, FigureTable& table) {
  constexpr int kCount = 1000;
  const auto measure = [&](const char* name, const auto& act) {
    const Yardstick yardstick = MeasureYardstick(place.disk());
    table.Add({.name = name,
               .size_of = "episodes",
               .size = episodes,
               .seconds = SecondsEach(kCount, act)},
              yardstick);
  };
  measure("add an episode, submit its job", [&](int i) { place.Submit(1'000'000 + i); });
  measure("claim, start, complete a task", [&](int) { place.Succeed(place.Claim().fence); });
  const store::Job job = place.Submit(2'000'000);
  const store::LeasedTask task = place.Claim();
  measure("commit a segment", [&](int i) { place.Commit(task.fence, i); });
  measure("append an event", [&](int i) {
    const auto marked = place.store().LeaseMarkStalled(task.fence, i % 2 == 0 ? "on purpose" : "");
    ROLLCALL_CHECK(marked.ok());
  });
  std::size_t replayed = 0;
  const Yardstick yardstick = MeasureYardstick(place.disk());
  const double replaying = SecondsEach(10, [&](int) {
    const auto events = place.store().EventsAfter(job.id, 0, 1'000'000);
    ROLLCALL_CHECK(events.ok() && std::ssize(*events) >= 2 * kCount);
    replayed += events->size();
  });
  table.Add({.name = "replay an event of a job",
             .size_of = "episodes",
             .size = episodes,
             .seconds = 10 * replaying / static_cast<double>(replayed),
             .against = Figure::Against::kHash},
            yardstick);
  place.Succeed(task.fence);
}

// As an attempt of detect is heard of after `round` more renewals.
store::Liveness Heard(int round, base::BootTime now) {
  return {.pulse_seq = 100 + 5 * round,
          .last_pulse = now,
          .phase = domain::Phase::kWork,
          .phase_since = now - std::chrono::minutes{1},
          .done = 640 + 300 * round,
          .total = 12'600,
          .unit = "frames",
          .rate = 61.7,
          .realtime_factor = 4.1,
          .progress_at = now,
          .counters_json = fmt::format(R"({{"faces_detected":{}}})", 811 + 100 * round)};
}

void MeasureRenewal(int leases, FigureTable& table) {
  constexpr int kRounds = 20;
  Place place(Place::Where::kMemory);
  std::vector<store::Heartbeat> heartbeats;
  for (int i = 0; i < leases; ++i) place.Submit(i);
  for (int i = 0; i < leases; ++i) {
    heartbeats.push_back({.fence = place.Claim().fence, .liveness = {}});
  }
  place.MoveToDisk();
  place.Open();
  const Yardstick yardstick = MeasureYardstick(place.disk());
  const double each = SecondsEach(kRounds, [&](int round) {
    const store::Liveness heard = Heard(round, place.Now().boot);
    for (store::Heartbeat& heartbeat : heartbeats) heartbeat.liveness = heard;
    const auto replies = place.store().LeaseRenew(place.agent(), heartbeats, kLease);
    ROLLCALL_CHECK(replies.ok() && std::ssize(*replies) == leases && replies->front().is_held);
  });
  table.Add({.name = "renew all leases", .size_of = "leases", .size = leases, .seconds = each},
            yardstick);
  table.Add({.name = "renew one lease of all",
             .size_of = "leases",
             .size = leases,
             .seconds = each / leases},
            yardstick);
}

// A start on `place`, which is closed, with a job that waits.
Json MeasureStart(Place& place, int episodes, const std::string& name, FigureTable& table) {
  static int number = 3'000'000;
  place.Open();
  place.Submit(number++);
  place.Close();
  const Yardstick yardstick = MeasureYardstick(place.disk());
  Json facts = StartOwner(place.folder());
  table.Add({.name = name + ": serves",
             .size_of = "episodes",
             .size = episodes,
             .seconds = facts.at("serving_s").get<double>()},
            yardstick);
  table.Add({.name = name + ": a worker runs",
             .size_of = "episodes",
             .size = episodes,
             .seconds = facts.at("started_s").get<double>()},
            yardstick);
  facts["name"] = name;
  facts["episodes"] = episodes;
  facts["segments"] = episodes * kSegmentsEach;
  facts["store_mb"] = static_cast<double>(fs::file_size(place.folder() / "rollcall.db")) / 1e6;
  return facts;
}

// As an owner usually finds the directory, and as it finds it when nobody can say how far the
// projected files go: each is looked at again.
Json MeasureStarts(Place& place, int episodes, FigureTable& table) {
  Json starts = Json::array();
  starts.push_back(MeasureStart(place, episodes, "start", table));
  fs::remove(place.folder() / "jobs" / ".projected.json");
  starts.push_back(MeasureStart(place, episodes, "start, no cursor", table));
  return starts;
}

void PrintStarts(const Json& starts) {
  fmt::print("\n{:<20}{:>9}{:>10}{:>10}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}\n",
             "start of owner", "episodes", "segments", "serves s", "worker s", "idle RSS", "PSS MB",
             "swept s", "files s", "peak MB", "rest MB", "CPU s");
  for (const Json& start : starts) {
    const auto number = [&](const char* name) { return start.at(name).get<double>(); };
    fmt::print(
        "{:<20}{:>9}{:>10}{:>10.3f}{:>10.3f}{:>10.1f}{:>9.1f}{:>9.1f}{:>9.1f}{:>9.1f}{:>9.1f}{:>8."
        "1f}\n",
        start.at("name").get<std::string>(), start.at("episodes").get<int>(),
        start.at("segments").get<int>(), number("serving_s"), number("started_s"),
        number("idle_rss_mb"), number("idle_pss_mb"), number("swept_s"), number("projected_s"),
        number("peak_mb"), number("rest_rss_mb"), number("cpu_s"));
  }
}

int Main(int argc, char** argv) {
  bool is_full = false;
  bool is_start_only = false;
  bool is_all_on_disk = false;
  std::string json_file;
  CLI::App app("Measures the job runtime's store and the start of its owner");
  app.add_flag("--start-only", is_start_only, "Only the starts of the owner");
  app.add_flag("--full", is_full, "Up to 100,000 episodes and 1,000,000 segments (minutes)");
  app.add_flag(
      "--all-on-disk", is_all_on_disk,
      "Not only the store, also the files of its episodes; some disks need minutes for it");
  app.add_option("--json", json_file, "Write the figures here");
  CLI11_PARSE(app, argc, argv);

  const auto began = Steady::now();
  FigureTable table;
  Json starts = Json::array();
  table.PrintHeading();
  if (!is_start_only) {
    Place place;
    MeasureRates(place, 0, table);
    for (const int leases : {100, 1000, 10'000}) MeasureRenewal(leases, table);
  }
  std::vector<int> sizes{1000, 10'000};
  if (is_full) sizes.push_back(100'000);
  for (const int episodes : sizes) {
    Place place(is_all_on_disk ? Place::Where::kDisk : Place::Where::kStoreOnDisk);
    const auto filling = Steady::now();
    FillWithCopies(place, episodes);
    fmt::print("{} episodes are there and checked after {:.1f} s\n", episodes, Since(filling));
    for (Json& start : MeasureStarts(place, episodes, table)) starts.push_back(std::move(start));
    if (is_start_only) continue;
    place.Open();
    MeasureRates(place, episodes, table);
  }
  PrintStarts(starts);
  fmt::print("all of it took {:.0f} s\n", Since(began));
  if (!json_file.empty()) {
    const Json document{{"figures", table.rows()}, {"starts", starts}, {"seconds", Since(began)}};
    ROLLCALL_CHECK(base::WriteFileAtomic(json_file, document.dump(1) + "\n").ok());
  }
  return 0;
}

}  // namespace
}  // namespace rollcall::bench

int main(int argc, char** argv) {
  using namespace rollcall;  // NOLINT(build/namespaces)
  if (argc == 2 && std::string_view(argv[1]) == "--worker") {
    return worker::RunWorker(worker::kWorkerSocketFd, {.handlers = &jobs::MakeFakeStage});
  }
  if (argc == 3 && std::string_view(argv[1]) == "--owner") return bench::RunOwner(argv[2]);
  return bench::Main(argc, argv);
}
