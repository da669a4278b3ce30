#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "controlled.h"
#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "store/sqlite/sqlite_store.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;

constexpr int kStartSegments = 4;
constexpr int kKeysAtOnce = 20;  // All of them have a worker at the same time.
// So many workers that start while so many threads submit are slow, which is no stall.
constexpr int kDivisor = kTimesDivisor / 5;
// No job ends while others still ask for it: that would rightly be a new job.
const Json kParams{{"segments", kStartSegments},
                   {"start_ms", 5},
                   {"hold_after", 1},
                   {"trace", true},
                   {"alone", true}};

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
// ever leased twice. Until `is_over`. The attempts that it struck.
std::set<std::string> KillStarting(Rig& rig, const std::atomic<bool>& is_over, Row& row) {
  std::set<std::string> seen;  // Attempt ids.
  std::set<std::string> struck;
  while (!is_over) {
    const auto leases = rig.store().LeaseList();
    std::map<store::TaskId, int> holders;
    for (const store::Lease& lease : leases.ok() ? *leases : std::vector<store::Lease>{}) {
      if (++holders[lease.fence.task] > 1) row.violations.push_back("a task is leased twice");
      if (lease.pid <= 0 || !seen.insert(lease.fence.attempt_uuid).second) continue;
      const bool is_early = lease.attempt_number <= 3 && lease.fence.token % 2 == 0;
      if (is_early && ::kill(static_cast<pid_t>(lease.pid), SIGKILL) == 0) {
        struck.insert(lease.fence.attempt_uuid);
      }
    }
    ::poll(nullptr, 0, 1);
  }
  return struck;
}

// Of the attempts that were struck, those that it ended.
void CountHits(Rig& rig, int keys, const std::set<std::string>& struck, Row& row) {
  for (int i = 0; i < keys; ++i) {
    const auto attempts = rig.store().AttemptList(rig.Run(KeyOf(i)).run.id);
    for (const auto& attempt : attempts.ok() ? *attempts : std::vector<store::Attempt>{}) {
      const bool has_hit = struck.contains(attempt.fence.attempt_uuid) &&
                           attempt.outcome != store::AttemptOutcome::kSucceeded;
      if (has_hit) ++row.hits["killed"];
    }
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
    CheckRound(rig, key, job, kStartSegments, row);
  }
}

void StartTogether(int threads, int keys, Row& row) {
  Rig rig({.times_divisor = kDivisor, .agent_id = "owner", .slots = keys});
  rig.Own();
  AddEpisodes(rig, keys, row);
  std::atomic<bool> is_over{false};
  Row leases;
  std::set<std::string> struck;
  std::thread killer([&] { struck = KillStarting(rig, is_over, leases); });
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
  row.Add(leases);
  CountHits(rig, keys, struck, row);
  row.noted["joined"] += threads * keys - refused - keys;
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

void RaceForClaims(const OpenStore& open, Row& row) {
  constexpr int kTasks = 200;
  const Rig rig;  // Only its folder.
  const auto first = open(rig.folder() / "rollcall.db");
  for (int i = 0; i < kTasks; ++i) {
    const auto request = jobs::FakeRequest(KeyOf(i), {"detect"}, Json::object());
    if (!first->JobSubmit(request).ok()) row.violations.push_back("a job was refused");
  }
  const auto second = open(rig.folder() / "rollcall.db");
  std::atomic<int> claimed{0};
  std::atomic<int> errors{0};
  const auto claim_all = [&](store::JobStore& store, const char* agent) {
    const store::ClaimRequest request{.agent = {.id = agent, .incarnation = agent, .boot_id = "b"},
                                      .stages = {},
                                      .lease = std::chrono::hours{1}};
    while (claimed < kTasks && errors == 0) {
      const auto task = store.TaskClaim(request);
      if (!task.ok()) {
        ++errors;
      } else if (task->has_value()) {
        ++claimed;
      }
    }
  };
  std::thread other([&] { claim_all(*second, "second"); });
  claim_all(*first, "first");
  other.join();
  ++row.rounds;
  row.noted["claims"] += claimed;
  if (errors > 0) return row.violations.push_back("a host could not claim what it had found");
  const auto leases = first->LeaseList();
  if (claimed != kTasks || !leases.ok() || std::ssize(*leases) != kTasks) {
    row.violations.push_back(fmt::format("{} claims of {} pieces of work", claimed.load(), kTasks));
  }
}

Row ClaimRaces(int rounds) {
  Row row{.name = "two hosts claim"};
  base::SystemClock clock;
  for (int round = 0; round < rounds; ++round) {
    RaceForClaims(
        [&](const std::filesystem::path& path) -> std::unique_ptr<store::JobStore> {
          return std::move(store::SqliteStore::Open({.path = path, .vfs = {}}, {clock}).value());
        },
        row);
  }
  return row;
}

}  // namespace rollcall::faults
