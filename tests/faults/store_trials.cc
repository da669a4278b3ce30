#include <fmt/format.h>

#include "store/memory/memory_store.h"
#include "store/testing/random_script.h"
#include "trials.h"

namespace rollcall::faults {

Row RandomLives(int seeds) {
  constexpr int kSteps = 60;
  Row row{.name = "random lives"};
  for (int seed = 1; seed <= seeds; ++seed) {
    base::FakeClock clock;
    store::MemoryStore store({clock});
    store::RandomScript script(store, clock, static_cast<std::uint32_t>(seed));
    for (int step = 0; step < kSteps; ++step) script.Step();
    ++row.rounds;
    if (const auto checked = store.IntegrityCheck(); !checked.ok()) {
      row.violations.push_back(fmt::format("seed {}: {}", seed, checked.error().ToString()));
    }
  }
  row.noted["steps"] = std::int64_t{row.rounds} * kSteps;
  return row;
}

}  // namespace rollcall::faults
