#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "base/check.h"
#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "store/memory/memory_store.h"
#include "store/testing/random_script.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;
using std::chrono::milliseconds;

constexpr int kSegments = 4;

}  // namespace

Row ClockJumps(int rounds) {
  Row row{.name = "clock jumps"};
  using std::chrono::hours;
  constexpr milliseconds kJumps[] = {hours{1}, -hours{1}, hours{24}, -hours{24}};
  Rig rig;
  rig.Own();
  for (int round = 0; round < rounds; ++round) {
    const std::string key = fmt::format("j{}", round);
    const store::Job job = rig.Submit(key, {{"segments", 6}, {"dwell_ms", 4}, {"trace", true}});
    rig.Eventually([&] { return rig.SegmentCount(key) >= 2; });
    rig.JumpWall(kJumps[round % 4]);
    ++row.hits["jump"];
    CheckRound(rig, key, job, 6, row);
    const auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
    if (!attempts.ok() || attempts->size() != 1) {
      row.violations.push_back(key + ": the jump cost an attempt");
    }
  }
  CheckStore(rig, row);
  return row;
}

Row SameStarts(int threads, int keys) {
  Row row{.name = "same start"};
  Rig rig;
  rig.Own();
  const Json params{{"segments", kSegments}, {"hold_after", 1}, {"trace", true}};
  const auto key_of = [](int i) { return fmt::format("d{}", i); };
  const store::Job first = rig.Submit(key_of(0), params);
  std::atomic<int> refused{0};
  std::vector<std::thread> submitters;
  for (int t = 0; t < threads; ++t) {
    submitters.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < keys; ++i) {
        const std::string key = key_of(static_cast<int>(random() % static_cast<unsigned>(keys)));
        const bool is_accepted =
            rig.engine().Submit(jobs::FakeRequest(key, {"detect"}, params)).ok();
        if (!is_accepted) ++refused;
      }
    });
  }
  // The two that run are killed now and then, and begin again.
  for (int kill = 0; kill < 20; ++kill) {
    const jobs::StageSnapshot stage = rig.Stage(first.id);
    if (stage.pid > 0 && stage.done >= 100 && ::kill(static_cast<pid_t>(stage.pid), SIGKILL) == 0) {
      ++row.hits["killed meanwhile"];
      break;
    }
    std::this_thread::sleep_for(milliseconds{5});
  }
  for (std::thread& thread : submitters) thread.join();
  if (refused > 0) row.violations.push_back(fmt::format("{} submissions were refused", refused));
  for (int i = 0; i < keys; ++i) {
    ++row.rounds;
    const store::Job job = rig.Submit(key_of(i), params);
    const auto history = rig.store().RunHistory({"episode", key_of(i)}, "detect");
    if (!history.ok() || history->size() != 1) {
      row.violations.push_back(key_of(i) + ": more than one run of one piece of work");
    }
    ++row.hits["joined"];
    static_cast<void>(job);
  }
  const auto jobs = rig.store().JobList();
  if (!jobs.ok() || std::ssize(*jobs) != keys) {
    row.violations.push_back(
        fmt::format("{} jobs for {} pieces of work", jobs.ok() ? jobs->size() : 0, keys));
  }
  CheckStore(rig, row);
  return row;
}

Row RandomLives(int seeds) {
  constexpr int kSteps = 60;
  Row row{.name = "random lives"};
  for (int seed = 1; seed <= seeds; ++seed) {
    store::MemoryStore store;
    store::RandomScript script(store, static_cast<std::uint32_t>(seed));
    for (int step = 0; step < kSteps; ++step) script.Step();
    ++row.rounds;
    if (const auto checked = store.IntegrityCheck(); !checked.ok()) {
      row.violations.push_back(fmt::format("seed {}: {}", seed, checked.error().ToString()));
    }
  }
  row.hits["steps"] = row.rounds * kSteps;
  return row;
}

}  // namespace rollcall::faults
