#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "base/check.h"
#include "jobs/testing/engine_fixture.h"
#include "jobs/testing/faulty_store.h"
#include "oracle.h"
#include "store/memory/memory_store.h"
#include "store/testing/random_script.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;
using jobs::FaultyStore;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr int kSegments = 4;

// What writes, and what an attempt reads on its way.
constexpr const char* kMethods[] = {
    "JobSubmit",    "TaskClaim",  "TaskStarted", "LeaseRenew", "LeaseReap",   "SegmentCommit",
    "TaskSucceed",  "TaskEnd",    "RunGet",      "RunHistory", "RunLastGood", "RunsChangedSince",
    "ArtifactList", "EpisodeGet", "StreamEpoch", "NextRetry"};

Json ParamsFor(std::string_view method) {
  Json params{{"segments", kSegments}, {"dwell_ms", 2}, {"trace", true}};
  if (method == "TaskEnd") {  // Called when an attempt fails.
    params["behaviour"] = "transient";
    params["at"] = 2;
    params["times"] = 1;
  }
  return params;
}

// One job on a store that fails as `fault` says; `hits` is what the fault counts.
void RunOn(FaultyStore::Fault fault, const std::string& method, const std::atomic<int>& hits,
           Row& row) {
  Rig rig;
  rig.Own([&](std::unique_ptr<store::JobStore> store) {
    return std::make_unique<FaultyStore>(std::move(store), std::move(fault));
  });
  const auto began = Steady::now();
  const store::Job job = rig.Submit("x", ParamsFor(method));
  CheckRound(rig, "x", job, kSegments, row);
  CheckStore(rig, row);
  if (hits > 0) {
    ++row.hits[method];
    row.Recovered(std::chrono::duration_cast<milliseconds>(Steady::now() - began));
  }
}

}  // namespace

Row StoreLies(int calls) {
  Row row{.name = "store lies"};
  for (const std::string method : kMethods) {
    for (int nth = 1; nth <= calls; ++nth) {
      std::atomic<int> count{0};
      std::atomic<int> hits{0};
      const auto lie = [&](std::string_view called,
                           FaultyStore::When when) -> std::optional<base::Error> {
        if (called != method || when != FaultyStore::When::kAfter || ++count != nth) {
          return std::nullopt;
        }
        ++hits;
        return base::Error{base::ErrorCode::kUnavailable, "ERR_STORE_BUSY", "a lie", ""};
      };
      RunOn(lie, method, hits, row);
    }
  }
  return row;
}

Row DiskFull(int calls) {
  Row row{.name = "disk full"};
  constexpr const char* kWriters[] = {"JobSubmit",     "TaskClaim",   "TaskStarted", "LeaseRenew",
                                      "SegmentCommit", "TaskSucceed", "TaskEnd"};
  for (const std::string method : kWriters) {
    for (int nth = 1; nth <= calls; ++nth) {
      std::atomic<int> count{0};
      std::atomic<int> hits{0};
      std::atomic<std::int64_t> until{0};
      const auto full = [&](std::string_view called,
                            FaultyStore::When when) -> std::optional<base::Error> {
        if (called != method || when != FaultyStore::When::kBefore) return std::nullopt;
        const std::int64_t now = Steady::now().time_since_epoch().count();
        if (++count == nth) until = now + std::chrono::nanoseconds{milliseconds{40}}.count();
        if (now >= until) return std::nullopt;
        ++hits;
        return base::Error{base::ErrorCode::kResourceExhausted, "ERR_DISK_FULL",
                           "no space left on purpose", "free some space"};
      };
      RunOn(full, method, hits, row);
    }
  }
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
