#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>

#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/testing/power_loss_vfs.h"
#include "store/testing/random_script.h"
#include "store/testing/store_dump.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using store::PowerLossVfs;

constexpr int kSteps = 40;
constexpr int kReopenedAfter = 20;  // Closing moves everything into the main file.

// A random life of the SQLite store on a disk whose power goes at some time.
class PoweredLife {
 public:
  PoweredLife(std::uint32_t seed, PowerLossVfs::Syncs syncs)
      : seed_(seed), random_(seed), vfs_(seed, syncs) {}

  // Until the power goes, at the latest after the last step; where it went.
  std::string Live();
  // What is wrong when the power has come back; empty if nothing is.
  std::string CheckAfter();

 private:
  bool Open();

  const std::uint32_t seed_;
  std::mt19937 random_;
  PowerLossVfs vfs_;
  base::FakeClock clock_;
  std::unique_ptr<store::SqliteStore> store_;
  std::optional<store::RandomScript> script_;
  int steps_ = 0;  // Begun. The last one may have been cut off.
};

// Where two dumps part, for a person to look at.
std::string Difference(const std::string& found, const std::string& wanted) {
  constexpr std::size_t kAround = 60;
  const auto at =
      static_cast<std::size_t>(std::ranges::mismatch(found, wanted).in1 - found.begin());
  const std::size_t from = at < kAround ? 0 : at - kAround;
  return fmt::format("...{}... instead of ...{}...", found.substr(from, 2 * kAround),
                     wanted.substr(from, 2 * kAround));
}

bool PoweredLife::Open() {
  const auto path = std::filesystem::temp_directory_path() / "power.db";  // Only a name.
  auto store = store::SqliteStore::Open({.path = path, .vfs = vfs_.name()}, {clock_});
  if (!store.ok()) return false;
  store_ = std::move(store).value();
  return true;
}

std::string PoweredLife::Live() {
  // Without a write, a step does not sync; most have some ten pages to write.
  const bool is_at_sync = random_() % 2 == 0;
  vfs_.LosePowerAt(is_at_sync ? PowerLossVfs::Moment::kSync : PowerLossVfs::Moment::kWrite,
                   1 + static_cast<std::int64_t>(random_() % (is_at_sync ? 45 : 700)));
  if (!Open()) return "opening";
  script_.emplace(*store_, clock_, seed_);
  while (steps_ < kSteps) {
    ++steps_;
    script_->Step();
    if (!vfs_.has_power()) return is_at_sync ? "sync" : "write";
    if (steps_ != kReopenedAfter) continue;
    store_.reset();
    if (!vfs_.has_power()) return "closing";
    if (!Open()) return "opening again";
    script_->GoOnWith(*store_);
  }
  vfs_.LosePower();
  return "at rest";
}

std::string PoweredLife::CheckAfter() {
  store_.reset();
  vfs_.Restore();
  if (!Open()) return "the store does not open again";
  if (const auto checked = store_->IntegrityCheck(); !checked.ok()) {
    return checked.error().ToString();
  }
  const std::string found = store::DumpStore(*store_).dump();
  // What it should be, from a store that nothing happened to.
  base::FakeClock clock;
  store::MemoryStore twin({clock});
  store::RandomScript script(twin, clock, seed_);
  for (int step = 1; step < steps_; ++step) script.Step();
  // At the time of the one that was found: the last step may have let time pass and done no more.
  const auto dump_twin = [&] {
    const auto ahead = clock_.Now().boot - clock.Now().boot;
    clock.Advance(ahead);
    std::string dump = store::DumpStore(twin).dump();
    clock.Advance(-ahead);
    return dump;
  };
  const std::string without_last = dump_twin();
  if (steps_ > 0) script.Step();
  const bool is_acknowledged = !script_ || script_->answers() == script.answers();
  const std::string with_last = dump_twin();
  if (found == with_last || (!is_acknowledged && found == without_last)) return "";
  return fmt::format("step {}, {}: {}", steps_,
                     is_acknowledged ? "which was acknowledged, is lost" : "was done by halves",
                     Difference(found, with_last));
}

}  // namespace

Row PowerLosses(int rounds) {
  Row row{.name = "power lost"};
  for (int round = 1; round <= rounds; ++round) {
    ++row.rounds;
    PoweredLife life(static_cast<std::uint32_t>(round), PowerLossVfs::Syncs::kWork);
    ++row.hits[life.Live()];
    const std::string wrong = life.CheckAfter();
    if (!wrong.empty()) row.violations.push_back(fmt::format("life {}: {}", round, wrong));
  }
  return row;
}

bool IsUnsyncedLossCaught() {
  constexpr int kLives = 100;
  for (std::uint32_t seed = 1; seed <= kLives; ++seed) {
    PoweredLife life(seed, PowerLossVfs::Syncs::kDoNothing);
    life.Live();
    if (!life.CheckAfter().empty()) return true;
  }
  return false;
}

}  // namespace rollcall::faults
