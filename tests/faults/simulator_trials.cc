#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "simulator.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

constexpr int kControlSeeds = 1'000;  // Within so many a broken store must be caught.

struct BrokenSimulator {
  Breakage breakage;
  const char* name;
};
constexpr std::array kControls{
    BrokenSimulator{Breakage::kFenceOff, "fence off"},
    BrokenSimulator{Breakage::kEarlyReap, "reap without expiry"},
    BrokenSimulator{Breakage::kAskersBoot, "boot of whoever asks"},
    BrokenSimulator{Breakage::kStaleReap, "reap without token"},
    BrokenSimulator{Breakage::kLostEvent, "lost event"},
    BrokenSimulator{Breakage::kDedupeOff, "dedupe off"},
    BrokenSimulator{Breakage::kKeysOff, "keys off"},
    BrokenSimulator{Breakage::kForgotCancel, "forgotten cancel"},
    BrokenSimulator{Breakage::kDropBefore, "drop before submit"},
    BrokenSimulator{Breakage::kFullCounts, "full disk counted"},
};

void TakeOver(const Life& life, std::uint32_t seed, Row& row) {
  ++row.rounds;
  for (const auto& [fault, count] : life.hits) row.hits[fault] += count;
  row.noted["steps"] += life.steps;
  row.noted["writes refused"] += life.writes_refused;
  if (life.violation.empty()) return;
  row.violations.push_back(
      fmt::format("seed {0}, {1} (replay: faults --seed {0})", seed, life.violation));
}

}  // namespace

Row Simulator(int seeds) {
  Row row{.name = "simulator"};
  std::atomic<int> next{1};
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      while (true) {
        const int seed = next++;
        if (seed > seeds) return;
        const Life life = Simulate(static_cast<std::uint32_t>(seed), Breakage::kNone, false);
        const std::lock_guard lock(mutex);
        TakeOver(life, static_cast<std::uint32_t>(seed), row);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return row;
}

Row StoreControls() {
  Row row{.name = "store controls"};
  for (const BrokenSimulator& control : kControls) {
    ++row.rounds;
    int seed = 1;
    while (seed <= kControlSeeds &&
           Simulate(static_cast<std::uint32_t>(seed), control.breakage, false).violation.empty()) {
      ++seed;
    }
    if (seed <= kControlSeeds) {
      row.hits[fmt::format("{} by seed {}", control.name, seed)] = 1;
    } else {
      row.violations.push_back(std::string("not caught: ") + control.name);
    }
  }
  ++row.rounds;
  if (IsUnsyncedLossCaught()) {
    row.hits["sync off"] = 1;
  } else {
    row.violations.emplace_back("not caught: sync off");
  }
  return row;
}

int ReplaySeed(std::uint32_t seed) {
  return Simulate(seed, Breakage::kNone, /*is_traced=*/true).violation.empty() ? 0 : 1;
}

}  // namespace rollcall::faults
