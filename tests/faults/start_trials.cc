#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;

constexpr int kSegments = 4;
constexpr int kKeysAtOnce = 20;  // All of them have a worker at the same time.
// No job ends while others still ask for it: that would rightly be a new job.
const Json kParams{{"segments", kSegments}, {"start_ms", 5}, {"hold_after", 1}, {"alone", true}};

std::string KeyOf(int i) { return fmt::format("d{}", i); }

// Every thread asks for every key, each in its own order.
void SubmitAll(Rig& rig, int thread, int keys, std::atomic<int>& refused) {
  std::vector<int> order(static_cast<std::size_t>(keys));
  for (int i = 0; i < keys; ++i) order[static_cast<std::size_t>(i)] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<unsigned>(thread)));
  for (const int i : order) {
    if (!rig.engine().Submit(jobs::FakeRequest(KeyOf(i), {"detect"}, kParams)).ok()) ++refused;
  }
}

// Kills workers while they start, every second one, but no attempt twice; and looks that no task is
// ever leased twice. Until `is_over`.
void KillStarting(Rig& rig, const std::atomic<bool>& is_over, Row& row) {
  std::map<std::string, bool> seen;  // Attempt ids.
  while (!is_over) {
    const auto leases = rig.store().LeaseList();
    std::map<store::TaskId, int> holders;
    for (const store::Lease& lease : leases.ok() ? *leases : std::vector<store::Lease>{}) {
      if (++holders[lease.fence.task] > 1) row.violations.push_back("a task is leased twice");
      if (lease.pid <= 0 || !seen.emplace(lease.fence.attempt_uuid, true).second) continue;
      const bool is_early = lease.attempt_number <= 3 && lease.fence.token % 2 == 0;
      if (is_early && ::kill(static_cast<pid_t>(lease.pid), SIGKILL) == 0) ++row.hits["killed"];
    }
    ::poll(nullptr, 0, 1);
  }
}

void AddEpisodes(Rig& rig, int keys, Row& row) {
  for (int i = 0; i < keys; ++i) {
    const std::string key = KeyOf(i);
    const auto put = rig.store().EpisodePut({.key = key,
                                             .display = key,
                                             .video_path = "/videos/" + key,
                                             .fingerprint = key,
                                             .created_at = rig.Now().wall});
    if (!put.ok()) row.violations.push_back(put.error().ToString());
  }
}

// One job and one run for each key, however many asked.
void CheckJobs(Rig& rig, int keys, Row& row) {
  const auto jobs = rig.store().JobList();
  if (!jobs.ok() || std::ssize(*jobs) != keys) {
    return row.violations.push_back(
        fmt::format("{} jobs for {} pieces of work", jobs.ok() ? jobs->size() : 0, keys));
  }
  for (const store::Job& job : *jobs) {
    const std::string& key = job.subject.id;
    const auto history = rig.store().RunHistory(job.subject, "detect");
    if (!history.ok() || history->size() != 1) {
      row.violations.push_back(key + ": more than one run of one piece of work");
    }
    CheckRound(rig, key, job, kSegments, row);
  }
}

void StartTogether(int threads, int keys, Row& row) {
  Rig rig({.times_divisor = jobs::kTimesDivisor, .agent_id = "owner", .slots = keys});
  rig.Own();
  AddEpisodes(rig, keys, row);
  std::atomic<bool> is_over{false};
  Row killed;
  std::thread killer([&] { KillStarting(rig, is_over, killed); });
  std::atomic<int> refused{0};
  std::vector<std::thread> submitters;
  for (int t = 0; t < threads; ++t) {
    submitters.emplace_back([&, t] { SubmitAll(rig, t, keys, refused); });
  }
  for (std::thread& thread : submitters) thread.join();
  std::ofstream(rig.folder() / "go") << std::endl;
  CheckJobs(rig, keys, row);
  is_over = true;
  killer.join();
  row.Add(killed);
  row.hits["joined"] += threads * keys - refused - keys;
  if (refused > 0) row.violations.push_back(fmt::format("{} submissions were refused", refused));
  CheckStore(rig, row);
}

}  // namespace

Row SameStarts(int threads, int keys) {
  Row row{.name = "same start"};
  for (int done = 0; done < keys; done += kKeysAtOnce) {
    StartTogether(threads, std::min(keys - done, kKeysAtOnce), row);
  }
  if (row.hits["killed"] < keys / 4) row.violations.push_back("too few kills hit a live attempt");
  return row;
}

}  // namespace rollcall::faults
